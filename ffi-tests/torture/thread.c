/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "thread.h"
#include "say.h"
#include "stop.h"

#include <errno.h>
#include <time.h>

/* How long, in seconds, nothing may move at the end. The tests have less time. */
#ifndef TORTURE_PATIENCE
#define TORTURE_PATIENCE 60
#endif

/* Only ever grows, at its head. */
static struct thread *_Atomic threads;

static _Thread_local bool is_ours;

static unsigned long (*progress_of_run)(void);
static void (*give_up_run)(const struct thread *);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t one_ended = PTHREAD_COND_INITIALIZER;

static void enlist(struct thread *thread, const char *role, int number)
{
    thread->role = role;
    thread->number = number;
    random_seed(&thread->random, (uint64_t)clock_ns() ^ (uint64_t)(uintptr_t)thread);
    thread->next = atomic_load(&threads);
    atomic_store(&threads, thread);
}

void thread_adopt(struct thread *me)
{
    is_ours = true;
    enlist(me, "main", 0);
    cpus_enter(&me->cpus);
}

void thread_disown(struct thread *me)
{
    cpus_leave(&me->cpus);
}

bool thread_is_ours(void)
{
    return is_ours;
}

static void *begin(void *argument)
{
    struct thread *me = argument;

    is_ours = true;
    cpus_enter(&me->cpus);
    say_verbose("%s %d started", me->role, me->number);
    me->function(me);
    say_verbose("%s %d stopping", me->role, me->number);
    cpus_leave(&me->cpus);

    pthread_mutex_lock(&lock);
    atomic_store(&me->ended, true);
    pthread_cond_broadcast(&one_ended);
    pthread_mutex_unlock(&lock);
    return NULL;
}

void thread_start(struct thread *thread, const char *role, int number,
                  void (*function)(struct thread *me))
{
    int error;

    enlist(thread, role, number);
    thread->function = function;
    error = pthread_create(&thread->pthread, NULL, begin, thread);
    if (error) {
        fprintf(stderr, "hazptrtorture: cannot start %s %d: %s; ask for fewer threads\n", role,
                number, strerror(error));
        _exit(2);
    }
}

/* Whether it has ended, after at most a second. */
static bool ended_soon(struct thread *thread)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    pthread_mutex_lock(&lock);
    while (!atomic_load(&thread->ended))
        if (pthread_cond_timedwait(&one_ended, &lock, &until) == ETIMEDOUT)
            break;
    pthread_mutex_unlock(&lock);
    return atomic_load(&thread->ended);
}

void thread_join(struct thread *thread)
{
    unsigned long progress = progress_of_run();
    int idle = 0;

    while (!ended_soon(thread)) {
        if (progress_of_run() != progress)
            idle = 0;
        else if (++idle >= TORTURE_PATIENCE)
            give_up_run(thread);
        progress = progress_of_run();
    }
    pthread_join(thread->pthread, NULL);
}

void thread_patience(unsigned long (*progress)(void), void (*give_up)(const struct thread *))
{
    progress_of_run = progress;
    give_up_run = give_up;
}

void threads_sum(struct totals *totals)
{
    const struct thread *thread;

    memset(totals, 0, sizeof(*totals));
    for (thread = atomic_load(&threads); thread; thread = thread->next)
        totals_add(totals, &thread->counts);
}

void threads_visit(void (*visit)(struct thread *thread, void *argument), void *argument)
{
    struct thread *thread;

    for (thread = atomic_load(&threads); thread; thread = thread->next)
        visit(thread, argument);
}
