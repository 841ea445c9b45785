/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Random numbers, each thread its own: a generator that shared state would order the threads by it.
 */
#ifndef TORTURE_RANDOM_H
#define TORTURE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

static inline void random_seed(struct random *random, uint64_t seed)
{
    random->state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

/* xorshift64*: the upper half of the product is the good one. */
static inline uint32_t random_next(struct random *random)
{
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return (uint32_t)((random->state * UINT64_C(0x2545f4914f6cdd1d)) >> 32);
}

/* @limit is at least 1. */
static inline uint32_t random_below(struct random *random, uint32_t limit)
{
    return (uint32_t)(((uint64_t)random_next(random) * limit) >> 32);
}

/* True once in @n calls; 0: never. */
static inline bool random_one_in(struct random *random, long n)
{
    return n > 0 && random_below(random, n < UINT32_MAX ? (uint32_t)n : UINT32_MAX) == 0;
}

#endif /* TORTURE_RANDOM_H */
