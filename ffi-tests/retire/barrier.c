/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * When hazptr_barrier() returns, everything that was retired before it is reclaimed, whoever retired
 * it. It waits for readers of that, and for nothing that is retired later, however much that is.
 */
#include "retired.h"
#include "surroundings.h"

#define RETIRERS 3
#define OBJECTS 1000
#define AT_ONCE 4

static struct object objects[RETIRERS][OBJECTS];

static void start_and_join(void *(*function)(void *))
{
    pthread_t threads[RETIRERS];
    int i;

    for (i = 0; i < RETIRERS; i++)
        threads[i] = check_thread(function, objects[i]);
    for (i = 0; i < RETIRERS; i++)
        CHECK_ERR(pthread_join(threads[i], NULL));
}

static void all_are_reclaimed_once(const struct object *of_retirer)
{
    int i;

    for (i = 0; i < OBJECTS; i++)
        CHECK_EQ(times_reclaimed(&of_retirer[i]), 1);
}

/* --- what was retired before ------------------------------------------------------------------ */

static void *retire_some(void *argument)
{
    struct object *own = (struct object *)argument;
    int i;

    for (i = 0; i < OBJECTS; i++)
        retire(&own[i]);
    return NULL;
}

static void what_other_threads_retired_is_reclaimed(void)
{
    int i;

    memset(objects, 0, sizeof(objects));
    start_and_join(retire_some);
    CHECK_EQ(hazptr_barrier(), 0);
    for (i = 0; i < RETIRERS; i++)
        all_are_reclaimed_once(objects[i]);
    CHECK_EQ(check_stats().pending, 0);
}

/* --- what goes on ----------------------------------------------------------------------------- */

static int stop;

static void *retire_until_stopped(void *argument)
{
    struct object *object;

    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        object = (struct object *)malloc(sizeof(*object));
        CHECK(object);
        hazptr_retire(&object->head, object, free_reclaimed);
    }
    return NULL;
}

static unsigned int rounds;

/* Each with what it retires itself, while others are in theirs. */
static void *retire_and_wait(void *argument)
{
    struct object *own = (struct object *)argument;
    unsigned int round, first, i;

    for (round = 0; round < rounds; round++) {
        memset(own, 0, OBJECTS * sizeof(*own));
        for (first = 0; first < OBJECTS; first += 100) {
            for (i = first; i < first + 100; i++)
                retire(&own[i]);
            CHECK_EQ(hazptr_barrier(), 0);
            for (i = first; i < first + 100; i++)
                CHECK_EQ(times_reclaimed(&own[i]), 1);
        }
        all_are_reclaimed_once(own);
    }
    return NULL;
}

static void barriers_at_once(void)
{
    rounds = under_valgrind() ? 2 : 20;
    start_and_join(retire_and_wait);
    CHECK_EQ(check_stats().pending, 0);
}

static void retirers_that_never_stop_are_not_waited_for(void)
{
    pthread_t threads[RETIRERS];
    int i;

    /* Each barrier waits for those that have no CPU and are in the middle of a batch. */
    rounds = 2;
    stop = 0;
    for (i = 0; i < RETIRERS; i++)
        threads[i] = check_thread(retire_until_stopped, NULL);
    start_and_join(retire_and_wait);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (i = 0; i < RETIRERS; i++)
        CHECK_ERR(pthread_join(threads[i], NULL));
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(check_stats().pending, 0);
}

/* --- readers ---------------------------------------------------------------------------------- */

