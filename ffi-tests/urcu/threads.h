/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The torture's threads: registered while they run, and halted between two rounds. Each has its own
 * random numbers.
 */
#ifndef THREADS_H
#define THREADS_H

#include "subject.h"

struct thread {
    const char *role;
    void (*function)(struct thread *me);
    pthread_t pthread;
    struct random random;
    uint32_t number;
    /* Whether signal handlers may read. */
    volatile sig_atomic_t registered;
};

/* Of this thread; handlers find it here. */
static _Thread_local struct thread *self;

/* What the run is at, for who must tell where it hangs. NULL: it is over. */
static _Atomic(const char *) phase = "the run";
static atomic_ulong nr_phases;

static void thread_register(struct thread *me)
{
    subject_register();
    me->registered = 1;
}

static void thread_unregister(struct thread *me)
{
    me->registered = 0;
    subject_unregister();
}

/* Between two rounds. */
static void thread_halt(struct thread *me)
{
    if (!halt_asked())
        return;
    thread_unregister(me);
    halt_here();
    thread_register(me);
}

static void *begin(void *argument)
{
    struct thread *me = argument;

    self = me;
    thread_register(me);
    me->function(me);
    thread_unregister(me);
    self = NULL;
    halt_leave();
    return NULL;
}

/* Those that stay out of the library do not halt either. */
static void *begin_outside(void *argument)
{
    struct thread *me = argument;

    me->function(me);
    return NULL;
}

static void thread_prepare(struct thread *thread, const char *role, uint32_t number,
                           void (*function)(struct thread *))
{
    uint64_t seed = options.seed ? (uint64_t)options.seed : (uint64_t)clock_ns();

    thread->role = role;
    thread->number = number;
    thread->function = function;
    random_seed(&thread->random, seed * 8191 + number * 127u + (unsigned char)role[0]);
}

static void thread_start(struct thread *thread, const char *role, uint32_t number,
                         void (*function)(struct thread *))
{
    thread_prepare(thread, role, number, function);
    halt_enter();
    MUST(pthread_create(&thread->pthread, NULL, begin, thread));
}

static void thread_start_outside(struct thread *thread, const char *role,
                                 void (*function)(struct thread *))
{
    thread_prepare(thread, role, 0, function);
    MUST(pthread_create(&thread->pthread, NULL, begin_outside, thread));
}

/* Or not, if it was not started. */
static void thread_join(struct thread *thread)
{
    if (!thread->role)
        return;
    atomic_store(&phase, thread->role);
    atomic_fetch_add(&nr_phases, 1);
    MUST(pthread_join(thread->pthread, NULL));
}

#endif /* THREADS_H */
