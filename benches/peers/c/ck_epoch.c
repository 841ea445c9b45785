/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Concurrency Kit's epochs. Sections without a section object, the faster way: its manual page
 * ck_epoch_begin(3) asks for one only where sections nest without end.
 */
#include "plain.h"

#include <ck_epoch.h>
#include <stddef.h>
#include <stdlib.h>

#define LIBRARY "ck"
#define VERSION PEERS_VERSION
#define PROTECTS "everything"
#define NOTE                                                                                       \
    "wait: ck_epoch_synchronize(), which polls; retire: ck_epoch_call(), and ck_epoch_poll() "     \
    "each time, as its own test does"
#define REGISTERS
#define ONE_SECTION
#define replace() ((void)unpublish(), ck_epoch_synchronize(record))

struct guard {
    char nothing;
};

static ck_epoch_t epoch;
static __thread ck_epoch_record_t *record;

__attribute__((constructor)) static void init(void)
{
    ck_epoch_init(&epoch);
}

/* The record stays: ck_epoch_unregister(3) forbids to free it. */
static void thread_begin(void)
{
    record = (ck_epoch_record_t *)aligned_alloc(128, (sizeof(*record) + 127) / 128 * 128);
    if (!record)
        abort();
    ck_epoch_register(&epoch, record, NULL);
}

static void thread_end(void)
{
    ck_epoch_unregister(record);
}

SUBJECT_INLINE struct object *enter(struct guard *guard, const struct place *place, int number)
{
    (void)guard;
    (void)number;
    ck_epoch_begin(record, NULL);
    return load(place);
}

SUBJECT_INLINE void leave(struct guard *guard)
{
    (void)guard;
    ck_epoch_end(record, NULL);
}

struct node {
    struct object object;
    ck_epoch_entry_t entry;
};

_Static_assert(sizeof(struct node) <= RETIRED_BYTES, "the library's part is in the object");

static void destroy(ck_epoch_entry_t *entry)
{
    retired_free((char *)entry - offsetof(struct node, entry));
}

SUBJECT_INLINE void retire_object(struct object *next)
{
    struct node *old = (struct node *)publish(next);

    ck_epoch_call(record, &old->entry, destroy);
    ck_epoch_poll(record);
}
#define retire_next retire_object
#define drain() ck_epoch_barrier(record)

#include "loops.h"
