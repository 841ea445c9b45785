/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A hazard that is held all the while, and one who sleeps for it: neither may be lost to whatever
 * else happens to the process.
 */
#ifndef KEPT_H
#define KEPT_H

#include "waiter.h"

struct kept {
    int object;
    struct hazptr_ctx ctx;
    struct waiter waiter;
};

/* Does not look into /proc: where thousands of processes come and go that takes milliseconds. */
static inline void kept_begin(struct kept *kept)
{
    uint64_t sleeps = check_stats().sleeps;
    void *pointer = &kept->object;

    CHECK(hazptr_acquire(&kept->ctx, &pointer) == &kept->object);
    waiter_start(&kept->waiter, &kept->object);
    while (check_stats().sleeps == sleeps) {
        CHECK(!waiter_returned(&kept->waiter));
        give_way();
    }
}

static inline void kept_end(struct kept *kept)
{
    CHECK(!waiter_returned(&kept->waiter));
    hazptr_release(&kept->ctx, &kept->object);
    waiter_join(&kept->waiter);
}

#endif /* KEPT_H */
