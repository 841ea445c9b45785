/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * This library; compiled three times: to call its functions in the shared library, the same in the
 * static one, and with its readers' fast paths inlined (HAZPTR_INLINE).
 */
#include "plain.h"

#include <hazptr.h>
#include <stddef.h>

#define LIBRARY "hazptr"
#define VERSION                                                                                    \
    QUOTE(HAZPTR_VERSION_MAJOR)                                                                    \
    "." QUOTE(HAZPTR_VERSION_MINOR) "." QUOTE(HAZPTR_VERSION_PATCH)
#define PROTECTS "one"
#define NOTE "wait: hazptr_synchronize(); retire: hazptr_retire(), the policy as it is"
#define replace() hazptr_synchronize(unpublish())

struct guard {
    struct hazptr_ctx ctx;
};

SUBJECT_INLINE struct object *enter(struct guard *guard, struct place *place, int number)
{
    (void)number;
    return HAZPTR_ACQUIRE(&guard->ctx, &place->pointer);
}

/* As HAZPTR_SCOPED() does it: the context knows what it holds. */
SUBJECT_INLINE void leave(struct guard *guard)
{
    hazptr_release(&guard->ctx, NULL);
}

struct node {
    struct object object;
    struct hazptr_head head;
};

_Static_assert(sizeof(struct node) <= RETIRED_BYTES, "the library's part is in the object");

static void reclaim(struct hazptr_head *head)
{
    retired_free((char *)head - offsetof(struct node, head));
}

SUBJECT_INLINE void retire_object(struct object *next)
{
    struct node *old = (struct node *)publish(next);

    hazptr_retire(&old->head, old, reclaim);
}
#define retire_next retire_object
#define drain() hazptr_barrier()

static void batches(unsigned long *objects, unsigned long *barriers)
{
    struct hazptr_statistics stats;

    hazptr_stats(&stats, sizeof(stats));
    *objects = stats.reclaimed;
    *barriers = stats.batch_barriers;
}
#define batches batches

#include "loops.h"
