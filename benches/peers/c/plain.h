/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The places and objects of a subject whose objects contain nothing of the library's.
 */
#ifndef PLAIN_H
#define PLAIN_H

#include "retired.h"

/* What `shared` points to now and then, and next. */
static struct lone_object objects[2], more[HAZARDS];

static struct place shared = {&objects[0].object};
static struct place others[HAZARDS] = {
    {&more[0].object}, {&more[1].object}, {&more[2].object}, {&more[3].object}};

SUBJECT_INLINE struct object *load(const struct place *place)
{
    return __atomic_load_n(&place->pointer, __ATOMIC_ACQUIRE);
}

SUBJECT_INLINE struct object *publish(struct object *next)
{
    return __atomic_exchange_n(&shared.pointer, next, __ATOMIC_SEQ_CST);
}

/* Put the one object into the place of the other, which new readers do not find from here on. */
static inline struct object *unpublish(void)
{
    return publish(shared.pointer == &objects[0].object ? &objects[1].object : &objects[0].object);
}

/* One to be retired. */
SUBJECT_INLINE struct object *fresh(void)
{
    struct object *object = (struct object *)retired_alloc();

    object->field = 1;
    return object;
}

#endif /* PLAIN_H */
