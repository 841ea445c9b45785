/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * How a grace period that is too short shows itself.
 *
 * Age: each updater has a lane, a pointer to an object that it replaces again and again. A removed
 * object has age 1, and gets older by one with each grace period after that; it is used again only
 * after some more. A reader that is in a read-side section since it found the object sees ages 0
 * and 1. What is older is spoilt as well.
 *
 * Order: the updater writes n to x before the grace period, and n to y after it. Who in one section
 * reads x and y, in whichever order, never finds y ahead of x: a section is over when the grace
 * period is, or begins after its start.
 *
 * Stores of readers: in each section a reader notes what x was and that it entered, and as the last
 * thing that it left. After the grace period all sections that found an x less than n have ended,
 * and the updater sees that they have.
 */
#ifndef OBJECTS_H
#define OBJECTS_H

#include "subject.h"

#define CACHE_LINE 64
#define OLDEST 6
#define CONTENT_WORDS 4
#define LANE_OBJECTS 256
/* No content is even. */
#define SPOILT 0xdeadbeefdeadbeeeul

struct lane;

struct object {
    struct rcu_head head;
    struct object *next;
    struct lane *lane;
    /* To be written to y. */
    uint32_t order;
    atomic_uint age;
    atomic_ulong content[CONTENT_WORDS];
};

/* Each of the three on a line of its own: what is late is not to be late for all. */
struct lane {
    struct object *current;
    _Alignas(CACHE_LINE) atomic_uint x;
    _Alignas(CACHE_LINE) atomic_uint y;
    /* From here the updater's own, but for the objects that callbacks give back. */
    _Alignas(CACHE_LINE) struct object *_Atomic returned;
    struct object *first, **last, *pipe;
    unsigned long published;
    atomic_ulong synchronized, handed_over;
    struct object objects[LANE_OBJECTS];
};

/* What a reader notes: see NOTE_. */
struct notes {
    _Alignas(CACHE_LINE) _Atomic uint64_t entered;
    _Atomic uint64_t left;
    uint32_t number;
};

static struct lane *lanes;
static uint32_t nr_lanes;
static struct notes *notes;
static uint32_t nr_notes;

/* --- notes ----------------------------------------------------------------------------------- */

/* x, the lane, and a number that wraps. */
#define NOTE_LANE_SHIFT 26
#define NOTE_X_SHIFT 32
#define NOTE_NUMBERS (1u << NOTE_LANE_SHIFT)

