/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Elements, and the pipe that shows when they are waited for too short.
 *
 * An element is taken from the pool, published in the pool's pointer, removed from it, waited for,
 * and then moves along a pipe, one step with each update, until it is back in the pool. Its
 * pipe_count says how far it is: 0 published, 1 removed, more: waited for. Whoever holds it may see
 * 0 or 1. From the wait on its content is spoilt, until it is published as something new.
 *
 * Or it is retired, and takes each step in a callback, which retires it again (retire.h).
 *
 * One writer for each pool; any number of readers.
 */
#ifndef TORTURE_POOL_H
#define TORTURE_POOL_H

#include "counts.h"
#include <hazptr.h>
#include <stdbool.h>
#include <stdint.h>

/* One published, PIPE_STEPS on their way; the others make the way back to use a long one. */
#define POOL_ELEMENTS (10 * PIPE_STEPS)
#define CONTENT_WORDS 7

struct element {
    atomic_uint pipe_count;
    /* Given to the library, which owes a callback. */
    atomic_bool is_retired;
    /* All the same: what was published when. */
    atomic_ulong content[CONTENT_WORDS];
    /* The writer's: in the pool, or in the pipe. Or where it waits to be taken back. */
    struct element *next;
    struct pool *pool;
    struct hazptr_head head;
} APART;

struct pool {
    struct element *_Atomic published;
    /* Updates done. */
    atomic_ulong version;
    atomic_ulong allocated, failed, freed;
    /* Elements that have left each step of the pipe. */
    atomic_ulong circulation[HISTOGRAM];
    atomic_bool is_empty;
    /* Out of the pipe by a callback, until the writer takes them back. */
    struct element *_Atomic returned;
    struct hazptr_cohort cohort;
    /* The writer's alone. */
    struct element *pipe, *first, **last;
    /* Removed, to be retired together. */
    struct hazptr_head *gathered;
    int nr_gathered;
    struct element elements[POOL_ELEMENTS];
} APART;

/* Of all pools. */
struct pool_totals {
    unsigned long version, allocated, failed, freed, circulation[HISTOGRAM];
    int empty, published;
};

/* @count of them, each with a first element published. */
void pools_open(int count);
void pools_close(void);
int pools_count(void);
struct pool *pools_nth(int n);
struct pool *pools_any(uint32_t random);
void pools_sum(struct pool_totals *totals);

/* A fresh element, or NULL. */
struct element *pool_take(struct pool *pool);
/* Publishes @element, or nothing. Returns what was there, at the beginning of the pipe. */
struct element *pool_replace(struct pool *pool, struct element *element);
/* One step for all in the pipe, which @old has just entered; NULL: nothing has. */
void pool_move_along(struct pool *pool, struct element *old);

/* One step for @element, by any thread. True: it is out of the pipe. */
bool pool_age(struct element *element);
/* Then, by any thread: its pool's writer will find it. */
void pool_give_back(struct element *element);

static inline struct element *pool_published(struct pool *pool)
{
    return atomic_load_explicit(&pool->published, memory_order_relaxed);
}

/* What it was published as; 0: not all of it says the same. */
unsigned long element_content(const struct element *element);

#endif /* TORTURE_POOL_H */
