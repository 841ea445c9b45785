/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Makes the measured loops of a subject from a handful of functions, so that the loops of all
 * subjects differ in nothing but these. Included at the end of the subject's file, which defines
 *
 *   shared, others[HAZARDS]      places that objects are published at
 *   struct guard                 what a reader has while it protects an object
 *   enter(guard, place, number)  begin protection; returns the pointer, loaded with acquire
 *                                ordering. Guards that are held together have different numbers,
 *                                from 0 to HAZARDS - 1
 *   leave(guard)                 end protection; the guard's scope ends here, too, and its
 *                                destructor is part of what is measured
 *
 * and the strings LIBRARY, VERSION, PROTECTS, NOTE (NAME and BY_CALL come from CMakeLists.txt), and
 * of these macros what there is:
 *
 *   REGISTERS    there are thread_begin() and thread_end(), for each thread that reads or waits
 *   ONE_SECTION  what protects one object protects all: others are just loaded, by load(place)
 *   reset        reset(guard) ends protection, and the guard is kept for the next
 *   replace      replace() takes an object from `shared` and waits for its last reader
 *   between      between(count) after each read, of which @count are left
 *   asleep       asleep() before a thread sleeps that protects nothing
 *   retire_next  retire_next(next) publishes @next in `shared` and retires what was there, which is
 *                to end in retired_free(). There are also fresh(), which makes an object of
 *                retired_alloc(), and publish(next), which retires nothing: those of plain.h, or
 *                the subject's own
 *   drain        drain() waits until all that is retired has ended
 *   batches      batches(objects, barriers) tells how much was reclaimed, by how many barriers
 *   ONLY_RETIRES the other measures are those of another subject
 */
#include "place.h"
#include "subject.h"

#include <sched.h>
#include <stddef.h>
#include <time.h>

#ifndef between
#define between(count) ((void)0)
#endif

SUBJECT_INLINE void read_once(void)
{
    struct guard guard;

    USE(enter(&guard, &shared, 0)->field);
    leave(&guard);
}

static void read_made(unsigned long count)
{
    while (count--) {
        read_once();
        between(count);
    }
}

#ifdef reset
static void read_held(unsigned long count)
{
    struct guard guard;

    while (count--) {
        USE(enter(&guard, &shared, 0)->field);
        reset(&guard);
        between(count);
    }
}
#else
#define read_held NULL
#endif

SUBJECT_INLINE void yield_once(void)
{
    struct guard guards[HAZARDS];
    int i;

    USE(enter(&guards[0], &others[0], 0)->field);
#ifdef ONE_SECTION
    for (i = 1; i < HAZARDS; i++)
        USE(load(&others[i])->field);
    sched_yield();
#else
    for (i = 1; i < HAZARDS; i++)
        USE(enter(&guards[i], &others[i], i)->field);
    sched_yield();
    while (--i > 0)
        leave(&guards[i]);
#endif
    leave(&guards[0]);
}

static void oversubscribed(unsigned long count)
{
    while (count--) {
        yield_once();
        between(count);
    }
}

#ifdef replace
static void wait_for_readers(unsigned long count)
{
    while (count--)
        replace();
}

SUBJECT_INLINE void hold_once(void)
{
    const struct timespec millisecond = {0, 1000000};
    struct guard guard;

    USE(enter(&guard, &others[0], 0)->field);
    nanosleep(&millisecond, NULL);
    leave(&guard);
}

static void hold_another(unsigned long count)
{
    while (count--) {
        hold_once();
        between(count);
    }
}
#else
#define wait_for_readers NULL
#define hold_another NULL
#endif

#ifdef retire_next
static void publish_first(void)
{
    publish(fresh());
}

static void retire_many(unsigned long count)
{
    while (count--)
        retire_next(fresh());
}

static void read_other(unsigned long count)
{
    while (count--) {
        struct guard guard;

        USE(enter(&guard, &others[0], 0)->field);
        leave(&guard);
        between(count);
    }
}

static void between_once(void)
{
    between(0);
}

static void hold_during(void (*sleep)(void))
{
    struct guard guard;

    USE(enter(&guard, &shared, 0)->field);
    sleep();
    leave(&guard);
}

#ifdef drain
static void drain_all(void)
{
    drain();
}
#else
#define drain_all NULL
#endif

#ifdef batches
static void count_batches(unsigned long *objects, unsigned long *barriers)
{
    batches(objects, barriers);
}
#else
#define count_batches NULL
#endif

static const struct retirement self_retirement = {
    publish_first, retire_many, read_made, read_other,
    between_once, hold_during, drain_all, count_batches};
#define RETIREMENT &self_retirement
#else
#define RETIREMENT NULL
#endif

#ifdef ONLY_RETIRES
#undef ONLY_RETIRES
#define ONLY_RETIRES 1
#else
#define ONLY_RETIRES 0
#endif

#ifndef REGISTERS
static void thread_begin(void)
{
}

static void thread_end(void)
{
}
#endif

static void go_to_sleep(void)
{
#ifdef asleep
    asleep();
#endif
}

#ifdef __cplusplus
#define LANGUAGE "C++"
#else
#define LANGUAGE "C"
#endif
#ifdef __clang__
#define COMPILER                                                                                   \
    "clang " QUOTE(__clang_major__) "." QUOTE(__clang_minor__) "." QUOTE(__clang_patchlevel__)
#else
#define COMPILER "gcc " __VERSION__
#endif

static struct subject self = {
    NAME, LIBRARY, VERSION, LANGUAGE, PROTECTS, BY_CALL, COMPILER, NOTE,
    thread_begin, thread_end, go_to_sleep,
    read_made, read_held, wait_for_readers, oversubscribed, hold_another,
    RETIREMENT, ONLY_RETIRES, NULL};

__attribute__((constructor)) static void add_self(void)
{
    subject_add(&self);
}
