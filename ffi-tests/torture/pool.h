/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Elements, and the pipe that shows when they are waited for too short.
 *
 * An element is taken from the pool, published in the pool's pointer, removed from it, waited for,
 * and then moves along a pipe, one step with each update, until it is back in the pool. Its
 * pipe_count says how far it is: 0 published, 1 removed, more: waited for. Whoever holds it may see
 * 0 or 1. From the wait on its content is spoilt, until it is published as something new.
 *
 * One writer for each pool; any number of readers.
 */
#ifndef TORTURE_POOL_H
#define TORTURE_POOL_H

#include "counts.h"
#include <stdbool.h>
#include <stdint.h>

/* One published, PIPE_STEPS on their way; the others make the way back to use a long one. */
#define POOL_ELEMENTS (10 * PIPE_STEPS)
#define CONTENT_WORDS 7

struct element {
    atomic_uint pipe_count;
    /* All the same: what was published when. */
    atomic_ulong content[CONTENT_WORDS];
    /* The writer's: in the pool, or in the pipe. */
    struct element *next;
} APART;

struct pool {
    struct element *_Atomic published;
    /* Updates done. */
    atomic_ulong version;
    atomic_ulong allocated, failed, freed;
    /* Elements that have left each step of the pipe. */
    atomic_ulong circulation[HISTOGRAM];
    atomic_bool is_empty;
    /* The writer's alone. */
    struct element *pipe, *first, **last;
    struct element elements[POOL_ELEMENTS];
} APART;

/* Of all pools. */
struct pool_totals {
    unsigned long version, allocated, failed, freed, circulation[HISTOGRAM];
    int empty;
};

/* @count of them, each with a first element published. */
void pools_open(int count);
void pools_close(void);
struct pool *pools_nth(int n);
struct pool *pools_any(uint32_t random);
void pools_sum(struct pool_totals *totals);

/* A fresh element, or NULL. */
struct element *pool_take(struct pool *pool);
/* Publishes @element, or nothing, and puts what was there at the beginning of the pipe. */
struct element *pool_replace(struct pool *pool, struct element *element);
/* One step for all in the pipe. */
void pool_move_along(struct pool *pool);

static inline struct element *pool_published(struct pool *pool)
{
    return atomic_load_explicit(&pool->published, memory_order_relaxed);
}

/* What it was published as; 0: not all of it says the same. */
unsigned long element_content(const struct element *element);

#endif /* TORTURE_POOL_H */
