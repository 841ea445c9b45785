/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What is retired and not yet reclaimed is bounded, whatever the readers do, and whatever the worker
 * does: the thread that retires too much helps. With HAZPTR_RETIRE_NOHELP it never does. Nor does a
 * callback: callbacks do not nest.
 */
#include "cases.h"
#include "retired.h"
#include "surroundings.h"
#include <semaphore.h>

#define RETIRERS 2
#define MOST_STALLED 100

/* Counted here, apart from the library's statistics. */
static uint64_t retired, reclaimed;
static uint64_t most_pending[RETIRERS];

static unsigned int flags;

/* By each retirer. The equivalent of seconds, unless each is costly; without help memory is the limit. */
static unsigned int retirements(void)
{
    if (under_valgrind())
        return 20000;
    return policy_in_force().bound < 1000 || flags & HAZPTR_RETIRE_NOHELP ? 100000 : 1000000;
}

/* --- readers that do not go on ---------------------------------------------------------------- */

struct reader {
    pthread_t thread;
    struct object object;
};

static struct reader readers[MOST_STALLED];
static unsigned int stalled;
static sem_t holds;
static int pipe_to_readers[2];

static void *hold_and_stall(void *argument)
{
    struct reader *self = (struct reader *)argument;
    struct hazptr_ctx ctx;
    char byte;

    hold(&ctx, &self->object);
    CHECK_EQ(sem_post(&holds), 0);
    CHECK_EQ(read(pipe_to_readers[0], &byte, 1), 0);
    CHECK_EQ(times_reclaimed(&self->object), 0);
    hazptr_release(&ctx, &self->object);
    return NULL;
}

static void stall(unsigned int count)
{
    CHECK_EQ(sem_init(&holds, 0, 0), 0);
    CHECK_EQ(pipe(pipe_to_readers), 0);
    for (; stalled < count; stalled++) {
        readers[stalled].thread = check_thread(hold_and_stall, &readers[stalled]);
        while (sem_wait(&holds) != 0)
            CHECK_EQ(errno, EINTR);
        retire(&readers[stalled].object);
    }
}

static void readers_go_on(void)
{
    unsigned int i;

    CHECK_EQ(close(pipe_to_readers[1]), 0);
    for (i = 0; i < stalled; i++)
        CHECK_ERR(pthread_join(readers[i].thread, NULL));
}

/* --- threads that retire ---------------------------------------------------------------------- */

static __thread int in_a_callback, retires;

static void count_reclaimed(struct hazptr_head *head)
{
    CHECK(!in_a_callback);
    CHECK(!retires || !(flags & HAZPTR_RETIRE_NOHELP));
    free(head);
    __atomic_fetch_add(&reclaimed, 1, __ATOMIC_RELEASE);
}

static void retire_one(void)
{
    struct object *object = (struct object *)malloc(sizeof(*object));

    CHECK(object);
    CHECK_EQ(hazptr_retire_in(NULL, &object->head, object, count_reclaimed, flags), 0);
    __atomic_fetch_add(&retired, 1, __ATOMIC_RELAXED);
}

/* The newer number is subtracted, so that this is never too many. */
static uint64_t pending_now(void)
{
    const uint64_t before = __atomic_load_n(&retired, __ATOMIC_ACQUIRE);
    const uint64_t after = __atomic_load_n(&reclaimed, __ATOMIC_ACQUIRE);

    return before > after ? before - after : 0;
}

static void *retire_many(void *argument)
{
    uint64_t *most = (uint64_t *)argument, pending;
    unsigned int i, count = retirements();

    retires = 1;
    for (i = 0; i < count; i++) {
        retire_one();
        pending = pending_now();
        if (pending > *most)
            *most = pending;
        if (i % 1000 == 0 && check_stats().pending > *most)
            *most = check_stats().pending;
    }
    return NULL;
}

static void retire_in_threads(void)
{
    pthread_t threads[RETIRERS];
    int i;

    for (i = 0; i < RETIRERS; i++)
        threads[i] = check_thread(retire_many, &most_pending[i]);
    for (i = 0; i < RETIRERS; i++)
        CHECK_ERR(pthread_join(threads[i], NULL));
}

/* --- what must hold --------------------------------------------------------------------------- */

/* The bound, the hazards, and a batch for each that is reclaiming: the retirers and the worker. */
static uint64_t most_allowed(void)
{
    const uint64_t least = 32 * (uint64_t)sysconf(_SC_NPROCESSORS_CONF);
    uint64_t bound = policy_in_force().bound;

    if (bound < least)
        bound = least;
    return bound + stalled + (RETIRERS + 1) * bound;
}

static void set_bound(uint32_t bound)
{
    struct hazptr_reclaim_policy policy = policy_in_force();

    policy.bound = policy.batch = bound;
    CHECK_EQ(set_policy(&policy), 0);
}

