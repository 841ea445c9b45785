/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * 20,000 objects, each retired by its predecessor's callback, as those of a list that loses its first
 * node. Nobody recurses and nothing piles up, and whoever begins comes to the end.
 */
#include "cases.h"
#include "retired.h"

#define LINKS 20000
/* One that is being reclaimed, one that it has retired, and what a count may lag behind. */
#define MOST_PENDING 64
#define MOST_STACK 4096

static struct object links[LINKS];
static struct hazptr_cohort cohort;
static unsigned int reclaimed;

/* Where the callbacks' frames were, in the thread that runs them. */
static uintptr_t lowest, highest;
static uint64_t most_pending;

static void note_depth(void)
{
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0);

    if (here < lowest)
        lowest = here;
    if (here > highest)
        highest = here;
}

static void note_pending(void)
{
    const uint64_t pending = check_stats().pending;

    if (pending > most_pending)
        most_pending = pending;
}

static void retire_the_next(struct hazptr_head *head)
{
    struct object *next = (struct object *)head + 1;

    note_depth();
    note_pending();
    note_reclaimed(head);
    if (next < links + LINKS)
        CHECK_EQ(hazptr_retire_in(&cohort, &next->head, next, retire_the_next, 0), 0);
    __atomic_fetch_add(&reclaimed, 1, __ATOMIC_RELEASE);
}

static unsigned int links_reclaimed(void)
{
    return __atomic_load_n(&reclaimed, __ATOMIC_ACQUIRE);
}

static void begin(void)
{
    lowest = UINTPTR_MAX;
    CHECK_EQ(hazptr_retire_in(&cohort, &links[0].head, &links[0], retire_the_next, 0), 0);
}

/* @by: the thread that has run all of them. */
static void end(pid_t by)
{
    int i;

    CHECK_EQ(hazptr_barrier(), 0);
    for (i = 0; i < LINKS; i++) {
        CHECK_EQ(times_reclaimed(&links[i]), 1);
        CHECK_EQ(links[i].by, by);
    }
    CHECK(highest - lowest <= MOST_STACK);
    CHECK(most_pending <= MOST_PENDING);
    CHECK(check_stats().pending_peak <= MOST_PENDING);
    CHECK_EQ(check_stats().retired, LINKS);
    CHECK_EQ(check_stats().reclaimed, LINKS);
}

/* A delay for each link would make it minutes. */
static void by_itself(void)
{
    begin();
    AWAIT(links_reclaimed() == LINKS);
    end(await_worker());
}

/* Each time, what is there by then. */
static void by_reclaim_here(void)
{
    size_t now;

    start_no_worker();
    begin();
    while ((now = hazptr_reclaim_here()))
        CHECK_EQ(now, 1);
    CHECK_EQ(links_reclaimed(), LINKS);
    end(thread_id());
}

static void by_barriers(void)
{
    unsigned int links_before;

    start_no_worker();
    begin();
    while (links_reclaimed() < LINKS) {
        links_before = links_reclaimed();
        CHECK_EQ(hazptr_barrier(), 0);
        CHECK(links_reclaimed() > links_before);
    }
    end(thread_id());
}

static void by_cohort_barrier(void)
{
    start_no_worker();
    begin();
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    CHECK_EQ(links_reclaimed(), LINKS);
    end(thread_id());
}

static const struct test_case cases[] = {
    {"by-itself", by_itself, 0, 0},
    {"by-reclaim-here", by_reclaim_here, 0, 0},
    {"by-barriers", by_barriers, 0, 0},
    {"by-cohort-barrier", by_cohort_barrier, 0, 0},
};

int main(int argc, char **argv)
{
    return run_cases(cases, CASES(cases), argc, argv);
}
