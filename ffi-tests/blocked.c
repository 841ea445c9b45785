/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * 500 threads block, each with one to four hazards. Others acquire and release as fast as if they
 * were not there, memory stays within a computed bound, and a waiter waits for the holders of its
 * object only.
 */
#include "check.h"
#include "surroundings.h"
#include "waiter.h"
#include <hazptr/control.h>
#include <semaphore.h>

#define HOLDERS 500
#define MOST 4
/* Every so many of them hold the object that is waited for, as their first. */
#define EVERY 71
#define PASSERS 2
#define PASSES 50000

static int awaited, others[MOST], passed;

struct holder {
    pthread_t thread;
    struct hazptr_ctx ctx[MOST];
    int count;
    int holds_awaited;
};

static struct holder holders[HOLDERS];
static sem_t ready;
/* Readers block until the writing end is closed: one for those who hold the awaited object. */
static int others_pipe[2], awaited_pipe[2];
static int stop;

static int by_sequence(void)
{
    return hazptr_mode() == HAZPTR_MODE_RSEQ && !getenv("HAZPTR_MAX_LINES");
}

/* --- those who pass by ------------------------------------------------------------------------ */

static void pass(void)
{
    void *pointer = &passed;
    struct hazptr_ctx ctx;

    CHECK(hazptr_acquire(&ctx, &pointer) == &passed);
    hazptr_release(&ctx, &passed);
}

static void *pass_until_stopped(void *argument)
{
    unsigned int n = 0;

    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        pass();
        /* The holders want a CPU as well. */
        if (++n % 64 == 0)
            sched_yield();
    }
    return NULL;
}

static void *pass_a_while(void *argument)
{
    unsigned int n;

    for (n = 0; n < PASSES; n++)
        pass();
    return NULL;
}

static void passers_run(pthread_t *threads, void *(*function)(void *))
{
    int i;

    for (i = 0; i < PASSERS; i++)
        threads[i] = check_thread(function, NULL);
}

static void passers_join(pthread_t *threads)
{
    int i;

    for (i = 0; i < PASSERS; i++)
        CHECK_ERR(pthread_join(threads[i], NULL));
}

/* --- those who block -------------------------------------------------------------------------- */

static void block(const int *pipe)
{
    char byte;

    CHECK_EQ(read(pipe[0], &byte, 1), 0);
}

static void *hold(void *argument)
{
    struct holder *self = (struct holder *)argument;
    void *pointer;
    int i;

    for (i = 0; i < self->count; i++) {
        pointer = i == 0 && self->holds_awaited ? &awaited : &others[i];
        CHECK(hazptr_acquire(&self->ctx[i], &pointer) == pointer);
    }
    CHECK_EQ(sem_post(&ready), 0);
    block(self->holds_awaited ? awaited_pipe : others_pipe);
    while (i-- > 0)
        hazptr_release(&self->ctx[i], NULL);
    return NULL;
}

/* One after the other, so that it is known how many are in an acquire at once. */
static int start_holders(void)
{
    pthread_attr_t attributes;
    int i, total = 0;

    CHECK_ERR(pthread_attr_init(&attributes));
    CHECK_ERR(pthread_attr_setstacksize(&attributes, 65536));
    for (i = 0; i < HOLDERS; i++) {
        holders[i].count = i % MOST + 1;
        holders[i].holds_awaited = i % EVERY == 0;
        CHECK_ERR(pthread_create(&holders[i].thread, &attributes, hold, &holders[i]));
        while (sem_wait(&ready) != 0)
            CHECK_EQ(errno, EINTR);
        total += holders[i].count;
    }
    CHECK_ERR(pthread_attr_destroy(&attributes));
    return total;
}

/* Lets one of the two kinds go on. How many hazards they gave up. */
static int end_holders(int holds_awaited, const int *pipe)
{
    int i, released = 0;

    CHECK_EQ(close(pipe[1]), 0);
    for (i = 0; i < HOLDERS; i++) {
        if (holders[i].holds_awaited != holds_awaited)
            continue;
        CHECK_ERR(pthread_join(holders[i].thread, NULL));
        released += holders[i].count;
    }
    CHECK_EQ(close(pipe[0]), 0);
    return released;
}

