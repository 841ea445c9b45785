/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Who waits for a cohort waits for all that is retired in it, and for nothing else: not for the
 * readers of strangers' objects, nor for strangers' callbacks, which it never runs. Then nothing of
 * the library looks at the cohort any more.
 */
#include "retired.h"
#include "surroundings.h"

#define OBJECTS 200
/* Looked at again, so many rounds later. */
#define GIVEN_UP 50
#define MILLISECOND 1000000u

static struct object own[OBJECTS], strangers[OBJECTS];
static struct hazptr_cohort cohort, other_cohort;

static void begin(void)
{
    memset(own, 0, sizeof(own));
    memset(strangers, 0, sizeof(strangers));
}

static void are_reclaimed(const struct object *objects, unsigned int times)
{
    int i;

    for (i = 0; i < OBJECTS; i++)
        CHECK_EQ(times_reclaimed(&objects[i]), times);
}

static void *wait_for_cohort(void *argument)
{
    struct waiter *waiter = (struct waiter *)argument;

    __atomic_store_n(&waiter->tid, thread_id(), __ATOMIC_RELEASE);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    __atomic_store_n(&waiter->returned, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void barrier_begins(struct waiter *waiter)
{
    memset(waiter, 0, sizeof(*waiter));
    waiter->thread = check_thread(wait_for_cohort, waiter);
}

/* --- readers ---------------------------------------------------------------------------------- */

static void strangers_readers_are_not_waited_for(void)
{
    struct hazptr_ctx contexts[OBJECTS];
    int i;

    begin();
    for (i = 0; i < OBJECTS; i++) {
        hold(&contexts[i], &strangers[i]);
        retire_in(i % 2 ? &other_cohort : NULL, &strangers[i], 0);
        retire_in(&cohort, &own[i], 0);
    }
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    are_reclaimed(own, 1);
    are_reclaimed(strangers, 0);
    CHECK_EQ(hazptr_cohort_barrier(&other_cohort, MILLISECOND), ETIMEDOUT);
    for (i = 0; i < OBJECTS; i++)
        hazptr_release(&contexts[i], &strangers[i]);
    CHECK_EQ(hazptr_cohort_barrier(&other_cohort, HAZPTR_FOREVER), 0);
    for (i = 1; i < OBJECTS; i += 2)
        CHECK_EQ(times_reclaimed(&strangers[i]), 1);
    CHECK_EQ(hazptr_barrier(), 0);
    are_reclaimed(strangers, 1);
    are_reclaimed(own, 1);
}

static void own_readers_are_waited_for(void)
{
    struct waiter waiters[2];
    struct hazptr_ctx ctx;
    int i;

    begin();
    hold(&ctx, &own[0]);
    for (i = 0; i < OBJECTS; i++)
        retire_in(&cohort, &own[i], 0);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, 0), ETIMEDOUT);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, MILLISECOND), ETIMEDOUT);
    for (i = 0; i < 2; i++)
        barrier_begins(&waiters[i]);
    for (i = 0; i < 2; i++)
        waiter_await_futex(&waiters[i]);
    CHECK_EQ(times_reclaimed(&own[0]), 0);
    hazptr_release(&ctx, &own[0]);
    for (i = 0; i < 2; i++)
        waiter_join(&waiters[i]);
    are_reclaimed(own, 1);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, 0), 0);
}

/* --- what its callbacks retire ---------------------------------------------------------------- */

static void retire_the_next(struct hazptr_head *head)
{
    struct object *next = (struct object *)head + 1;

    note_reclaimed(head);
    if (next < own + OBJECTS)
        CHECK_EQ(hazptr_retire_in(&cohort, &next->head, next, retire_the_next, 0), 0);
}

static void what_its_callbacks_retire_is_waited_for(void)
{
    struct waiter waiter;
    struct hazptr_ctx ctx;

    begin();
    hold(&ctx, &own[OBJECTS / 2]);
    CHECK_EQ(hazptr_retire_in(&cohort, &own[0].head, &own[0], retire_the_next, 0), 0);
    barrier_begins(&waiter);
    AWAIT(times_reclaimed(&own[OBJECTS / 2 - 1]));
    waiter_await_futex(&waiter);
    hazptr_release(&ctx, &own[OBJECTS / 2]);
    waiter_join(&waiter);
    are_reclaimed(own, 1);
}

