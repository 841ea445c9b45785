/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a worker knows about a way to protect reads: a table's line, made by loops.h.
 */
#ifndef SUBJECT_H
#define SUBJECT_H

#include "../../measure.h"

/* So often do the readers of a library that wants to be told say that they hold nothing. */
#define READS_BETWEEN_QUIESCENT_STATES 1024

/* The value of a macro as a string. */
#define QUOTE(macro) QUOTE_VALUE(macro)
#define QUOTE_VALUE(value) #value

#define SUBJECT_INLINE static inline __attribute__((always_inline))

#ifdef __cplusplus
extern "C" {
#endif

/* How a subject retires: see loops.h, which makes it. */
struct retirement {
    /* Publish the first object to be retired. */
    void (*begin)(void);
    measure_loop *retire;
    /* What the readers do: of the object that is replaced, and of another one. */
    measure_loop *read, *read_other;
    /* In the retiring thread, now and then. */
    void (*between)(void);
    /* Protect what is published, and sleep. */
    void (*hold)(void (*sleep)(void));
    /* Wait until nothing is pending; NULL: the library has no call for it. */
    void (*drain)(void);
    /* How many objects were reclaimed until now, by how many barriers; NULL: nobody counts. */
    void (*batches)(unsigned long *objects, unsigned long *barriers);
};

struct subject {
    const char *name, *library, *version, *language, *protects;
    int by_call;
    const char *compiler, *note;

    /* In each thread that uses the library, outside the measured time. */
    void (*thread_begin)(void);
    void (*thread_end)(void);
    /* In a thread that will not read for long. */
    void (*asleep)(void);

    /* One for each measure; NULL: the subject does not have it. */
    measure_loop *read_made, *read_held, *wait, *oversubscribed;
    /* What the sibling in `wait holding=1` does: protects another object for a millisecond. */
    measure_loop *holding;
    /* NULL: the subject does not retire. */
    const struct retirement *retirement;
    /* It has no other measure. */
    int only_retires;

    struct subject *next;
};

/* All that were linked with the worker. */
extern struct subject *subjects;

/* To be called by constructors. */
void subject_add(struct subject *subject);

#ifdef __cplusplus
}
#endif

#endif /* SUBJECT_H */
