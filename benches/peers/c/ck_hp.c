/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Concurrency Kit's hazard pointers, used as its own ck_hp_stack.h does: ck_hp_set_fence(), load
 * again, and ck_hp_set() of NULL afterwards. A thread's slots are an array that the program
 * numbers: there is nothing to make, and nothing more to keep.
 */
#include "plain.h"

#include <ck_hp.h>
#include <stdlib.h>

#define LIBRARY "ck"
#define VERSION PEERS_VERSION
#define PROTECTS "one"
#define NOTE                                                                                       \
    "wait: ck_hp_retire(), then ck_hp_purge(); retire: ck_hp_free() with a threshold of 1024, "    \
    "for there is no default; slots are numbered by the program"
#define REGISTERS

/* Records must stay for ever: they are on a list that others walk. */
struct reader {
    ck_hp_record_t record;
    void *slots[HAZARDS] __attribute__((aligned(128)));
};

struct guard {
    unsigned int slot;
};

static ck_hp_t domain;
static __thread ck_hp_record_t *record;

struct node {
    struct object object;
    ck_hp_hazard_t hazard;
};

_Static_assert(sizeof(struct node) <= RETIRED_BYTES, "the library's part is in the object");

/* What a waiter has retired is used anew. */
static void destroy(void *object)
{
    if (retiring)
        retired_free(object);
}

__attribute__((constructor)) static void init(void)
{
    /* The threshold is for ck_hp_free() only. */
    ck_hp_init(&domain, HAZARDS, 1024, destroy);
}

static void thread_begin(void)
{
    struct reader *reader = (struct reader *)aligned_alloc(128, sizeof(*reader));

    if (!reader)
        abort();
    ck_hp_register(&domain, &reader->record, reader->slots);
    record = &reader->record;
}

static void thread_end(void)
{
    ck_hp_clear(record);
    ck_hp_unregister(record);
}

SUBJECT_INLINE struct object *enter(struct guard *guard, const struct place *place, int number)
{
    struct object *object = load(place), *seen;

    guard->slot = (unsigned int)number;
    for (;;) {
        ck_hp_set_fence(record, guard->slot, object);
        seen = load(place);
        if (seen == object)
            return object;
        object = seen;
    }
}

SUBJECT_INLINE void leave(struct guard *guard)
{
    ck_hp_set(record, guard->slot, NULL);
}

SUBJECT_INLINE void replace_object(void)
{
    static ck_hp_hazard_t hazard;
    struct object *old = unpublish();

    ck_hp_retire(record, &hazard, old, old);
    ck_hp_purge(record);
}
#define replace replace_object

SUBJECT_INLINE void retire_object(struct object *next)
{
    struct node *old = (struct node *)publish(next);

    ck_hp_free(record, &old->hazard, old, old);
}
#define retire_next retire_object
#define drain() ck_hp_purge(record)

#include "loops.h"
