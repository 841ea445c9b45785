/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a stack, a queue and a set are, when one operation comes after another.
 */
#ifndef SPECIFICATION_H
#define SPECIFICATION_H

#include "operation.h"

#define MOST_ITEMS 30

/* Comparable by memcmp(): what is not used is zero. Items and keys are below 256; set: an item for
 * each key that is there, at its own place. */
struct state {
    unsigned short count;
    unsigned char items[MOST_ITEMS];
};

/* Does the operation and returns what it must say. */
typedef int specification(struct state *state, enum kind kind, int argument);

specification stack_specification, queue_specification, set_specification;

#endif /* SPECIFICATION_H */