/* --- what must hold --------------------------------------------------------------------------- */

/* The most lines that @total blocked hazards and the passers may have had use for. */
static unsigned long most_lines(unsigned long total)
{
    /* Taken by a swap that came too late; current, once for each CPU. */
    unsigned long spare = PASSERS + 1 + (unsigned long)sysconf(_SC_NPROCESSORS_CONF);
    unsigned long early = check_stats().parks_early;
    /* A line that is parked has all its slots taken, or its four near ones; by passers at most as
     * many as there are. */
    unsigned long most_early = total / (4 - PASSERS);
    unsigned long full = total / (HAZPTR_LINE_SLOTS - PASSERS) + 1;

    if (getenv("HAZPTR_MAX_LINES"))
        return 0;
    if (by_sequence())
        return full + (early < most_early ? early : most_early) + spare;
    /* 16 are there from the start; another is made when all look full. */
    return 16 + full + spare;
}

/* Those who pass by stay on the fast path: a line's near slots are found taken a bounded number of
 * times, then it is parked. */
static void passing_stays_fast(void)
{
    struct hazptr_statistics before = check_stats(), after;
    pthread_t threads[PASSERS];

    passers_run(threads, pass_a_while);
    passers_join(threads);
    after = check_stats();
    if (by_sequence())
        CHECK(after.acquire_slow - before.acquire_slow <=
              100 * (unsigned long)sysconf(_SC_NPROCESSORS_CONF));
}

static void waiter_waits_for_its_holders_only(int total)
{
    uint64_t sleeps = check_stats().sleeps;
    struct waiter waiter;
    int rest;

    waiter_start(&waiter, &awaited);
    waiter_await_sleep(&waiter, sleeps);
    rest = total - end_holders(1, awaited_pipe);
    waiter_join(&waiter);
    CHECK_EQ(check_stats().held, rest);
    /* Nobody holds this one. */
    hazptr_synchronize(&passed);
}

static void hold_and_pass(void)
{
    pthread_t threads[PASSERS];
    int total;

    CHECK_EQ(pipe(others_pipe), 0);
    CHECK_EQ(pipe(awaited_pipe), 0);
    stop = 0;
    passers_run(threads, pass_until_stopped);
    total = start_holders();
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    passers_join(threads);
    CHECK_EQ(check_stats().held, total);
    CHECK(check_stats().lines <= most_lines(total));

    passing_stays_fast();
    waiter_waits_for_its_holders_only(total);
    end_holders(0, others_pipe);
    CHECK_EQ(check_stats().held, 0);
    hazptr_synchronize(&others[0]);
    CHECK(check_stats().lines <= most_lines(total));
}

/*
 * On each CPU, four stale hazards in the near slots of its line: the acquires that find them taken
 * are bounded, and then the line is parked early, once.
 */
static void line_with_stale_near_slots_is_parked_early(int cpu)
{
    void *pointer = &others[0];
    struct hazptr_ctx stale[4];
    struct hazptr_statistics before, after;
    int i;

    bind_to_cpu(cpu);
    pass();
    for (i = 0; i < 4; i++)
        hazptr_acquire(&stale[i], &pointer);
    before = check_stats();
    for (i = 0; i < 1000; i++)
        pass();
    after = check_stats();
    CHECK_EQ(after.parks_early - before.parks_early, 1);
    CHECK_EQ(after.parks - before.parks, 1);
    CHECK(after.acquire_far > before.acquire_far);
    CHECK(after.acquire_slow - before.acquire_slow <= 100);
    CHECK_EQ(after.held, 4);
    for (i = 0; i < 4; i++)
        hazptr_release(&stale[i], NULL);
}

static void early_parking(void)
{
    cpu_set_t allowed = cpus_allowed();
    int cpu;

    if (!by_sequence())
        return;
    for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed))
            line_with_stale_near_slots_is_parked_early(cpu);
    bind_to_cpus(&allowed);
}

int main(void)
{
    int round;

    check_mode();
    CHECK_EQ(sem_init(&ready, 0, 0), 0);
    early_parking();
    /* Twice: what has drained is used again. */
    for (round = 0; round < 2; round++)
        hold_and_pass();
    return 0;
}
