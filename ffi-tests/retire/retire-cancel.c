/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Retiring and waiting for it are no cancellation points: a request waits until the call is over, a
 * sleeping barrier included, and nothing that was retired is lost.
 */
#include "retired.h"

#define ROUNDS 50
#define OBJECTS 3000

static struct object objects[OBJECTS];
static struct hazptr_cohort cohort;

static void join_cancelled(pthread_t thread)
{
    void *result;

    CHECK_ERR(pthread_join(thread, &result));
    CHECK(result == PTHREAD_CANCELED);
}

/* More than the bound, so that the thread helps; and each of the calls. */
static void *call_each_function_when_cancelled(void *argument)
{
    int i;

    CHECK_ERR(pthread_cancel(pthread_self()));
    for (i = 0; i < OBJECTS; i++)
        retire_in(i % 2 ? &cohort : NULL, &objects[i], 0);
    CHECK_EQ(hazptr_retire_ptr(malloc(1), free), 0);
    hazptr_reclaim_here();
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    CHECK_EQ(hazptr_barrier(), 0);
    *(int *)argument = 1;
    pthread_testcancel();
    return NULL;
}

static void no_function_is_a_cancellation_point(void)
{
    int calls_are_over = 0, i;

    memset(objects, 0, sizeof(objects));
    join_cancelled(check_thread(call_each_function_when_cancelled, &calls_are_over));
    CHECK(calls_are_over);
    for (i = 0; i < OBJECTS; i++)
        CHECK_EQ(times_reclaimed(&objects[i]), 1);
}

struct sleeper {
    struct waiter waiter;
    int in_cohort;
};

static void *wait_and_see(void *argument)
{
    struct sleeper *sleeper = (struct sleeper *)argument;

    __atomic_store_n(&sleeper->waiter.tid, thread_id(), __ATOMIC_RELEASE);
    if (sleeper->in_cohort)
        CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    else
        CHECK_EQ(hazptr_barrier(), 0);
    __atomic_store_n(&sleeper->waiter.returned, 1, __ATOMIC_RELEASE);
    pthread_testcancel();
    return NULL;
}

static void a_sleeping_barrier_sleeps_on(int in_cohort)
{
    struct sleeper sleeper;
    struct hazptr_ctx ctx;

    memset(objects, 0, sizeof(objects[0]));
    memset(&sleeper, 0, sizeof(sleeper));
    sleeper.in_cohort = in_cohort;
    hold(&ctx, &objects[0]);
    retire_in(&cohort, &objects[0], 0);
    sleeper.waiter.thread = check_thread(wait_and_see, &sleeper);
    waiter_await_futex(&sleeper.waiter);
    CHECK_ERR(pthread_cancel(sleeper.waiter.thread));
    /* Where the request is a signal, it wakes for a moment. */
    waiter_await_futex(&sleeper.waiter);
    hazptr_release(&ctx, &objects[0]);
    join_cancelled(sleeper.waiter.thread);
    CHECK(sleeper.waiter.returned);
    CHECK_EQ(times_reclaimed(&objects[0]), 1);
}

int main(void)
{
    int round;

    check_mode();
    for (round = 0; round < ROUNDS; round++) {
        no_function_is_a_cancellation_point();
        a_sleeping_barrier_sleeps_on(0);
        a_sleeping_barrier_sleeps_on(1);
    }
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(check_stats().pending, 0);
    return 0;
}
