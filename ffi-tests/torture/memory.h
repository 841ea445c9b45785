/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Memory that is zero, in cache lines of its own. A run that gets none cannot go on.
 */
#ifndef TORTURE_MEMORY_H
#define TORTURE_MEMORY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CACHE_LINE 64
/* The neighbour is fetched along. */
#define APART __attribute__((__aligned__(2 * CACHE_LINE)))

static inline void *allocate(size_t count, size_t size)
{
    size_t bytes = (count * size + 2 * CACHE_LINE - 1) / (2 * CACHE_LINE) * (2 * CACHE_LINE);
    void *memory = aligned_alloc(2 * CACHE_LINE, bytes > 0 ? bytes : 2 * CACHE_LINE);

    if (!memory) {
        fprintf(stderr, "hazptrtorture: out of memory\n");
        _exit(1);
    }
    return memset(memory, 0, bytes);
}

#endif /* TORTURE_MEMORY_H */
