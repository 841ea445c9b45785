/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The calls into the library that readers make, for the files that say of what kind: CALLS. */
#include "hazard.h"

static void acquire(struct hazard *hazard)
{
    if (hazard->keep && !hazard->kept) {
        hazptr_hold(&hazard->ctx);
        hazard->kept = true;
    }
    if (hazard->kept)
        hazard->element = HAZPTR_PROTECT(&hazard->ctx, &hazard->pool->published);
    else
        hazard->element = HAZPTR_ACQUIRE(&hazard->ctx, &hazard->pool->published);
}

static void release(struct hazard *hazard)
{
    if (hazard->keep) {
        hazptr_reset(&hazard->ctx);
        return;
    }
    hazard->kept = false;
    hazptr_release(&hazard->ctx, hazard->element);
}

const struct calls CALLS = {acquire, release};
