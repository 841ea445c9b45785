/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * When the worker begins: after the delay, or when so many are waiting; or when somebody asks for
 * it. The delay here is an hour: nothing else can have brought about what is then seen.
 */
#include "cases.h"
#include "retired.h"

#define OBJECTS 1000

static struct object objects[OBJECTS];
static struct hazptr_cohort cohort;

static void set(uint32_t batch, uint32_t delay_us)
{
    struct hazptr_reclaim_policy policy = policy_in_force();

    policy.batch = batch;
    policy.delay_us = delay_us;
    CHECK_EQ(set_policy(&policy), 0);
}

/* The worker has seen that something is pending, and sleeps. */
static void await_sleeping_worker(void)
{
    const pid_t worker = await_worker();
    unsigned long futex;

    do {
        give_way();
        futex = thread_futex(worker);
    } while (!futex || !thread_stays_blocked(worker, futex));
}

static void retire_one_that_has_to_wait(void)
{
    memset(&objects[0], 0, sizeof(objects[0]));
    retire(&objects[0]);
    await_sleeping_worker();
    CHECK_EQ(times_reclaimed(&objects[0]), 0);
    CHECK_EQ(check_stats().pending, 1);
}

static void barrier_does_not_wait_for_it(void)
{
    set_delay(LONG_DELAY);
    retire_one_that_has_to_wait();
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(times_reclaimed(&objects[0]), 1);
    retire_one_that_has_to_wait();
    CHECK_EQ(hazptr_reclaim_here(), 1);
    CHECK_EQ(times_reclaimed(&objects[0]), 1);
}

static void cohort_barrier_does_not_wait_for_it(void)
{
    set_delay(LONG_DELAY);
    retire_one_that_has_to_wait();
    retire_in(&cohort, &objects[1], 0);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    CHECK_EQ(times_reclaimed(&objects[1]), 1);
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(times_reclaimed(&objects[0]), 1);
}

static void *wait_in_barrier(void *argument)
{
    struct waiter *waiter = (struct waiter *)argument;

    __atomic_store_n(&waiter->tid, thread_id(), __ATOMIC_RELEASE);
    CHECK_EQ(hazptr_barrier(), 0);
    __atomic_store_n(&waiter->returned, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void *wait_in_cohort_barrier(void *argument)
{
    struct waiter *waiter = (struct waiter *)argument;

    __atomic_store_n(&waiter->tid, thread_id(), __ATOMIC_RELEASE);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    __atomic_store_n(&waiter->returned, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* What a barrier sleeps for is looked at when it is released, not after the delay. */
static void behind_a_reader(void *(*barrier)(void *))
{
    struct waiter waiter;
    struct hazptr_ctx ctx;

    memset(&waiter, 0, sizeof(waiter));
    memset(&objects[0], 0, sizeof(objects[0]));
    hold(&ctx, &objects[0]);
    retire_in(&cohort, &objects[0], 0);
    waiter.thread = check_thread(barrier, &waiter);
    waiter_await_futex(&waiter);
    CHECK_EQ(times_reclaimed(&objects[0]), 0);
    hazptr_release(&ctx, &objects[0]);
    waiter_join(&waiter);
    CHECK_EQ(times_reclaimed(&objects[0]), 1);
}

static void barriers_behind_a_reader_do_not_wait_for_it(void)
{
    int round;

    set_delay(LONG_DELAY);
    for (round = 0; round < 20; round++) {
        behind_a_reader(wait_in_barrier);
        behind_a_reader(wait_in_cohort_barrier);
    }
}

/* Nor where there is nobody but them. */
static void barriers_without_a_worker_do_not_wait_for_it(void)
{
    start_no_worker();
    barriers_behind_a_reader_do_not_wait_for_it();
}

static void batch_is_not_waited_for_either(void)
{
    int i;

    set(OBJECTS / 2, LONG_DELAY);
    for (i = 0; i < OBJECTS / 2; i++)
        retire_in(NULL, &objects[i], HAZPTR_RETIRE_NOHELP);
    AWAIT(times_reclaimed(&objects[0]));
    CHECK_EQ(objects[0].by, await_worker());
    set(1, LONG_DELAY);
    for (; i < OBJECTS; i++) {
        retire_in(NULL, &objects[i], HAZPTR_RETIRE_NOHELP);
        AWAIT(times_reclaimed(&objects[i]));
        CHECK_EQ(objects[i].by, await_worker());
    }
}

/* Not again and again. */
static void what_is_protected_waits_for_its_next_turn(void)
{
    struct hazptr_ctx ctx;
    uint64_t batches;

    set(1, LONG_DELAY);
    hold(&ctx, &objects[0]);
    retire_in(NULL, &objects[0], HAZPTR_RETIRE_NOHELP);
    AWAIT(check_stats().batches > 0);
    await_sleeping_worker();
    batches = check_stats().batches;
    await_sleeping_worker();
    CHECK_EQ(check_stats().batches, batches);
    hazptr_release(&ctx, &objects[0]);
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(times_reclaimed(&objects[0]), 1);
}

static void shorter_one_is_in_force_at_once(void)
{
    set_delay(LONG_DELAY);
    retire_one_that_has_to_wait();
    set(1000, 1000);
    AWAIT(times_reclaimed(&objects[0]));
    CHECK_EQ(objects[0].by, await_worker());
}

static void none_at_all(void)
{
    int i;

    set(1000, 0);
    for (i = 0; i < OBJECTS; i++) {
        retire(&objects[i]);
        AWAIT(times_reclaimed(&objects[i]));
    }
}

static const struct test_case cases[] = {
    {"barrier-does-not-wait-for-it", barrier_does_not_wait_for_it, 0, 0},
    {"cohort-barrier-does-not-wait-for-it", cohort_barrier_does_not_wait_for_it, 0, 0},
    {"barriers-behind-a-reader-do-not-wait-for-it", barriers_behind_a_reader_do_not_wait_for_it, 0,
     0},
    {"barriers-without-a-worker-do-not-wait-for-it", barriers_without_a_worker_do_not_wait_for_it,
     0, 0},
    {"batch-is-not-waited-for-either", batch_is_not_waited_for_either, 0, 0},
    {"what-is-protected-waits-for-its-next-turn", what_is_protected_waits_for_its_next_turn, 0, 0},
    {"shorter-one-is-in-force-at-once", shorter_one_is_in_force_at_once, 0, 0},
    {"none-at-all", none_at_all, 0, 0},
};

int main(int argc, char **argv)
{
    return run_cases(cases, CASES(cases), argc, argv);
}
