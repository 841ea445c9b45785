/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One hazard of a reader: acquired here or in a handler, looked through, and released here, in a
 * handler or by another thread.
 */
#ifndef TORTURE_HAZARD_H
#define TORTURE_HAZARD_H

#include "pool.h"
#include "thread.h"
#include <hazptr.h>

struct hazard {
    struct hazptr_ctx ctx;
    struct pool *pool;
    /* NULL if the pool had none published. */
    struct element *element;
    unsigned long content;
    /* The pool's version before the acquire. */
    unsigned long version;
    /* Whether the context holds its slot from one element to the next, and whether it is to. */
    bool kept, keep;
    /* Where it waits for its release by another thread. */
    struct hazard *next;
};

/* Nothing but the calls: what handlers do. Before the acquire, the hazard is given a pool. */
void hazard_aim(struct hazard *hazard, struct thread *me);
void hazard_call_acquire(struct hazard *hazard);
void hazard_call_release(struct hazard *hazard);

/* The library's functions, and the same inlined (calls.h). */
struct calls {
    void (*acquire)(struct hazard *hazard);
    void (*release)(struct hazard *hazard);
};

extern const struct calls calls, calls_inlined;

/* Holds nothing; otherwise uninitialised. */
void hazard_begin(struct hazard *hazard);
/* Of any pool's element; now and then in a handler, as the parameters say. */
void hazard_acquire(struct hazard *hazard, struct thread *me);
void hazard_release(struct hazard *hazard, struct thread *me);
/* Released, but maybe kept: now no more. */
void hazard_end(struct hazard *hazard);

/* Is the element what it was, and has nobody waited for it? Once, just before the release. */
void hazard_look(const struct hazard *hazard, struct thread *me);

/* When the first error was found; 0: none was. */
int64_t hazard_first_error(void);
/* One that was found other than by a look. */
void hazard_note_error(void);

#endif /* TORTURE_HAZARD_H */
