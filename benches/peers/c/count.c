/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A count of references in each object. A reader raises it and looks whether the object is still
 * the one that is published; it may raise that of an object which is not, so that the memory of
 * objects must stay objects.
 */
#include "plain.h"
#include "spin.h"

#define LIBRARY "none"
#define VERSION ""
#define PROTECTS "lock"
#define NOTE "wait: polls until the object's count is zero; objects must stay objects"
#define replace replace_object

struct guard {
    unsigned long *count;
};

static inline unsigned long *count_of(struct object *object)
{
    return &((struct lone_object *)object)->count;
}

/* The count is raised before the pointer is loaded again: a waiter, which exchanges the pointer
 * first, sees the one, or the reader sees the other. */
SUBJECT_INLINE struct object *enter(struct guard *guard, const struct place *place, int number)
{
    (void)number;
    for (;;) {
        struct object *object = load(place);

        guard->count = count_of(object);
        __atomic_add_fetch(guard->count, 1, __ATOMIC_SEQ_CST);
        if (load(place) == object)
            return object;
        __atomic_sub_fetch(guard->count, 1, __ATOMIC_RELEASE);
    }
}

SUBJECT_INLINE void leave(struct guard *guard)
{
    __atomic_sub_fetch(guard->count, 1, __ATOMIC_RELEASE);
}

SUBJECT_INLINE void replace_object(void)
{
    const unsigned long *count = count_of(unpublish());
    unsigned int tries = 0;

    while (__atomic_load_n(count, __ATOMIC_ACQUIRE))
        spin(&tries);
}

#include "loops.h"
