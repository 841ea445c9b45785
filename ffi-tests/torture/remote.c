/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "remote.h"
#include "parameters.h"
#include "stop.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>

/* A helper's own hazards after a request, for the next one's handler to interrupt. Not counted. */
#define BURST 64

struct helper {
    struct thread thread;
    int cpu;
    /* One request at a time. */
    atomic_bool busy;
    void (*call)(struct hazard *hazard);
    struct hazard *_Atomic hazard;
    sem_t answered;
    atomic_bool asked;
} APART;

static struct helper *helpers;
static int nr_helpers;
static atomic_bool ending;

static _Thread_local struct helper *self;

static void handler(int number)
{
    struct helper *me = self;
    struct hazard *hazard = atomic_load_explicit(&me->hazard, memory_order_acquire);
    int error = errno;

    (void)number;
    me->call(hazard);
    atomic_store_explicit(&me->asked, true, memory_order_relaxed);
    sem_post(&me->answered);
    errno = error;
}

static void burst(struct thread *me)
{
    struct hazard hazard;
    int i;

    for (i = 0; i < BURST; i++) {
        hazard_begin(&hazard);
        hazard_aim(&hazard, me);
        hazard_call_acquire(&hazard);
        hazard_look(&hazard, me);
        hazard_call_release(&hazard);
        hazard_end(&hazard);
    }
}

static void help(struct thread *thread)
{
    /* Signals end it early. One that comes just before it costs the burst some delay, no more. */
    const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    struct helper *me = (struct helper *)thread;
    sigset_t set;

    self = me;
    cpus_wish_one(&thread->cpus, me->cpu);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    while (!atomic_load(&ending)) {
        nanosleep(&pause, NULL);
        if (atomic_exchange_explicit(&me->asked, false, memory_order_relaxed))
            burst(thread);
    }
}

void remote_start(void)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    int i;

    if (parameters.irq_acquire == 0 && parameters.irq_release == 0)
        return;
    sigaction(SIGRTMIN, &action, NULL);
    nr_helpers = cpus_count();
    helpers = allocate((size_t)nr_helpers, sizeof(*helpers));
    for (i = 0; i < nr_helpers; i++) {
        helpers[i].cpu = cpus_nth(i);
        sem_init(&helpers[i].answered, 0, 0);
        thread_start(&helpers[i].thread, "handler", i, help);
    }
}

void remote_stop(void)
{
    int i;

    atomic_store(&ending, true);
    for (i = 0; i < nr_helpers; i++) {
        thread_join(&helpers[i].thread);
        sem_destroy(&helpers[i].answered);
    }
}

void remote_free(void)
{
    free(helpers);
}

/* One that is not on the caller's CPU, and busy with nobody else's. */
static struct helper *choose(struct thread *me)
{
    unsigned int i = random_next(&me->random);
    struct helper *helper;

    for (;; i++) {
        helper = &helpers[i % (unsigned int)nr_helpers];
        if (helper->cpu == sched_getcpu())
            continue;
        /* Acquire: pairs with the release in remote_call(). */
        if (!atomic_exchange_explicit(&helper->busy, true, memory_order_acquire))
            return helper;
        sched_yield();
    }
}

bool remote_call(void (*call)(struct hazard *), struct hazard *hazard, struct thread *me)
{
    struct helper *helper = choose(me);
    bool sent;

    helper->call = call;
    /* Release: pairs with the acquire in handler(). */
    atomic_store_explicit(&helper->hazard, hazard, memory_order_release);
    sent = pthread_kill(helper->thread.pthread, SIGRTMIN) == 0;
    if (sent)
        while (sem_wait(&helper->answered))
            ;
    atomic_store_explicit(&helper->busy, false, memory_order_release);
    return sent;
}