static void *wait_in_barrier(void *argument)
{
    struct waiter *waiter = (struct waiter *)argument;

    __atomic_store_n(&waiter->tid, thread_id(), __ATOMIC_RELEASE);
    CHECK_EQ(hazptr_barrier(), 0);
    __atomic_store_n(&waiter->returned, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void barrier_begins(struct waiter *waiter)
{
    memset(waiter, 0, sizeof(*waiter));
    waiter->thread = check_thread(wait_in_barrier, waiter);
}

/* The futex word that barriers sleep on for readers; they also sleep for locks, though rarely. */
static unsigned long barriers_futex;

/* Until it is asleep for a reader: then it has noted what there is to wait for. */
static void await_sleeping_barrier(const struct waiter *waiter)
{
    while (waiter_await_futex(waiter) != barriers_futex)
        ;
}

/* What a barrier is mostly found asleep on. */
static void find_barriers_futex(struct object *object)
{
    struct hazptr_ctx ctx;
    struct waiter waiter;
    unsigned long futex;
    int look, more = 0;

    memset(object, 0, sizeof(*object));
    hold(&ctx, object);
    retire(object);
    barrier_begins(&waiter);
    for (look = 0; look < 200; look++) {
        futex = waiter_await_futex(&waiter);
        if (!more)
            barriers_futex = futex;
        more += futex == barriers_futex ? 1 : -1;
    }
    hazptr_release(&ctx, object);
    waiter_join(&waiter);
}

static struct object *const before = &objects[0][0], *const meanwhile = &objects[0][1];

static void readers_of_what_was_retired_are_waited_for(void)
{
    struct waiter waiters[AT_ONCE];
    struct hazptr_ctx ctx;
    int i;

    memset(objects, 0, sizeof(objects));
    hold(&ctx, before);
    retire(before);
    for (i = 0; i < AT_ONCE; i++)
        barrier_begins(&waiters[i]);
    for (i = 0; i < AT_ONCE; i++)
        await_sleeping_barrier(&waiters[i]);
    await_a_pass();
    for (i = 0; i < AT_ONCE; i++)
        waiter_await_futex(&waiters[i]);
    CHECK_EQ(times_reclaimed(before), 0);
    hazptr_release(&ctx, before);
    for (i = 0; i < AT_ONCE; i++)
        waiter_join(&waiters[i]);
    CHECK_EQ(times_reclaimed(before), 1);
}

static void readers_of_what_is_retired_meanwhile_are_not(void)
{
    struct hazptr_ctx held_before, held_meanwhile;
    struct waiter waiter, later;

    memset(objects, 0, sizeof(objects));
    hold(&held_before, before);
    hold(&held_meanwhile, meanwhile);
    retire(before);
    barrier_begins(&waiter);
    await_sleeping_barrier(&waiter);
    retire(meanwhile);
    await_a_pass();
    barrier_begins(&later);
    await_sleeping_barrier(&later);
    waiter_await_futex(&waiter);

    hazptr_release(&held_before, before);
    waiter_join(&waiter);
    CHECK_EQ(times_reclaimed(before), 1);
    CHECK_EQ(times_reclaimed(meanwhile), 0);
    waiter_await_futex(&later);
    hazptr_release(&held_meanwhile, meanwhile);
    waiter_join(&later);
    CHECK_EQ(times_reclaimed(meanwhile), 1);
}

/* --- callbacks -------------------------------------------------------------------------------- */

static struct hazptr_cohort cohort, empty;
static struct object second;
static unsigned int nested;
static __thread unsigned int running;

static void call_in_a_callback(struct hazptr_head *head)
{
    /* Not from within another one, be there ever so much to reclaim. */
    CHECK_EQ(running++, 0);
    if (!nested++)
        CHECK_EQ(hazptr_retire_in(&cohort, &second.head, &second, call_in_a_callback, 0), 0);
    KEEPS_ERRNO(CHECK_EQ(hazptr_barrier(), EDEADLK));
    KEEPS_ERRNO(CHECK_EQ(hazptr_cohort_barrier(&cohort, 0), EDEADLK));
    KEEPS_ERRNO(CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), EDEADLK));
    KEEPS_ERRNO(CHECK_EQ(hazptr_cohort_barrier(&empty, HAZPTR_FOREVER), 0));
    KEEPS_ERRNO(CHECK_EQ(hazptr_reclaim_here(), 0));
    hazptr_synchronize(&second);
    running--;
    note_reclaimed(head);
}

/* Whichever thread it runs in. */
static void callback_cannot_wait_for_callbacks(void (*reclaim)(void))
{
    struct object *first = &objects[0][0];

    memset(objects, 0, sizeof(objects));
    second.reclaimed = nested = 0;
    CHECK_EQ(hazptr_retire_in(&cohort, &first->head, first, call_in_a_callback, 0), 0);
    reclaim();
    AWAIT(times_reclaimed(first) && times_reclaimed(&second));
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    CHECK_EQ(times_reclaimed(first), 1);
    CHECK_EQ(times_reclaimed(&second), 1);
    /* Outside of callbacks again. */
    CHECK_EQ(hazptr_barrier(), 0);
}

static void by_worker(void)
{
}

static void by_barrier(void)
{
    CHECK_EQ(hazptr_barrier(), 0);
}

static void by_cohort_barrier(void)
{
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
}

static void by_reclaim_here(void)
{
    hazptr_reclaim_here();
}

/* Past the bound, so that this thread takes part. */
static void by_helper(void)
{
    unsigned int i, more = 2 * policy_in_force().bound;

    for (i = 0; i < more; i++)
        CHECK_EQ(hazptr_retire_ptr(malloc(1), free), 0);
}

int main(void)
{
    int round;

    check_mode();
    CHECK_EQ(hazptr_barrier(), 0);
    what_other_threads_retired_is_reclaimed();
    barriers_at_once();
    retirers_that_never_stop_are_not_waited_for();
    find_barriers_futex(before);
    for (round = 0; round < 10; round++) {
        readers_of_what_was_retired_are_waited_for();
        readers_of_what_is_retired_meanwhile_are_not();
    }
    callback_cannot_wait_for_callbacks(by_worker);
    for (round = 0; round < 10; round++) {
        callback_cannot_wait_for_callbacks(by_barrier);
        callback_cannot_wait_for_callbacks(by_cohort_barrier);
        callback_cannot_wait_for_callbacks(by_reclaim_here);
        callback_cannot_wait_for_callbacks(by_helper);
    }
    return 0;
}
