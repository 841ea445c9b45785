/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See threads.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "threads.h"

#include "../measure.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

/* In one run nobody looks whether to stop for so many operations: all of a run, if not longer. */
#define LOOPS_AT_ONCE 10000

volatile sig_atomic_t scale_interrupted;

struct thread {
    pthread_t id;
    int number, cpu;
    /* Of the last run. */
    double nanoseconds;
};

static const struct parameters *parameters;
static struct thread *threads;
static pthread_barrier_t begin, end;
/* What to run next, or NULL: end. Changed between the two barriers' rounds only. */
static const struct scale_reader *next;
static unsigned long at_line;

void scale_delay(long nanoseconds)
{
    double until = measure_now() + (double)nanoseconds;

    while (measure_now() < until && !scale_interrupted)
        ;
}

/*
 * A barrier wakes its threads one after the other, over more time than a short run takes. This one
 * is left by all within a cache miss, if each has a CPU.
 */
static void line_up(void)
{
    unsigned int spins = 0;

    __atomic_add_fetch(&at_line, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&at_line, __ATOMIC_RELAXED) != (unsigned long)parameters->nreaders)
        if (++spins % 1024 == 0)
            sched_yield();
}

static void run(struct thread *self)
{
    unsigned long left = (unsigned long)parameters->loops;
    double start;

    if (next->begin)
        next->begin();
    line_up();
    start = measure_now();
    while (left && !scale_interrupted) {
        unsigned long loops = left < LOOPS_AT_ONCE ? left : LOOPS_AT_ONCE;

        next->section(loops, parameters->readdelay);
        left -= loops;
    }
    self->nanoseconds = measure_now() - start;
    if (next->end)
        next->end();
}

static void *reader(void *argument)
{
    struct thread *self = (struct thread *)argument;

    if (parameters->verbose)
        fprintf(stderr, "hazptrscale: reader %d on CPU %d\n", self->number, self->cpu);
    for (;;) {
        pthread_barrier_wait(&begin);
        if (!next)
            return NULL;
        run(self);
        pthread_barrier_wait(&end);
    }
}

/* The next CPU of @set after @cpu, round and round. */
static int next_cpu(const cpu_set_t *set, int cpu)
{
    do
        cpu = (cpu + 1) % CPU_SETSIZE;
    while (!CPU_ISSET(cpu, set));
    return cpu;
}

static int start_on(struct thread *thread)
{
    pthread_attr_t attributes;
    cpu_set_t set;
    int error;

    CPU_ZERO(&set);
    CPU_SET(thread->cpu, &set);
    pthread_attr_init(&attributes);
    pthread_attr_setaffinity_np(&attributes, sizeof(set), &set);
    error = pthread_create(&thread->id, &attributes, reader, thread);
    pthread_attr_destroy(&attributes);
    return error;
}

int threads_start(const struct parameters *given)
{
    cpu_set_t set;
    int cpu = -1, error = 0, i;

    parameters = given;
    threads = (struct thread *)calloc((size_t)given->nreaders, sizeof(*threads));
    if (!threads)
        return ENOMEM;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return errno;
    pthread_barrier_init(&begin, NULL, (unsigned int)given->nreaders + 1);
    pthread_barrier_init(&end, NULL, (unsigned int)given->nreaders + 1);
    for (i = 0; i < given->nreaders && !error; i++) {
        threads[i].number = i;
        threads[i].cpu = cpu = next_cpu(&set, cpu);
        error = start_on(&threads[i]);
    }
    return error;
}

double threads_run(const struct scale_reader *type)
{
    double sum = 0;
    int i;

    next = type;
    at_line = 0;
    pthread_barrier_wait(&begin);
    pthread_barrier_wait(&end);
    for (i = 0; i < parameters->nreaders; i++)
        sum += threads[i].nanoseconds;
    return sum / (double)parameters->nreaders / (double)parameters->loops;
}

void threads_end(void)
{
    int i;

    next = NULL;
    pthread_barrier_wait(&begin);
    for (i = 0; i < parameters->nreaders; i++)
        pthread_join(threads[i].id, NULL);
    free(threads);
}
