/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Whatever call retires it, and whoever reclaims it: an object's callback runs, once, and is given
 * what it is to be given.
 */
#include "retired.h"

#define OBJECTS 1000

static struct object objects[OBJECTS];
static struct hazptr_cohort cohort = HAZPTR_COHORT_INIT;

/* --- who retires ------------------------------------------------------------------------------ */

static void by_retire(void)
{
    int i;

    for (i = 0; i < OBJECTS; i++)
        retire(&objects[i]);
}

static void by_retire_ptr(void)
{
    int i;

    for (i = 0; i < OBJECTS; i++)
        CHECK_EQ(hazptr_retire_ptr(&objects[i], note_reclaimed_addr), 0);
}

static void by_retire_in(void)
{
    int i;

    for (i = 0; i < OBJECTS; i++)
        retire_in(i % 2 ? &cohort : NULL, &objects[i], i % 3 ? HAZPTR_RETIRE_NOHELP : 0);
}

static void by_retire_ptr_in(void)
{
    int i;

    for (i = 0; i < OBJECTS; i++)
        CHECK_EQ(hazptr_retire_ptr_in(i % 2 ? &cohort : NULL, &objects[i], note_reclaimed_addr,
                                      i % 3 ? HAZPTR_RETIRE_NOHELP : 0),
                 0);
}

static void retire_list(struct hazptr_cohort *in, int first, int last)
{
    int i;

    for (i = first; i <= last; i++) {
        objects[i].head.func = note_reclaimed;
        objects[i].head.addr = &objects[i];
        objects[i].head.next = i < last ? &objects[i + 1].head : NULL;
    }
    CHECK_EQ(hazptr_retire_list(in, &objects[first].head, 0), 0);
}

static void by_retire_list(void)
{
    CHECK_EQ(hazptr_retire_list(&cohort, NULL, 0), 0);
    retire_list(NULL, 0, 0);
    retire_list(NULL, 1, 2);
    retire_list(&cohort, 3, OBJECTS / 2);
    retire_list(NULL, OBJECTS / 2 + 1, OBJECTS - 1);
}

static void (*const retirers[])(void) = {by_retire, by_retire_ptr, by_retire_in, by_retire_ptr_in,
                                         by_retire_list};

/* --- who reclaims ----------------------------------------------------------------------------- */

static int all_are_reclaimed(void)
{
    int i;

    for (i = 0; i < OBJECTS; i++)
        if (!times_reclaimed(&objects[i]))
            return 0;
    return 1;
}

static void by_worker(void)
{
    AWAIT(all_are_reclaimed());
}

static void by_barrier(void)
{
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK(all_are_reclaimed());
}

static void by_reclaim_here(void)
{
    /* The worker may be running some of them. */
    while (!all_are_reclaimed()) {
        hazptr_reclaim_here();
        give_way();
    }
}

/* The rest is for nobody in particular. */
static void by_cohort_barrier(void)
{
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    by_worker();
}

static void (*const reclaimers[])(void) = {by_worker, by_barrier, by_reclaim_here,
                                           by_cohort_barrier};

/* --- what must hold --------------------------------------------------------------------------- */

static void each_is_reclaimed_once(void (*retire_them)(void), void (*reclaim_them)(void))
{
    const struct hazptr_statistics before = check_stats();
    struct hazptr_statistics after;
    int i;

    memset(objects, 0, sizeof(objects));
    retire_them();
    reclaim_them();
    /* Whoever would run one again has done so. */
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, 0), 0);
    for (i = 0; i < OBJECTS; i++)
        CHECK_EQ(times_reclaimed(&objects[i]), 1);
    after = check_stats();
    CHECK_EQ(after.retired - before.retired, OBJECTS);
    CHECK_EQ(after.reclaimed - before.reclaimed, OBJECTS);
    CHECK_EQ(after.pending, 0);
}

/* The head may lie anywhere, and the object nowhere. */
static void head_and_object_are_apart(void)
{
    struct object notes[2];
    int object;

    memset(notes, 0, sizeof(notes));
    hazptr_retire(&notes[0].head, &object, note_reclaimed);
    hazptr_retire(&notes[1].head, NULL, note_reclaimed);
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(times_reclaimed(&notes[0]), 1);
    CHECK_EQ(times_reclaimed(&notes[1]), 1);
}

static unsigned int reclaimed_otherwise;

static void note_reclaimed_otherwise(struct hazptr_head *head)
{
    __atomic_fetch_add(&reclaimed_otherwise, 1, __ATOMIC_RELAXED);
    note_reclaimed(head);
}

static void each_of_a_list_has_its_own_callback(void)
{
    struct object pair[2];

    memset(pair, 0, sizeof(pair));
    pair[0].head.func = note_reclaimed;
    pair[0].head.next = &pair[1].head;
    pair[1].head.func = note_reclaimed_otherwise;
    CHECK_EQ(hazptr_retire_list(NULL, &pair[0].head, 0), 0);
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(times_reclaimed(&pair[0]), 1);
    CHECK_EQ(times_reclaimed(&pair[1]), 1);
    CHECK_EQ(reclaimed_otherwise, 1);
}

static void free_is_a_callback(void)
{
    int i;

    for (i = 0; i < OBJECTS; i++)
        CHECK_EQ(hazptr_retire_ptr(malloc(100), free), 0);
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(check_stats().pending, 0);
}

int main(void)
{
    size_t i, j;

    check_mode();
    for (i = 0; i < sizeof(retirers) / sizeof(*retirers); i++)
        for (j = 0; j < sizeof(reclaimers) / sizeof(*reclaimers); j++)
            each_is_reclaimed_once(retirers[i], reclaimers[j]);
    head_and_object_are_apart();
    each_of_a_list_has_its_own_callback();
    free_is_a_callback();
    return 0;
}
