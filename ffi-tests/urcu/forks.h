/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Children, each of which uses what it was left of the library.
 */
#ifndef FORKS_H
#define FORKS_H

#include "readers.h"
#include "updaters.h"

/* What a child says when it ends. */
enum { CHILD_FINE, CHILD_ONGOING = 10, CHILD_READ, CHILD_THREAD, CHILD_OWN, CHILD_INHERITED };

static void *child_thread(void *random)
{
    subject_register();
    section(NULL, random, 1);
    subject_unregister();
    return NULL;
}

/* The parent's callbacks are the child's as well. */
static int child_callbacks(void)
{
    static struct counted counted;
    static atomic_ulong counter;
    int i;

    counted.counter = &counter;
    subject_call(&counted.head, counted_called);
    rcu_barrier();
    if (atomic_load(&counter) != 1)
        return CHILD_OWN;
    for (i = 1; i < OLDEST; i++)
        rcu_barrier();
    return atomic_load(&nr_called) < atomic_load(&nr_enqueued) ? CHILD_INHERITED : CHILD_FINE;
}

/*
 * Its stack and thread-local storage may be those that a thread of the parent had. If that one is
 * still registered, as liburcu's workers are without the handlers, liburcu's list of readers then
 * has the same element twice: not to be tried where the run is to be fit for liburcu.
 */
static bool child_may_have_threads(void)
{
    return options.fork_handlers || !options.fork_quiet;
}

static bool child_thread_fails(struct random *random)
{
    pthread_t thread;

    return pthread_create(&thread, NULL, child_thread, random) || pthread_join(thread, NULL);
}

static int child(struct random *random)
{
    const unsigned long failures = atomic_load(&nr_failures);

    child_limit();
    /* Readers that the fork has found in sections do not leave them here. */
    nr_notes = 0;
    if (options.fork_handlers)
        call_rcu_after_fork_child();
    if (options.broken != BROKEN_NOLOCK && rcu_read_ongoing())
        return CHILD_ONGOING;
    section(NULL, random, 1);
    synchronize_rcu();
    section(NULL, random, 1);
    if (atomic_load(&nr_failures) != failures)
        return CHILD_READ;
    if (child_may_have_threads() &&
        (child_thread_fails(random) || atomic_load(&nr_failures) != failures))
        return CHILD_THREAD;
    synchronize_rcu();
    return options.fork_handlers ? child_callbacks() : CHILD_FINE;
}

static pid_t fork_child(struct random *random)
{
    pid_t pid;

    if (options.fork_handlers)
        call_rcu_before_fork();
    pid = fork();
    if (pid == 0)
        _exit(child(random));
    if (options.fork_handlers)
        call_rcu_after_fork_parent();
    return pid;
}

static void fork_once(struct random *random)
{
    int i;
    pid_t pid;

    if (options.fork_quiet) {
        halt_others();
        /* So that no worker is in the library either, as it is with the handlers. */
        for (i = 0; !options.fork_handlers && i < OLDEST; i++)
            rcu_barrier();
    }
    pid = fork_child(random);
    if (options.fork_quiet)
        halt_end();
    child_end(pid);
}

static void forks_go_on(struct thread *me)
{
    while (!stopping()) {
        fork_once(&me->random);
        sleep_us(1000000 / options.fork);
    }
}

#endif /* FORKS_H */
