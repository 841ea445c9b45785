/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the measured readers read: a pointer that nobody changes, and a field of the object.
 */
#ifndef OBJECT_H
#define OBJECT_H

struct object {
    long field;
};

/* Each on a cache line that nobody writes to. */
static struct object object __attribute__((aligned(128)));
static struct {
    struct object *pointer __attribute__((aligned(128)));
} shared = {&object};

/* Keeps the load of @value, and its place in the loop. */
#define USE(value) __asm__ volatile("" : : "r"(value) : "memory")

#endif /* OBJECT_H */