/* --- strangers' callbacks --------------------------------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int blocked;

static void take_the_lock(struct hazptr_head *head)
{
    __atomic_store_n(&blocked, 1, __ATOMIC_RELEASE);
    CHECK_ERR(pthread_mutex_lock(&mutex));
    note_reclaimed(head);
    CHECK_ERR(pthread_mutex_unlock(&mutex));
}

/* One of them among those of the cohort, whichever order they are run in. */
static void retire_them_all(void)
{
    int i;

    begin();
    __atomic_store_n(&blocked, 0, __ATOMIC_RELAXED);
    for (i = 0; i < OBJECTS; i++) {
        retire_in(&cohort, &own[i], HAZPTR_RETIRE_NOHELP);
        if (i == OBJECTS / 2)
            CHECK_EQ(hazptr_retire_in(NULL, &strangers[0].head, &strangers[0], take_the_lock,
                                      HAZPTR_RETIRE_NOHELP),
                     0);
    }
}

static void caller_runs_no_strangers_callback(void)
{
    CHECK_ERR(pthread_mutex_lock(&mutex));
    retire_them_all();
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    are_reclaimed(own, 1);
    CHECK_EQ(times_reclaimed(&strangers[0]), 0);
    CHECK_ERR(pthread_mutex_unlock(&mutex));
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(times_reclaimed(&strangers[0]), 1);
}

static void *reclaim_here(void *argument)
{
    while (!__atomic_load_n(&blocked, __ATOMIC_ACQUIRE))
        hazptr_reclaim_here();
    return NULL;
}

/* Others have taken both, and are stuck in the stranger's before they come to the cohort's. */
static void a_strangers_callback_may_wait_for_a_lock_of_the_caller(void)
{
    pthread_t thread;

    CHECK_ERR(pthread_mutex_lock(&mutex));
    retire_them_all();
    thread = check_thread(reclaim_here, NULL);
    AWAIT(__atomic_load_n(&blocked, __ATOMIC_ACQUIRE));
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    are_reclaimed(own, 1);
    CHECK_EQ(times_reclaimed(&strangers[0]), 0);
    CHECK_ERR(pthread_mutex_unlock(&mutex));
    CHECK_ERR(pthread_join(thread, NULL));
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(times_reclaimed(&strangers[0]), 1);
}

/* --- its end ---------------------------------------------------------------------------------- */

static void *retire_in_default(void *stop)
{
    while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED))
        CHECK_EQ(hazptr_retire_ptr(malloc(16), free), 0);
    return NULL;
}

static void is_as_it_was_left(const struct hazptr_cohort *left)
{
    const unsigned char *bytes = (const unsigned char *)left;
    size_t i;

    for (i = 0; i < sizeof(*left); i++)
        CHECK_EQ(bytes[i], 0xff);
}

/* By the worker, the other thread or this one. */
static void fill_and_empty(struct hazptr_cohort *brief, unsigned int round)
{
    unsigned int i;

    for (i = 0; i < 1 + round % 5; i++)
        CHECK_EQ(hazptr_retire_ptr_in(brief, malloc(16), free, 0), 0);
    if (round % 3 == 0)
        sched_yield();
    CHECK_EQ(hazptr_cohort_barrier(brief, HAZPTR_FOREVER), 0);
}

/* Whoever lowers its count last does not touch it after. */
static void it_may_be_given_up_after_the_barrier(void)
{
    unsigned int rounds = under_valgrind() ? 100 : 5000, i;
    struct hazptr_cohort given_up[GIVEN_UP];
    int stop = 0;
    pthread_t thread = check_thread(retire_in_default, &stop);

    memset(given_up, 0xff, sizeof(given_up));
    for (i = 0; i < rounds; i++) {
        struct hazptr_cohort *brief = &given_up[i % GIVEN_UP];

        is_as_it_was_left(brief);
        memset(brief, 0, sizeof(*brief));
        fill_and_empty(brief, i);
        memset(brief, 0xff, sizeof(*brief));
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    CHECK_ERR(pthread_join(thread, NULL));
    CHECK_EQ(hazptr_barrier(), 0);
    for (i = 0; i < GIVEN_UP; i++)
        is_as_it_was_left(&given_up[i]);
    CHECK_EQ(check_stats().pending, 0);
}

int main(void)
{
    unsigned int rounds = under_valgrind() ? 3 : 50;

    check_mode();
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    for (; rounds; rounds--) {
        strangers_readers_are_not_waited_for();
        own_readers_are_waited_for();
        what_its_callbacks_retire_is_waited_for();
        caller_runs_no_strangers_callback();
        a_strangers_callback_may_wait_for_a_lock_of_the_caller();
    }
    it_may_be_given_up_after_the_barrier();
    return 0;
}
