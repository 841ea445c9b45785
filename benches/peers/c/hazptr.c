/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * This library; compiled three times: to call its functions in the shared library, the same in the
 * static one, and with its readers' fast paths inlined (HAZPTR_INLINE).
 */
#include "plain.h"

#include <hazptr.h>

#define LIBRARY "hazptr"
#define VERSION                                                                                    \
    QUOTE(HAZPTR_VERSION_MAJOR)                                                                    \
    "." QUOTE(HAZPTR_VERSION_MINOR) "." QUOTE(HAZPTR_VERSION_PATCH)
#define PROTECTS "one"
#define NOTE "wait: hazptr_synchronize()"
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

#include "loops.h"