/* Whether @a is later than @b; both wrap. */
static inline bool is_later(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

/* Relaxed, here and below: what orders them is to be the library. */
static inline uint64_t note_enter(struct notes *me, const struct lane *lane, uint32_t x)
{
    const uint64_t note = (uint64_t)x << NOTE_X_SHIFT |
                          (uint64_t)(lane - lanes) << NOTE_LANE_SHIFT |
                          (++me->number % NOTE_NUMBERS);

    atomic_store_explicit(&me->entered, note, memory_order_relaxed);
    return note;
}

static inline void note_leave(struct notes *me, uint64_t note)
{
    atomic_store_explicit(&me->left, note, memory_order_relaxed);
}

static inline void notes_check(const struct lane *lane, uint32_t n)
{
    uint64_t entered, left;
    uint32_t i, behind;

    for (i = 0; i < nr_notes; i++) {
        /* Acquire: @left is to be no older. */
        entered = atomic_load_explicit(&notes[i].entered, memory_order_acquire);
        left = atomic_load_explicit(&notes[i].left, memory_order_relaxed);
        if ((entered >> NOTE_LANE_SHIFT & 63) != (uint64_t)(lane - lanes) ||
            !is_later(n, (uint32_t)(entered >> NOTE_X_SHIFT)))
            continue;
        behind = (uint32_t)(entered - left) % NOTE_NUMBERS;
        if (behind != 0 && behind < NOTE_NUMBERS / 2)
            fail("a section from before the grace period goes on after it (x in it, x before it)",
                 (unsigned long)(entered >> NOTE_X_SHIFT), n);
    }
}

/* --- order ----------------------------------------------------------------------------------- */

/* Returns the n of the grace period to come. Plain stores: see note_enter(). */
static inline uint32_t order_before(struct lane *lane)
{
    const uint32_t n = atomic_load_explicit(&lane->x, memory_order_relaxed) + 1;

    atomic_store_explicit(&lane->x, n, memory_order_relaxed);
    return n;
}

/* Callbacks may be called in any order, so that y may go back. */
static inline void order_after(struct lane *lane, uint32_t n)
{
    notes_check(lane, n);
    atomic_store_explicit(&lane->y, n, memory_order_relaxed);
}

static inline void order_check(uint32_t y, uint32_t x)
{
    if (is_later(y, x))
        fail("a section sees what follows a grace period, not what precedes it (y, x)", y, x);
}

/* --- objects --------------------------------------------------------------------------------- */

static inline void object_write(struct object *object, unsigned long content)
{
    int i;

    for (i = 0; i < CONTENT_WORDS; i++)
        atomic_store_explicit(&object->content[i], content, memory_order_relaxed);
}

/* 0 if it is spoilt. */
static inline unsigned long object_content(const struct object *object)
{
    const unsigned long content = atomic_load_explicit(&object->content[0], memory_order_relaxed);
    int i;

    for (i = 1; i < CONTENT_WORDS; i++)
        if (atomic_load_explicit(&object->content[i], memory_order_relaxed) != content)
            return 0;
    return content & 1 ? content : 0;
}

/* In a section; returns the age. @content is what it was at the start of it, or 0. */
static inline unsigned int object_check(const struct object *object, unsigned long content)
{
    const unsigned int age = atomic_load_explicit(&object->age, memory_order_relaxed);
    const unsigned long now = object_content(object);

    if (age >= 2)
        fail("a reader sees an object too old (age, whether at the end)", age, content != 0);
    if (now == 0)
        fail("a reader sees an object that is spoilt (age, whether at the end)", age, content != 0);
    else if (content != 0 && now != content)
        fail("a reader's object is used again (content before, after)", content, now);
    return age;
}

/* Whether it may be used again. */
static inline bool object_older(struct object *object)
{
    const unsigned int age = atomic_load_explicit(&object->age, memory_order_relaxed) + 1;

    atomic_store_explicit(&object->age, age, memory_order_relaxed);
    object_write(object, SPOILT);
    return age >= OLDEST;
}

static inline void object_give_back(struct object *object)
{
    struct object *_Atomic *returned = &object->lane->returned;

    object->next = atomic_load_explicit(returned, memory_order_relaxed);
    /* Release: pairs with the acquire in lane_take_back(). */
    while (!atomic_compare_exchange_weak_explicit(returned, &object->next, object,
                                                  memory_order_release, memory_order_relaxed))
        ;
}

/* The callback. It takes no lock: it runs in children too, where a lock may be held for ever. */
static inline void object_called(struct rcu_head *head)
{
    struct object *object = caa_container_of(head, struct object, head);

    subject_called();
    if (atomic_load_explicit(&object->age, memory_order_relaxed) == 1)
        order_after(object->lane, object->order);
    if (object_older(object))
        object_give_back(object);
    else
        subject_call(&object->head, object_called);
}

/* --- lanes ----------------------------------------------------------------------------------- */

static inline void lane_put(struct lane *lane, struct object *object)
{
    object->next = NULL;
    *lane->last = object;
    lane->last = &object->next;
}

static inline void lane_take_back(struct lane *lane)
{
    struct object *object, *next;

    object = atomic_exchange_explicit(&lane->returned, NULL, memory_order_acquire);
    for (; object; object = next) {
        next = object->next;
        lane_put(lane, object);
    }
}

/* NULL if all are on their way. In turn, so that each stays unused as long as can be. */
static inline struct object *lane_take(struct lane *lane)
{
    struct object *object;

    lane_take_back(lane);
    object = lane->first;
    if (!object)
        return NULL;
    lane->first = object->next;
    if (!lane->first)
        lane->last = &lane->first;
    object_write(object, 2 * ++lane->published + 1);
    atomic_store_explicit(&object->age, 0, memory_order_relaxed);
    return object;
}

/* Returns the one removed. In one of the ways that there are. */
static inline struct object *lane_replace(struct lane *lane, struct object *object,
                                          struct random *random)
{
    struct object *old = lane->current;

    switch (random_below(random, 4)) {
    case 0:
        if (rcu_xchg_pointer(&lane->current, object) != old)
            fail("rcu_xchg_pointer() returns another than was there (-, -)", 0, 0);
        break;
    case 1:
        if (rcu_cmpxchg_pointer(&lane->current, old, object) != old)
            fail("rcu_cmpxchg_pointer() returns another than was there (-, -)", 0, 0);
        break;
    case 2:
        rcu_set_pointer(&lane->current, object);
        break;
    default:
        rcu_assign_pointer(lane->current, object);
    }
    if (old)
        atomic_store_explicit(&old->age, 1, memory_order_relaxed);
    return old;
}

static inline void lane_synchronize(struct lane *lane, struct object *old)
{
    struct object **link = &lane->pipe, *object;
    const uint32_t n = order_before(lane);

    old->next = lane->pipe;
    lane->pipe = old;
    subject_synchronize();
    order_after(lane, n);
    while ((object = *link)) {
        if (!object_older(object)) {
            link = &object->next;
            continue;
        }
        *link = object->next;
        lane_put(lane, object);
    }
    count_one(&lane->synchronized);
}

static inline void lane_hand_over(struct lane *lane, struct object *old)
{
    old->order = order_before(lane);
    subject_call(&old->head, object_called);
    count_one(&lane->handed_over);
}

static inline struct lane *lanes_any(struct random *random)
{
    return &lanes[random_below(random, nr_lanes)];
}

static inline void lanes_open(uint32_t count, uint32_t readers)
{
    struct random random = {1};
    uint32_t lane, i;

    lanes = aligned_alloc(CACHE_LINE, count * sizeof(*lanes));
    notes = aligned_alloc(CACHE_LINE, readers * sizeof(*notes));
    if (!lanes || !notes)
        MUST(ENOMEM);
    memset(lanes, 0, count * sizeof(*lanes));
    memset(notes, 0, readers * sizeof(*notes));
    nr_lanes = count;
    nr_notes = readers;
    for (lane = 0; lane < count; lane++) {
        lanes[lane].last = &lanes[lane].first;
        for (i = 0; i < LANE_OBJECTS; i++) {
            lanes[lane].objects[i].lane = &lanes[lane];
            lane_put(&lanes[lane], &lanes[lane].objects[i]);
        }
        lane_replace(&lanes[lane], lane_take(&lanes[lane]), &random);
    }
}

/* No callback is on its way. */
static inline void lanes_close(void)
{
    free(lanes);
    free(notes);
}

#endif /* OBJECTS_H */
