/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Scenario 2: a waiter waits for its object, not for an empty slot. Readers that keep coming, in
 * the very slots that it looks at, delay it by nothing.
 */
#include "surroundings.h"
#include "waiter.h"

static long objects[4][8];

/* The slot that the waiter sleeps for is taken again before it looks, and stays taken. */
static void it_returns_though_the_slot_is_taken_again(void)
{
    const uint64_t sleeps = check_stats().sleeps;
    void *pointers[2] = {objects[0], objects[1]};
    struct waiter waiter;
    struct hazptr_ctx ctx;
    const cpu_set_t allowed = cpus_allowed();

    /* The lowest empty slot of this CPU's line. */
    bind_to_a_cpu();
    CHECK(hazptr_acquire(&ctx, &pointers[0]) == objects[0]);
    waiter_start(&waiter, objects[0]);
    waiter_await_sleep(&waiter, sleeps);
    hazptr_release(&ctx, objects[0]);
    CHECK(hazptr_acquire(&ctx, &pointers[1]) == objects[1]);
    waiter_join(&waiter);
    hazptr_release(&ctx, objects[1]);
    bind_to_cpus(&allowed);
}

/* --- readers at full speed ----------------------------------------------------------------------
 */

#define MOST_READERS 4
#define CALLS 10000

static int end;
static unsigned long turns[MOST_READERS];

/* Hand over hand, of two other objects: at no moment does it hold nothing. */
static void *read_on_and_on(void *argument)
{
    unsigned long *turn = (unsigned long *)argument;
    void *pointers[2] = {objects[2], objects[3]};
    struct hazptr_ctx ctx[2];
    unsigned int i;

    hazptr_acquire(&ctx[0], &pointers[0]);
    for (i = 1; !__atomic_load_n(&end, __ATOMIC_RELAXED); i++) {
        hazptr_acquire(&ctx[i % 2], &pointers[i % 2]);
        hazptr_release(&ctx[(i + 1) % 2], NULL);
        __atomic_store_n(turn, i, __ATOMIC_RELAXED);
    }
    hazptr_release(&ctx[(i + 1) % 2], NULL);
    return NULL;
}

/* Whether each has had that many turns. */
static int all_have_had(unsigned int readers, unsigned long count)
{
    while (readers--) {
        if (__atomic_load_n(&turns[readers], __ATOMIC_RELAXED) < count)
            return 0;
    }
    return 1;
}

static void it_returns_though_readers_keep_coming(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned int count = cpus < MOST_READERS ? (unsigned int)cpus : MOST_READERS, i;
    const uint64_t sleeps = check_stats().sleeps;
    pthread_t readers[MOST_READERS];

    for (i = 0; i < count; i++)
        readers[i] = check_thread(read_on_and_on, &turns[i]);
    while (!all_have_had(count, 1))
        sched_yield();
    for (i = 0; i < CALLS || !all_have_had(count, CALLS); i++)
        hazptr_synchronize(objects[i % 2]);
    CHECK_EQ(check_stats().sleeps, sleeps);
    __atomic_store_n(&end, 1, __ATOMIC_RELAXED);
    for (i = 0; i < count; i++)
        CHECK_ERR(pthread_join(readers[i], NULL));
    CHECK_EQ(check_stats().held, 0);
}

int main(void)
{
    check_mode();
    it_returns_though_the_slot_is_taken_again();
    it_returns_though_readers_keep_coming();
    return 0;
}
