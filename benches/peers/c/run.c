/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See run.h. */
#include "run.h"

#include "place.h"
#include "threads.h"

#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

/* Where several threads read, the time is taken as often; see crowd(). */
#define WINDOWS 15

struct member {
    pthread_t id;
    measure_loop *loop;
    /* Operations between two looks at whether to stop. */
    unsigned long chunk;
    double ms, ns;
    /* Operations until now. */
    unsigned long done __attribute__((aligned(128)));
};

static const struct subject *subject;
static sem_t wake;

static struct member *members(long count)
{
    size_t size = (size_t)count * sizeof(struct member);
    struct member *all = (struct member *)aligned_alloc(128, size ? size : 128);

    if (!all)
        fail("no memory", 0);
    memset(all, 0, size);
    return all;
}

/* --- what they do ------------------------------------------------------------------------------*/

/* Takes its own time. */
static void *measurer(void *argument)
{
    struct member *self = (struct member *)argument;

    subject->thread_begin();
    self->ns = measure(self->loop, self->ms);
    subject->thread_end();
    return NULL;
}

/* Goes on until told to stop. */
static void *runner(void *argument)
{
    struct member *self = (struct member *)argument;

    subject->thread_begin();
    arrive();
    while (!stopped()) {
        self->loop(self->chunk);
        __atomic_store_n(&self->done, self->done + self->chunk, __ATOMIC_RELAXED);
    }
    subject->thread_end();
    return NULL;
}

/* Has read once: some libraries know a thread only then. */
static void *sleeper(void *argument)
{
    (void)argument;
    subject->thread_begin();
    subject->read_made(1);
    subject->asleep();
    arrive();
    while (sem_wait(&wake) != 0)
        ;
    subject->thread_end();
    return NULL;
}

/* --- measures ----------------------------------------------------------------------------------*/

/* One thread in the surroundings that there are. */
static double solo(measure_loop *loop, double ms, int number)
{
    struct member member;

    memset(&member, 0, sizeof(member));
    member.loop = loop;
    member.ms = ms;
    thread_start(&member.id, measurer, &member, number);
    pthread_join(member.id, NULL);
    return member.ns;
}

static unsigned long done_by(const struct member *all, long count)
{
    unsigned long sum = 0;

    while (count--)
        sum += __atomic_load_n(&all[count].done, __ATOMIC_RELAXED);
    return sum;
}

static void pause_for(double ms)
{
    struct timespec span;

    span.tv_sec = (time_t)(ms / 1e3);
    span.tv_nsec = (long)((ms - (double)span.tv_sec * 1e3) * 1e6);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
}

/*
 * Wall-clock time an operation of all threads together. The first quarter of the time warms up; the
 * rest is cut into windows, whose median does not see the few that something else interrupted.
 */
static double in_windows(const struct member *all, long count, double ms)
{
    double values[WINDOWS], before, now;
    unsigned long done, seen;
    int window;

    pause_for(ms / 4);
    for (window = 0; window < WINDOWS; window++) {
        done = done_by(all, count);
        before = measure_now();
        do {
            pause_for(ms * 3 / 4 / WINDOWS);
            seen = done_by(all, count);
            now = measure_now();
        } while (seen == done);
        values[window] = (now - before) / (double)(seen - done);
    }
    return measure_quantile(values, WINDOWS, 0.5);
}

static double crowd(measure_loop *loop, long count, unsigned long chunk, double ms)
{
    struct member *all = members(count);
    double ns;
    long i;

    for (i = 0; i < count; i++) {
        all[i].loop = loop;
        all[i].chunk = chunk;
        thread_start(&all[i].id, runner, &all[i], (int)i);
    }
    await((unsigned int)count);
    ns = in_windows(all, count, ms);
    stop_all();
    for (i = 0; i < count; i++)
        pthread_join(all[i].id, NULL);
    free(all);
    return ns;
}

static double read_by(const struct arguments *arguments, measure_loop *loop)
{
    if (arguments->threads == 1)
        return solo(loop, (double)arguments->ms, -1);
    if (nr_cpus() < arguments->threads)
        fail("2 threads need 2 CPUs", 0);
    return crowd(loop, arguments->threads, READS_BETWEEN_QUIESCENT_STATES, (double)arguments->ms) *
           (double)arguments->threads;
}

static double oversubscribe(const struct arguments *arguments)
{
    long in_parallel = nr_cpus();

    if (in_parallel > arguments->threads)
        in_parallel = arguments->threads;
    return crowd(subject->oversubscribed, arguments->threads, 1, (double)arguments->ms) *
           (double)in_parallel / (double)arguments->hazards;
}

static double wait_beside_sleepers(const struct arguments *arguments)
{
    struct member *all = members(arguments->siblings);
    double ns;
    long i;

    sem_init(&wake, 0, 0);
    for (i = 0; i < arguments->siblings; i++)
        thread_start(&all[i].id, sleeper, NULL, -1);
    await((unsigned int)arguments->siblings);
    ns = solo(subject->wait, (double)arguments->ms, -1);
    for (i = 0; i < arguments->siblings; i++)
        sem_post(&wake);
    for (i = 0; i < arguments->siblings; i++)
        pthread_join(all[i].id, NULL);
    free(all);
    return ns;
}

/* Beside one that reads, or that holds. */
static double wait_beside(measure_loop *loop, unsigned long chunk, double ms)
{
    struct member *other = members(1);
    double ns;

    if (nr_cpus() < 2)
        fail("a waiter and a reader need 2 CPUs", 0);
    other->loop = loop;
    other->chunk = chunk;
    thread_start(&other->id, runner, other, 1);
    await(1);
    ns = solo(subject->wait, ms, 0);
    stop_all();
    pthread_join(other->id, NULL);
    free(other);
    return ns;
}

double run(const struct arguments *arguments)
{
    double ms = (double)arguments->ms;

    subject = arguments->subject;
    threads_init(subject->name);
    switch (arguments->measure) {
    case READ_MADE:
        return read_by(arguments, subject->read_made);
    case READ_HELD:
        return read_by(arguments, subject->read_held);
    case OVERSUBSCRIBED:
        return oversubscribe(arguments);
    default:
        break;
    }
    if (arguments->busy > 0)
        return wait_beside(subject->read_made, READS_BETWEEN_QUIESCENT_STATES, ms);
    if (arguments->holding > 0)
        return wait_beside(subject->holding, 1, ms);
    return wait_beside_sleepers(arguments);
}
