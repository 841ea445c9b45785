/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The soak's threads: what each is to do again and again until it is told to stop, and what it has
 * counted. And what all of them complain with.
 */
#ifndef SOAK_THREAD_H
#define SOAK_THREAD_H

#include "check.h"
#include <stdatomic.h>
#include <stdbool.h>

enum count {
    ACQUIRED,	/* by hazptr_acquire() and its like, all released */
    PROTECTED,	/* by contexts that hold their slots */
    HANDED_ON,	/* hazards released by another thread than acquired them */
    SYNCHRONIZED,
    RETIRED,
    CALLED_BACK,
    BARRIERS,	/* and barriers of cohorts, and hazptr_reclaim_here() */
    POLICIES,
    HANDLERS,	/* runs of a handler that acquires */
    FORKED,
    FORKED_IN_HANDLER,
    LOADED,		/* plug-ins */
    CANCELLED,
    GUESTS,		/* threads that came and went */
    MOVED,		/* by sched_setaffinity() */
    ALLOCATED,
    FREED,
    POOL_EMPTY,
    COUNTS
};

struct object;

/* What somebody holds, as it was found. */
struct view {
    struct object *object;
    unsigned long serial;
};

#define NR_HELD 6

struct thread {
    const struct role *role;
    pthread_t id;
    pid_t tid;
    unsigned int random;
    atomic_ulong count[COUNTS];
    /* The call it is in, for messages. */
    const char *volatile doing;
    /* A handler may call fork(), and the child go on with what was interrupted: see CALL(). */
    volatile sig_atomic_t may_fork;

    /* What a handler has acquired, for the thread to release. It must never wait. */
    bool may_keep;
    volatile sig_atomic_t keeps;
    struct hazptr_ctx kept;
    struct view kept_view;

    /* read.c */
    struct hazptr_ctx held[NR_HELD];
    struct view held_view[NR_HELD];
    bool holds;

    /* retire.c */
    struct hazptr_cohort cohort;
    struct hazptr_head *gathered;
    unsigned int nr_gathered;
};

enum phase { SENDING, DISTURBING, WORKING, READING, PHASES };

struct role {
    const char *name;
    /* Those of a lower phase are stopped first; who may be waited for comes later. */
    enum phase phase;
    bool may_keep;
    void (*begin)(struct thread *me);
    void (*turn)(struct thread *me);
    /* Whatever it has from begin() or kept over a turn. */
    void (*let_go)(struct thread *me);
};

/*
 * CALL(@me, @call): a call of the library in which a handler may fork. In the child it is then
 * finished, and the turn with it; the child's own part follows (children.c).
 */
#define CALL(me, call)                                                                            \
    do {                                                                                      \
        (me)->doing = #call;                                                              \
        (me)->may_fork = 1;                                                               \
        call;                                                                             \
        (me)->may_fork = 0;                                                               \
    } while (0)

/* The calling thread, or one that stands for all that are not the soak's. */
struct thread *thread_self(void);

void thread_start(const struct role *role);
/* Without a start of its own: threads that come and go. */
struct thread *thread_new(const struct role *role);
void thread_enter(struct thread *me);
void thread_delete(struct thread *thread);

void threads_stop(enum phase phase);
/* Those that were started last are joined first. */
void threads_join(enum phase phase);
/* One of those that thread_start() made before the caller, or the caller. */
struct thread *threads_any(unsigned int random);
unsigned long threads_sum(enum count count);

static inline void count_many(struct thread *me, enum count count, unsigned long many)
{
    /* A handler may count the same in between. */
    atomic_fetch_add_explicit(&me->count[count], many, memory_order_relaxed);
}

static inline void count_one(struct thread *me, enum count count)
{
    count_many(me, count, 1);
}

static inline unsigned int next_random(unsigned int *state)
{
    unsigned int x = *state;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

/* Below @limit. */
static inline unsigned int draw(struct thread *me, unsigned int limit)
{
    return (unsigned int)((unsigned long)next_random(&me->random) * limit >> 32);
}

static inline bool one_in(struct thread *me, unsigned int many)
{
    return draw(me, many) == 0;
}

void sleep_us(unsigned int us);

/* Set in a child: its threads are gone, and what they were writing may be half there. */
extern volatile sig_atomic_t in_child;

/* --- errors ----------------------------------------------------------------------------------- */

extern atomic_ulong errors;
extern atomic_bool stop_all;

/* Counts an error and says what it is. It ends the run; in a child, the child. Handlers may. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* SOAK_THREAD_H */
