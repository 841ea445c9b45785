/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The objects that are replaced and freed while others look at them, and the pointers to them.
 *
 * Their memory is never given back: a free object is poisoned and comes back only after thousands of
 * others, so that whoever holds it when it is freed sees that.
 */
#ifndef SOAK_OBJECT_H
#define SOAK_OBJECT_H

#include "thread.h"
#include <stddef.h>

enum object_state {
    FREE,
    /* To be found at a pointer; then taken from there, by one who is going to free it. */
    LIVE,
    REMOVED,
    /* No reader can have it, and it goes once more through a callback. */
    POISONED
};

struct object {
    struct hazptr_head head;
    _Atomic(enum object_state) state;
    /* How often it has been poisoned. */
    atomic_ulong serial;
    atomic_ulong content;
    /* retire.c: what its callback is to do, and how often it still is to be retired. */
    unsigned int errand, again;
    struct hazptr_cohort *cohort;
} __attribute__((aligned(128)));

/* Bits that pointers to objects may carry. */
#define TAGS 7

/* NULL if all are in use. */
struct object *object_new(struct thread *me);
/* No pointer leads to it any more. */
void object_remove(struct object *object);
/* Nobody may hold it any more. */
void object_poison(struct object *object);
void object_free(struct thread *me, struct object *object);
unsigned int objects_in_use(void);

/* --- pointers --------------------------------------------------------------------------------- */

struct cell {
    _Atomic(void *) pointer;
} __attribute__((aligned(64)));

#define CELLS 24

/* One of them; below CELLS each another one. */
struct cell *cell_any(unsigned int random);
/* Those that are not can be acquired without a mask. */
bool cell_is_tagged(const struct cell *cell);
/* Puts a new object there, or NULL; what was there is the caller's to free, if it is not NULL. */
struct object *cell_replace(struct thread *me, struct cell *cell);
struct object *cell_clear(struct cell *cell);

static inline struct object *without_tags(void *pointer)
{
    return (struct object *)((uintptr_t)pointer & ~(uintptr_t)TAGS);
}

/* As hazptr_acquire() wants it. */
static inline void *const *cell_address(struct cell *cell)
{
    return (void *const *)(uintptr_t)&cell->pointer;
}

/* --- looking ---------------------------------------------------------------------------------- */

/* What has just been acquired, or protected. */
struct view view_of(void *pointer);
/* Whether it is as it was; an error if not. @where: in whose hands. */
void view_check(const struct view *view, const char *where);

#endif /* SOAK_OBJECT_H */
