/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What is pending when a process forks stays so in the parent, and is never reclaimed in the child:
 * there nothing is pending, nobody is waited for, and cohorts are empty. The child retires, and has
 * a worker, of its own.
 */
#include "retired.h"
#include "surroundings.h"
#include <sys/wait.h>

#define INHERITED 40
#define OBJECTS 200

static struct object inherited[INHERITED], own[OBJECTS];
static struct hazptr_ctx contexts[INHERITED];
static struct hazptr_cohort cohort;

static void are_reclaimed(const struct object *objects, int count, unsigned int times)
{
    int i;

    for (i = 0; i < count; i++)
        CHECK_EQ(times_reclaimed(&objects[i]), times);
}

static unsigned int inherited_reclaimed(void)
{
    unsigned int sum = 0;
    int i;

    for (i = 0; i < INHERITED; i++)
        sum += times_reclaimed(&inherited[i]);
    return sum;
}

/* --- the child -------------------------------------------------------------------------------- */

static void nothing_is_pending(void)
{
    CHECK_EQ(check_stats().pending, 0);
    CHECK_EQ(check_stats().retired, 0);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, 0), 0);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(hazptr_reclaim_here(), 0);
}

static void own_ones_are_reclaimed(void)
{
    pid_t worker;
    int i;

    memset(own, 0, sizeof(own));
    for (i = 0; i < OBJECTS; i++)
        retire_in(i % 2 ? &cohort : NULL, &own[i], 0);
    worker = await_worker();
    for (i = 0; i < OBJECTS; i++) {
        AWAIT(times_reclaimed(&own[i]));
        CHECK_EQ(own[i].by, worker);
    }
    CHECK_EQ(hazptr_barrier(), 0);
    are_reclaimed(own, OBJECTS, 1);
    CHECK_EQ(check_stats().retired, OBJECTS);
    CHECK_EQ(check_stats().reclaimed, OBJECTS);
}

/* In a cohort that its parent has objects in. */
static void own_readers_are_waited_for(void)
{
    struct hazptr_ctx ctx;

    memset(own, 0, sizeof(own));
    hold(&ctx, &own[0]);
    retire_in(&cohort, &own[0], 0);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, 1000), ETIMEDOUT);
    CHECK_EQ(times_reclaimed(&own[0]), 0);
    hazptr_release(&ctx, &own[0]);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    CHECK_EQ(times_reclaimed(&own[0]), 1);
}

static void release_inherited(void)
{
    int i;

    for (i = 0; i < INHERITED; i += 2)
        hazptr_release(&contexts[i], &inherited[i]);
}

/* The first call is another one each time. */
static void child_main(int round)
{
    const unsigned int before_fork = inherited_reclaimed();

    switch (round % 5) {
    case 0:
        nothing_is_pending();
        break;
    case 1:
        own_ones_are_reclaimed();
        break;
    case 2:
        own_readers_are_waited_for();
        break;
    case 3:
        release_inherited();
        break;
    default:
        CHECK_EQ(hazptr_reclaim_here(), 0);
    }
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    own_readers_are_waited_for();
    release_inherited();
    await_a_pass();
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(inherited_reclaimed(), before_fork);
    CHECK_EQ(check_stats().pending, 0);
    CHECK_EQ(check_stats().retired, check_stats().reclaimed);
}

static void reap(pid_t child)
{
    int status;

    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

static void fork_and_check(int round, int generations)
{
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        child_main(round);
        if (generations > 1)
            fork_and_check(round + 1, generations - 1);
        _exit(0);
    }
    reap(child);
}

/* --- at any time ------------------------------------------------------------------------------ */

/* Every second one is protected; those of the rest that the worker has not come to are pending. */
static void retire_inherited(void)
{
    int i;

    memset(inherited, 0, sizeof(inherited));
    for (i = 0; i < INHERITED; i++) {
        if (i % 2 == 0)
            hold(&contexts[i], &inherited[i]);
        retire_in(i % 4 < 2 ? &cohort : NULL, &inherited[i], 0);
    }
}

static void pending_ones_stay_the_parents(int round)
{
    int i;

    retire_inherited();
    if (round % 2)
        CHECK_EQ(hazptr_cohort_barrier(&cohort, 0), ETIMEDOUT);
    fork_and_check(round, 3);
    for (i = 0; i < INHERITED; i += 2) {
        CHECK_EQ(times_reclaimed(&inherited[i]), 0);
        hazptr_release(&contexts[i], &inherited[i]);
    }
    CHECK_EQ(hazptr_barrier(), 0);
    are_reclaimed(inherited, INHERITED, 1);
}

static int stop;

static void *retire_until_stopped(void *argument)
{
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
        CHECK_EQ(hazptr_retire_ptr_in((struct hazptr_cohort *)argument, malloc(16), free, 0), 0);
    return NULL;
}

static void child_of_many(void)
{
    nothing_is_pending();
    own_ones_are_reclaimed();
    own_readers_are_waited_for();
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(check_stats().pending, 0);
}

/* Threads of the parent are in the middle of retiring and reclaiming, which the child sees half. */
static void while_others_retire(void)
{
    unsigned int forks = under_valgrind() ? 5 : 100;
    pthread_t threads[3];
    pid_t child;
    int i;

    stop = 0;
    for (i = 0; i < 3; i++)
        threads[i] = check_thread(retire_until_stopped, i ? &cohort : NULL);
    for (; forks; forks--) {
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            child_of_many();
            _exit(0);
        }
        reap(child);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (i = 0; i < 3; i++)
        CHECK_ERR(pthread_join(threads[i], NULL));
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(check_stats().pending, 0);
}

int main(void)
{
    int round, rounds = under_valgrind() ? 5 : 20;

    check_provokes = 1u << HAZPTR_DEBUG_FORKED;
    check_mode();
    /* There is much to be waited for. */
    set_delay(1000);
    for (round = 0; round < rounds; round++)
        pending_ones_stay_the_parents(round);
    while_others_retire();
    return 0;
}
