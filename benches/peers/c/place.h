/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the readers read: an object behind a pointer, laid out as in ../../object.h.
 */
#ifndef PLACE_H
#define PLACE_H

/* How many objects a reader protects at a time in the measure `oversubscribed`. */
#define HAZARDS 4

/* Keeps the load of @value, and its place in the loop. */
#define USE(value) __asm__ volatile("" : : "r"(value) : "memory")

struct object {
    long field;
};

/* A pointer that objects are published at; it and they each on a cache line of their own. */
struct place {
    struct object *pointer __attribute__((aligned(128)));
};

struct lone_object {
    struct object object __attribute__((aligned(128)));
    /* Of references, where they are counted. */
    unsigned long count;
};

#endif /* PLACE_H */
