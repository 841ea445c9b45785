/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See threads.h. */
#include "threads.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define THREAD_STACK (256 * 1024)

static const char *who;
static cpu_set_t cpus;
static unsigned int arrived;
static int stop;

void threads_init(const char *subject)
{
    who = subject;
    sched_getaffinity(0, sizeof(cpus), &cpus);
}

void fail(const char *what, int error)
{
    fprintf(stderr, "%s: %s%s%s\n", who, what, error ? ": " : "", error ? strerror(error) : "");
    /* Not exit(): libraries do not like to end while threads use them. */
    _exit(1);
}

int nr_cpus(void)
{
    return CPU_COUNT(&cpus);
}

/* That of thread @number, or all. */
static cpu_set_t cpus_of(int number)
{
    int left = number % nr_cpus(), cpu = 0;
    cpu_set_t set;

    if (number < 0)
        return cpus;
    while (!CPU_ISSET(cpu, &cpus) || left--)
        cpu++;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return set;
}

void thread_start(pthread_t *id, void *(*role)(void *), void *argument, int number)
{
    cpu_set_t set = cpus_of(number);
    pthread_attr_t attributes;
    int error;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK);
    pthread_attr_setaffinity_np(&attributes, sizeof(set), &set);
    error = pthread_create(id, &attributes, role, argument);
    pthread_attr_destroy(&attributes);
    if (error)
        fail("no thread", error);
}

void thread_pin(int number)
{
    cpu_set_t set = cpus_of(number);

    sched_setaffinity(0, sizeof(set), &set);
}

void arrive(void)
{
    __atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
}

void await(unsigned int threads)
{
    while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) < threads)
        sched_yield();
}

int stopped(void)
{
    return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

void stop_all(void)
{
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
}
