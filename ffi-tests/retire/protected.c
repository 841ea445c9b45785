/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What somebody protects is not reclaimed, however often it is looked at and by whom. When its last
 * reader has released it, the worker reclaims it, without anybody's retiring or asking again.
 */
#include "retired.h"

/* More than a line has slots for. */
#define OBJECTS 40
#define READERS 2
#define LOOKS 10

static struct object objects[OBJECTS];
static struct hazptr_ctx contexts[READERS][OBJECTS];
static struct hazptr_cohort cohort;

/* --- the ways to retire ----------------------------------------------------------------------- */

static void by_retire(struct object *object)
{
    retire(object);
}

static void by_retire_in(struct object *object)
{
    retire_in(&cohort, object, HAZPTR_RETIRE_NOHELP);
}

static void by_retire_ptr(struct object *object)
{
    CHECK_EQ(hazptr_retire_ptr(object, note_reclaimed_addr), 0);
}

static void by_retire_ptr_in(struct object *object)
{
    CHECK_EQ(hazptr_retire_ptr_in(&cohort, object, note_reclaimed_addr, 0), 0);
}

static void by_retire_list(struct object *object)
{
    object->head.next = NULL;
    object->head.func = note_reclaimed;
    object->head.addr = object;
    CHECK_EQ(hazptr_retire_list(&cohort, &object->head, 0), 0);
}

static void (*const retirers[])(struct object *) = {by_retire, by_retire_in, by_retire_ptr,
                                                    by_retire_ptr_in, by_retire_list};
#define WAYS (sizeof(retirers) / sizeof(*retirers))

/* --- what must hold --------------------------------------------------------------------------- */

static void reclaimed_are(unsigned int times)
{
    int i;

    for (i = 0; i < OBJECTS; i++)
        CHECK_EQ(times_reclaimed(&objects[i]), times);
}

static void *release_all(void *argument)
{
    struct hazptr_ctx *of_reader = (struct hazptr_ctx *)argument;
    int i;

    for (i = 0; i < OBJECTS; i++)
        hazptr_release(&of_reader[i], &objects[i]);
    return NULL;
}

static void look_at_them(void)
{
    int i;

    for (i = 0; i < LOOKS; i++) {
        await_a_pass();
        CHECK_EQ(hazptr_cohort_barrier(&cohort, 1000), ETIMEDOUT);
        reclaimed_are(0);
    }
}

static void not_before_the_last_release(void)
{
    const uint64_t pending = check_stats().pending;
    pid_t worker = await_worker();
    int reader, i;

    memset(objects, 0, sizeof(objects));
    for (reader = 0; reader < READERS; reader++)
        for (i = 0; i < OBJECTS; i++)
            hold(&contexts[reader][i], &objects[i]);
    for (i = 0; i < OBJECTS; i++)
        retirers[i % WAYS](&objects[i]);
    look_at_them();
    CHECK_EQ(check_stats().pending, pending + OBJECTS);
    for (reader = 0; reader < READERS - 1; reader++) {
        /* Not by the thread that acquired. */
        CHECK_ERR(pthread_join(check_thread(release_all, contexts[reader]), NULL));
        look_at_them();
    }
    release_all(contexts[reader]);
    for (i = 0; i < OBJECTS; i++) {
        AWAIT(times_reclaimed(&objects[i]));
        CHECK_EQ(objects[i].by, worker);
    }
    CHECK_EQ(hazptr_barrier(), 0);
    reclaimed_are(1);
    CHECK_EQ(check_stats().pending, pending);
}

/* One after the other, and the others stay. */
static void each_after_its_own_release(void)
{
    int i, n;

    memset(objects, 0, sizeof(objects));
    for (i = 0; i < OBJECTS; i++) {
        hold(&contexts[0][i], &objects[i]);
        retirers[i % WAYS](&objects[i]);
    }
    for (i = 0; i < OBJECTS; i++) {
        await_a_pass();
        for (n = 0; n < OBJECTS; n++)
            CHECK_EQ(times_reclaimed(&objects[n]), n < i);
        hazptr_release(&contexts[0][i], &objects[i]);
        AWAIT(times_reclaimed(&objects[i]));
    }
    CHECK_EQ(hazptr_barrier(), 0);
    reclaimed_are(1);
}

/* What is protected is the address, not the head. */
static void hazard_on_the_head_protects_nothing(void)
{
    struct object note;
    struct hazptr_ctx ctx;
    int object;

    memset(&note, 0, sizeof(note));
    hold(&ctx, &note.head);
    hazptr_retire(&note.head, &object, note_reclaimed);
    AWAIT(times_reclaimed(&note));
    hazptr_release(&ctx, &note.head);

    note.reclaimed = 0;
    hold(&ctx, &object);
    hazptr_retire(&note.head, &object, note_reclaimed);
    await_a_pass();
    CHECK_EQ(times_reclaimed(&note), 0);
    hazptr_release(&ctx, &object);
    AWAIT(times_reclaimed(&note));
}

int main(void)
{
    check_mode();
    /* The first one starts the worker. */
    await_a_pass();
    not_before_the_last_release();
    each_after_its_own_release();
    hazard_on_the_head_protects_nothing();
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(check_stats().pending, 0);
    return 0;
}
