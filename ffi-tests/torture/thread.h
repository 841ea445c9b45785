/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A thread of the run: its name, its random numbers, its counts, where it may run, and an end that
 * is waited for with patience, not for ever.
 */
#ifndef TORTURE_THREAD_H
#define TORTURE_THREAD_H

#include "counts.h"
#include "cpus.h"
#include "random.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct thread {
    const char *role;
    int number;
    void (*function)(struct thread *me);
    pthread_t pthread;
    struct cpus_member cpus;
    struct random random;
    struct counts counts;
    atomic_bool ended;
    struct thread *next;
};

/* The main thread becomes one of them, and leaves again. */
void thread_adopt(struct thread *me);
void thread_disown(struct thread *me);

/* Whether the calling thread is one of them, and not the library's. */
bool thread_is_ours(void);

/* By the main thread only. Ends the process if there can be no more threads. */
void thread_start(struct thread *thread, const char *role, int number,
                  void (*function)(struct thread *me));

/*
 * By the main thread only: waits for the thread's end. If for TORTURE_PATIENCE seconds nothing
 * moves, which is told by @progress, it calls @give_up, which does not return.
 */
void thread_join(struct thread *thread);
void thread_patience(unsigned long (*progress)(void), void (*give_up)(const struct thread *));

/* The sum over all threads there have been; they must still be in memory. */
void threads_sum(struct totals *totals);

/* Calls @visit for each of them, the ended ones included. */
void threads_visit(void (*visit)(struct thread *thread, void *argument), void *argument);

#endif /* TORTURE_THREAD_H */
