/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What is counted. Each thread counts for itself; sums are made while the threads go on.
 */
#ifndef TORTURE_COUNTS_H
#define TORTURE_COUNTS_H

#include "memory.h"
#include <stdatomic.h>

/* An element goes this many steps from its removal back to the pool. */
#define PIPE_STEPS 10
/* One counter a step, and one for the published element. */
#define HISTOGRAM (PIPE_STEPS + 1)

enum count {
    COUNT_ACQUIRED,
    COUNT_RELEASED,
    /* In a handler on another CPU. */
    COUNT_ACQUIRED_IRQ,
    COUNT_RELEASED_IRQ,
    /* Handed on, and released by who had it handed on to him. */
    COUNT_DEFERRED,
    COUNT_UNDEFERRED,
    /* Elements whose content was not what had been published. */
    COUNT_SPOILT,
    COUNTS
};

struct counts {
    atomic_ulong count[COUNTS];
    /* How far along the pipe what a reader held was, when it looked. */
    atomic_ulong pipe[HISTOGRAM];
    /* Updates from before the acquire until the reader looked. */
    atomic_ulong batch[HISTOGRAM];
} APART;

struct totals {
    unsigned long count[COUNTS], pipe[HISTOGRAM], batch[HISTOGRAM];
};

/* By the owner of the counter only. Relaxed: a count orders nothing. */
static inline void count_one(atomic_ulong *counter)
{
    unsigned long value = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, value + 1, memory_order_relaxed);
}

/* By anybody. */
static inline void count_one_shared(atomic_ulong *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static inline unsigned long count_read(const atomic_ulong *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* The last counter takes all that is beyond. */
static inline unsigned int histogram_index(unsigned long value)
{
    return value < PIPE_STEPS ? (unsigned int)value : PIPE_STEPS;
}

void totals_add(struct totals *totals, const struct counts *counts);

/* Looks that found an element that had been waited for: above the second counter of the pipe. */
unsigned long totals_pipe_errors(const struct totals *totals);

#endif /* TORTURE_COUNTS_H */
