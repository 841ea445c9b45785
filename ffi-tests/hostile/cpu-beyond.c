/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A CPU whose number is beyond the table of lines: acquires there take the portable path, beside
 * those of other CPUs that use sequences. Waiters wait for both.
 *
 * The table has room for every CPU that Linux can have, so that its end is moved here.
 */
#include "busy.h"
#include "surroundings.h"
#include <hazptr/control.h>

#define ACQUIRES 1000
#define MOVES 300

static int object;
static void *pointer = &object;

/* The lines of those beyond stay CURRENT, and out of reach. */
static void move_end_of_table(uint32_t nr_cpus)
{
    struct hazptr_control *control = (struct hazptr_control *)(uintptr_t)hazptr_control_block();
    uint32_t cpu;

    __atomic_store_n(&control->nr_cpus, nr_cpus, __ATOMIC_SEQ_CST);
    for (cpu = nr_cpus; cpu < CPU_SETSIZE; cpu++)
        __atomic_store_n(&control->current[cpu], (struct hazptr_line *)NULL, __ATOMIC_SEQ_CST);
}

/* The last that this thread may use, or the first. */
static int cpu_allowed(int last)
{
    cpu_set_t allowed = cpus_allowed();
    int cpu = last ? CPU_SETSIZE - 1 : 0;

    while (!CPU_ISSET(cpu, &allowed))
        cpu += last ? -1 : 1;
    return cpu;
}

/* How many of a number of acquires by this thread were portable. */
static uint64_t acquire_many(void)
{
    uint64_t before = check_stats().acquire_portable;
    struct hazptr_ctx ctx;
    int i;

    for (i = 0; i < ACQUIRES; i++) {
        CHECK(hazptr_acquire(&ctx, &pointer) == &object);
        hazptr_release(&ctx, &object);
    }
    return check_stats().acquire_portable - before;
}

/* A hazard of each of two CPUs, released on the other one. */
static void each_is_waited_for(int here, int there)
{
    struct hazptr_ctx ctx[2];
    struct waiter waiter;
    uint64_t sleeps = check_stats().sleeps;

    bind_to_cpu(here);
    CHECK(hazptr_acquire(&ctx[0], &pointer) == &object);
    bind_to_cpu(there);
    CHECK(hazptr_acquire(&ctx[1], &pointer) == &object);
    waiter_start(&waiter, &object);
    waiter_await_sleep(&waiter, sleeps);
    hazptr_release(&ctx[0], &object);
    waiter_await_sleep(&waiter, sleeps);
    bind_to_cpu(here);
    hazptr_release(&ctx[1], &object);
    waiter_join(&waiter);
}

static void beyond_is_portable(int first, int last)
{
    bind_to_cpu(last);
    CHECK_EQ(acquire_many(), 0);
    move_end_of_table((uint32_t)last);
    CHECK_EQ(acquire_many(), ACQUIRES);
    hazptr_note_context_switch();
    if (first != last) {
        bind_to_cpu(first);
        CHECK_EQ(acquire_many(), 0);
    }
    each_is_waited_for(first, last);
    each_is_waited_for(last, first);
}

/* Readers go from CPU to CPU, and the end of the table moves under them. */
static void both_go_together(uint32_t all, uint32_t some)
{
    const uint32_t ends[] = {some, all, 0};
    uint64_t before = check_stats().acquire_portable;
    int i;

    busy_begin();
    for (i = 0; i < MOVES; i++) {
        move_end_of_table(ends[i % 3]);
        busy_await_turns();
    }
    busy_end();
    CHECK(check_stats().acquire_portable > before);
    CHECK_EQ(check_stats().held, 0);
}

int main(void)
{
    const uint32_t all = hazptr_control_block()->nr_cpus;
    const cpu_set_t allowed = cpus_allowed();
    int first = cpu_allowed(0), last = cpu_allowed(1);

    check_mode();
    CHECK((uint32_t)last < all);
    beyond_is_portable(first, last);
    bind_to_cpus(&allowed);
    both_go_together(all, (uint32_t)last);
    return 0;
}