static void nothing_is_lost(void)
{
    unsigned int i;

    readers_go_on();
    CHECK_EQ(hazptr_barrier(), 0);
    for (i = 0; i < stalled; i++)
        CHECK_EQ(times_reclaimed(&readers[i].object), 1);
    CHECK_EQ(retired, RETIRERS * (uint64_t)retirements());
    CHECK_EQ(reclaimed, retired);
    CHECK_EQ(check_stats().retired, retired + stalled);
    CHECK_EQ(check_stats().reclaimed, retired + stalled);
    CHECK_EQ(check_stats().pending, 0);
}

static void bound_is_kept(unsigned int readers_to_stall)
{
    int i;

    stall(readers_to_stall);
    retire_in_threads();
    CHECK(check_stats().pending >= stalled);
    CHECK(check_stats().pending_peak > stalled);
    for (i = 0; i < RETIRERS; i++)
        CHECK(most_pending[i] <= most_allowed());
    CHECK(check_stats().pending_peak <= most_allowed());
    nothing_is_lost();
}

static void one_stalled_reader(void)
{
    bound_is_kept(1);
}

static void many_stalled_readers(void)
{
    bound_is_kept(MOST_STALLED);
}

static void small_bound(void)
{
    set_bound(200);
    bound_is_kept(MOST_STALLED);
}

/* As small as it can be kept to. */
static void smallest_bound(void)
{
    set_bound(1);
    bound_is_kept(1);
}

static void no_worker(void)
{
    start_no_worker();
    bound_is_kept(MOST_STALLED);
    CHECK(check_stats().helped > 0);
}

/* --- a worker that does not go on ------------------------------------------------------------- */

static struct object blocker;
static int pipe_to_worker[2], blocks;

static void block(struct hazptr_head *head)
{
    char byte;

    __atomic_store_n(&blocks, 1, __ATOMIC_RELEASE);
    CHECK_EQ(read(pipe_to_worker[0], &byte, 1), 0);
    note_reclaimed(head);
}

static void stall_worker(void)
{
    CHECK_EQ(pipe(pipe_to_worker), 0);
    hazptr_retire(&blocker.head, &blocker, block);
    AWAIT(__atomic_load_n(&blocks, __ATOMIC_ACQUIRE));
}

static void worker_goes_on(void)
{
    CHECK_EQ(close(pipe_to_worker[1]), 0);
    AWAIT(times_reclaimed(&blocker));
}

static void stalled_worker(void)
{
    stall_worker();
    stall(1);
    retire_in_threads();
    CHECK(check_stats().pending_peak <= most_allowed());
    CHECK(check_stats().helped > 0);
    worker_goes_on();
    readers_go_on();
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(reclaimed, retired);
    CHECK_EQ(check_stats().pending, 0);
}

/* --- those who do not help -------------------------------------------------------------------- */

static void nohelp_leaves_it_to_the_worker(void)
{
    flags = HAZPTR_RETIRE_NOHELP;
    stall(1);
    retire_in_threads();
    nothing_is_lost();
    CHECK_EQ(check_stats().helped, 0);
}

/* And if the worker does not do it, the bound is exceeded. */
static void nohelp_exceeds_the_bound(void)
{
    flags = HAZPTR_RETIRE_NOHELP;
    start_no_worker();
    stall(1);
    retire_in_threads();
    CHECK_EQ(reclaimed, 0);
    CHECK_EQ(check_stats().pending, RETIRERS * (uint64_t)retirements() + stalled);
    CHECK_EQ(check_stats().pending_peak, check_stats().pending);
    nothing_is_lost();
}

static void retire_many_in_a_callback(struct hazptr_head *head)
{
    unsigned int i, count = 10 * policy_in_force().bound;

    in_a_callback = 1;
    for (i = 0; i < count; i++)
        retire_one();
    in_a_callback = 0;
    note_reclaimed(head);
}

static void callbacks_do_not_nest(void)
{
    struct object object;
    int round;

    for (round = 0; round < 10; round++) {
        memset(&object, 0, sizeof(object));
        hazptr_retire(&object.head, &object, retire_many_in_a_callback);
        /* By the worker, or here. */
        if (round % 2)
            CHECK_EQ(hazptr_barrier(), 0);
        AWAIT(times_reclaimed(&object));
        CHECK_EQ(hazptr_barrier(), 0);
        CHECK_EQ(reclaimed, retired);
        CHECK_EQ(check_stats().pending, 0);
    }
    CHECK_EQ(check_stats().helped, 0);
}

static const struct test_case cases[] = {
    {"one-stalled-reader", one_stalled_reader, 0, 0},
    {"many-stalled-readers", many_stalled_readers, 0, 0},
    {"small-bound", small_bound, 0, 0},
    {"smallest-bound", smallest_bound, 0, 0},
    {"no-worker", no_worker, 0, 0},
    {"stalled-worker", stalled_worker, 0, 0},
    {"nohelp-leaves-it-to-the-worker", nohelp_leaves_it_to_the_worker, 0, 0},
    {"nohelp-exceeds-the-bound", nohelp_exceeds_the_bound, 0, 0},
    {"callbacks-do-not-nest", callbacks_do_not_nest, 0, 0},
};

int main(int argc, char **argv)
{
    return run_cases(cases, CASES(cases), argc, argv);
}
