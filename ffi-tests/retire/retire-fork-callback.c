/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A callback forks. The child may use the library at once, in the callback. Where it returns from
 * there, into the call that ran it, that call returns too, and has run none of the callbacks that
 * were still to come: they are the parent's.
 */
#include "cases.h"
#include "retired.h"

#define OBJECTS 100
#define HALF (OBJECTS / 2)

static struct object objects[OBJECTS], forker, own[OBJECTS];
static struct hazptr_cohort cohort;

/* What fork() returned, and how many had been reclaimed by then. */
static pid_t forked;
static unsigned int reclaimed_before;

static unsigned int all_reclaimed(void)
{
    unsigned int sum = 0;
    int i;

    for (i = 0; i < OBJECTS; i++)
        sum += times_reclaimed(&objects[i]);
    return sum;
}

static void reap(void)
{
    int status;

    CHECK(forked > 0);
    CHECK_EQ(waitpid(forked, &status, 0), forked);
    CHECK_EQ(status, 0);
}

/* --- in the callback -------------------------------------------------------------------------- */

/* The thread that forked is all there is: whoever runs these was started by the child. */
static void others_reclaim_what_the_child_retires(void)
{
    struct hazptr_ctx ctx;
    int i;

    set_delay(1000);
    hold(&ctx, &own[0]);
    for (i = 0; i < OBJECTS; i++)
        retire(&own[i]);
    for (i = 1; i < OBJECTS; i++)
        AWAIT(times_reclaimed(&own[i]));
    CHECK_EQ(times_reclaimed(&own[0]), 0);
    hazptr_release(&ctx, &own[0]);
    AWAIT(times_reclaimed(&own[0]));
    for (i = 0; i < OBJECTS; i++) {
        CHECK_EQ(times_reclaimed(&own[i]), 1);
        CHECK(own[i].by != thread_id());
    }
    CHECK_EQ(all_reclaimed(), reclaimed_before);
}

static void fork_and_end(struct hazptr_head *head)
{
    reclaimed_before = all_reclaimed();
    forked = fork();
    if (forked == 0) {
        others_reclaim_what_the_child_retires();
        _exit(0);
    }
    reap();
    note_reclaimed(head);
}

/* --- and after it ----------------------------------------------------------------------------- */

static void fork_and_return(struct hazptr_head *head)
{
    reclaimed_before = all_reclaimed();
    forked = fork();
    note_reclaimed(head);
}

static void child_is_a_process_as_any_other(void)
{
    struct hazptr_ctx ctx;
    int i;

    CHECK_EQ(all_reclaimed(), reclaimed_before);
    CHECK_EQ(check_stats().pending, 0);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    hold(&ctx, &own[0]);
    for (i = 0; i < OBJECTS; i++)
        retire_in(&cohort, &own[i], 0);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, 1000), ETIMEDOUT);
    hazptr_release(&ctx, &own[0]);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    CHECK_EQ(hazptr_barrier(), 0);
    for (i = 0; i < OBJECTS; i++)
        CHECK_EQ(times_reclaimed(&own[i]), 1);
    CHECK_EQ(check_stats().retired, OBJECTS);
    CHECK_EQ(check_stats().reclaimed, OBJECTS);
    CHECK_EQ(all_reclaimed(), reclaimed_before);
}

/* --- whoever runs it -------------------------------------------------------------------------- */

/* All in one batch: in whichever order it is run, half of them come after the one that forks. */
static void retire_them_all(void (*func)(struct hazptr_head *))
{
    int i;

    memset(objects, 0, sizeof(objects));
    memset(&forker, 0, sizeof(forker));
    for (i = 0; i < OBJECTS; i++) {
        if (i == HALF)
            CHECK_EQ(hazptr_retire_in(&cohort, &forker.head, &forker, func, 0), 0);
        retire_in(&cohort, &objects[i], 0);
    }
}

static void parent_has_lost_nothing(void)
{
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(times_reclaimed(&forker), 1);
    CHECK_EQ(all_reclaimed(), OBJECTS);
    CHECK_EQ(check_stats().pending, 0);
    CHECK_EQ(check_stats().retired, check_stats().reclaimed);
}

static void barrier(void)
{
    CHECK_EQ(hazptr_barrier(), 0);
}

static void cohort_barrier(void)
{
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
}

static void reclaim_here(void)
{
    CHECK(hazptr_reclaim_here() > 0);
}

/* In the child it is still this loop's turn. */
static void help(void)
{
    static struct object more[10000];
    int i;

    CHECK(policy_in_force().bound < 5000);
    memset(more, 0, sizeof(more));
    for (i = 0; i < 10000 && !forker.reclaimed; i++)
        retire(&more[i]);
    CHECK_EQ(forker.reclaimed, 1);
}

static void (*const runners[])(void) = {barrier, cohort_barrier, reclaim_here, help};

static void in_the_worker(void)
{
    int round;

    for (round = 0; round < 10; round++) {
        memset(own, 0, sizeof(own));
        retire_them_all(fork_and_end);
        AWAIT(times_reclaimed(&forker));
        parent_has_lost_nothing();
    }
    /* There the worker is the only thread: what it returns to ends it, and so the process. */
    retire_them_all(fork_and_return);
    AWAIT(times_reclaimed(&forker));
    reap();
    parent_has_lost_nothing();
}

static void in_this_thread(void)
{
    size_t i;

    set_delay(LONG_DELAY);
    for (i = 0; i < CASES(runners); i++) {
        memset(own, 0, sizeof(own));
        retire_them_all(fork_and_end);
        runners[i]();
        parent_has_lost_nothing();

        retire_them_all(fork_and_return);
        runners[i]();
        if (forked == 0) {
            child_is_a_process_as_any_other();
            _exit(0);
        }
        reap();
        parent_has_lost_nothing();
    }
}

static const struct test_case cases[] = {
    {"in-the-worker", in_the_worker, 0, 0},
    {"in-this-thread", in_this_thread, 0, 0},
};

int main(int argc, char **argv)
{
    return run_cases(cases, CASES(cases), argc, argv);
}
