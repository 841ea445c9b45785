/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Elements that are retired: the library's callbacks move them along the pipe.
 *
 * A callback comes when nobody holds the element any more, as hazptr_synchronize() would have
 * returned then. It takes the element one step further and retires it again, until it is out of the
 * pipe. So one that comes too early is found as a wait that ends too early is: a reader sees a
 * pipe_count above 1, or content that is not what it acquired.
 *
 * The first step is the one that readers can be in the way of. A missing barrier shows only if the
 * element is looked for within a microsecond or so of its removal. Therefore writers reclaim at
 * once, for a while, and for a while leave it to the library's worker, which lets elements wait.
 */
#ifndef TORTURE_RETIRE_H
#define TORTURE_RETIRE_H

#include "pool.h"
#include "random.h"

/* Sets the policy. Nothing with types that do not retire, as the next one. */
void retire_start(void);
/* When the writers have ended: until nothing is pending. */
void retire_stop(void);

/* By the pool's writer: @old, or nothing, has been removed. */
void retire_removed(struct pool *pool, struct element *old);
/* By the pool's writer, when the pool is empty: lets some time pass, or uses a barrier. */
void retire_wait(struct pool *pool, struct random *random);

struct retire_counts {
    /* Callbacks in a thread of the library. */
    unsigned long in_worker;
    /* Callbacks for what was not retired. */
    unsigned long stray;
    /* Barriers, and those of them that left something pending. */
    unsigned long barriers, barriers_early;
};

void retire_sum(struct retire_counts *counts);

#endif /* TORTURE_RETIRE_H */
