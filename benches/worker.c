/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One process in one situation, which measures on request. The same source is linked with the
 * shared and with the static library.
 *
 * usage: bench-shared|bench-static SITUATION CPU SIBLING_CPU
 *
 * The situation stays for the life of the process, because what it leaves in the library does:
 *   plain        nothing else is there
 *   asleep=N     N sibling threads sleep
 *   held=N       this thread holds N hazards, and one sibling sleeps
 *   blocked=N    N threads sleep while each of them holds a hazard acquired on this CPU
 *
 * First line of output: "ready MODE VERSION", or "skip REASON". Then, for each line of input
 * "NAME MILLISECONDS", one line "NS COUNTER", or "skip REASON".
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "loops.h"
#include "measure.h"
#include "structures.h"

#include <errno.h>
#include <hazptr.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define THREAD_STACK 65536
#define SHARERS 8

static int own_cpu, sibling_cpu;
static cpu_set_t every_cpu;
static unsigned int arrived;
static int stop;
static sem_t never;

static void skip(const char *what, int error)
{
    printf("skip %s: %s\n", what, strerror(error));
}

/* --- threads -----------------------------------------------------------------------------------*/

static int pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

/* On @cpu, or where the process may run if that is negative. */
static int start_thread(pthread_t *thread, void *(*function)(void *), void *argument, int cpu)
{
    pthread_attr_t attributes;
    cpu_set_t set = every_cpu;
    int error;

    if (cpu >= 0) {
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
    }
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK);
    pthread_attr_setaffinity_np(&attributes, sizeof(set), &set);
    error = pthread_create(thread, &attributes, function, argument);
    pthread_attr_destroy(&attributes);
    return error;
}

static void arrive(void)
{
    __atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
}

static void await(unsigned int threads)
{
    while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) != threads)
        sched_yield();
}

static int stopped(void)
{
    return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

static void *sleeper(void *holds)
{
    struct hazptr_ctx ctx;

    if (holds)
        hazptr_acquire(&ctx, (void *const *)(uintptr_t)&shared.pointer);
    arrive();
    while (sem_wait(&never) != 0)
        ;
    return NULL;
}

/* Siblings that stay; 0 or an error number. */
static int start_sleepers(int count, int hold, int cpu)
{
    int i, error = 0;

    for (i = 0; i < count && !error; i++) {
        pthread_t thread;

        error = start_thread(&thread, sleeper, hold ? &shared : NULL, cpu);
    }
    if (!error)
        await((unsigned int)count);
    return error;
}

/* What a sibling that runs does, in pieces short enough to stop between. */
static void *sibling(void *loop)
{
    arrive();
    while (!stopped())
        (*(measure_loop **)loop)(1000);
    return NULL;
}

/* --- what can be asked for ---------------------------------------------------------------------*/

struct request {
    const char *name;
    measure_loop *loop;
    /* What a sibling runs meanwhile, or NULL. */
    measure_loop *beside;
    /* The reply's second number, if it is not parks_early(). */
    double (*counter)(void);
};

/* The reply's second number: what the library has counted in this process until now. */
static double parks_early(void)
{
    struct hazptr_statistics stats;

    hazptr_stats(&stats, sizeof(stats));
    return (double)stats.parks_early;
}

static double objects_per_barrier(void)
{
    struct hazptr_statistics stats;

    hazptr_stats(&stats, sizeof(stats));
    return (double)stats.reclaimed / (double)stats.batch_barriers;
}

static void alone_or_beside(const struct request *request, double milliseconds)
{
    measure_loop *beside = request->beside;
    pthread_t thread;
    double ns;

    if (beside) {
        int error;

        arrived = 0;
        stop = 0;
        error = start_thread(&thread, sibling, &beside, sibling_cpu);
        if (error) {
            skip("no thread", error);
            return;
        }
        await(1);
    }
    ns = measure(request->loop, milliseconds);
    if (beside) {
        __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
        pthread_join(thread, NULL);
    }
    printf("%.4f %.4f\n", ns, (request->counter ? request->counter : parks_early)());
}

struct sharer {
    pthread_t thread;
    measure_loop *loop;
    unsigned long calls;
};

static void *sharer(void *argument)
{
    struct sharer *self = (struct sharer *)argument;

    arrive();
    await(SHARERS);
    for (self->calls = 0; !stopped(); self->calls++)
        self->loop(1);
    return NULL;
}

/* Many threads at once: time per call of all together, and barriers run per call. */
static void together(const struct request *request, double milliseconds)
{
    struct sharer sharers[SHARERS];
    struct timespec slice = {0, (long)(milliseconds * 1e6) % 1000000000L};
    struct hazptr_statistics before, after;
    unsigned long all = 0;
    double start, ns;
    int i, error = 0, started;

    slice.tv_sec = (time_t)(milliseconds / 1e3);
    arrived = 0;
    stop = 0;
    hazptr_stats(&before, sizeof(before));
    for (started = 0; started < SHARERS; started++) {
        sharers[started].loop = request->loop;
        sharers[started].calls = 0;
        error = start_thread(&sharers[started].thread, sharer, &sharers[started], -1);
        if (error)
            break;
    }
    start = measure_now();
    if (!error)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &slice, NULL);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&arrived, (unsigned int)(SHARERS - started), __ATOMIC_RELEASE);
    for (i = 0; i < started; i++) {
        pthread_join(sharers[i].thread, NULL);
        all += sharers[i].calls;
    }
    ns = measure_now() - start;
    hazptr_stats(&after, sizeof(after));
    if (error || !all)
        skip("no threads", error);
    else
        printf("%.4f %.4f\n", ns / (double)all,
               (double)(after.barriers - before.barriers) / (double)all);
}

static const struct request requests[] = {
    {"load", load, NULL, NULL},
    {"load-beside-load", load, load, NULL},
    {"calls", calls, NULL, NULL},
    {"pair", pair, NULL, NULL},
    {"pair-beside-pair", pair, pair, NULL},
    {"nested2", nested2, NULL, NULL},
    {"nested4", nested4, NULL, NULL},
    {"protect-reset", protect_and_reset, NULL, NULL},
    {"protect-again", protect_again, NULL, NULL},
    {"hold-release", hold_release, NULL, NULL},
    {"hold-protect", hold_protect_release, NULL, NULL},
    {"membarrier", membarriers, NULL, NULL},
    {"membarrier-beside-load", membarriers, load, NULL},
    {"synchronize", synchronize, NULL, NULL},
    {"synchronize-beside-load", synchronize, load, NULL},
    {"membarrier-together", membarriers, NULL, NULL},
    {"synchronize-together", synchronize, NULL, NULL},
    {"retire", retire, NULL, objects_per_barrier},
    {"stack", stack_pair, NULL, NULL},
    {"stack-beside-stack", stack_pair, stack_pair, NULL},
    {"queue", queue_pair, NULL, NULL},
    {"queue-beside-queue", queue_pair, queue_pair, NULL},
    {"set", set_mix, NULL, NULL},
    {"set-beside-set", set_mix, set_mix, NULL},
    {"mutex-stack", mutex_stack_pair, NULL, NULL},
    {"mutex-stack-beside-it", mutex_stack_pair, mutex_stack_pair, NULL},
    {"mutex-queue", mutex_queue_pair, NULL, NULL},
    {"mutex-queue-beside-it", mutex_queue_pair, mutex_queue_pair, NULL},
    {"mutex-set", mutex_set_mix, NULL, NULL},
    {"mutex-set-beside-it", mutex_set_mix, mutex_set_mix, NULL},
};

static void serve(const char *name, double milliseconds)
{
    size_t i;

    for (i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
        if (strcmp(name, requests[i].name) != 0)
            continue;
        if (requests[i].loop == membarriers &&
            raw_membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ) != 0) {
            skip("membarrier", errno);
            return;
        }
        if (strstr(name, "-together"))
            together(&requests[i], milliseconds);
        else
            alone_or_beside(&requests[i], milliseconds);
        return;
    }
    printf("skip no such measurement: %s\n", name);
}

/* --- situations --------------------------------------------------------------------------------*/

static int hold(int count)
{
    struct hazptr_ctx *contexts = (struct hazptr_ctx *)calloc((size_t)count, sizeof(*contexts));
    int i;

    if (!contexts)
        return ENOMEM;
    for (i = 0; i < count; i++)
        HAZPTR_ACQUIRE(&contexts[i], &shared.pointer);
    return start_sleepers(1, 0, sibling_cpu);
}

static int enter(const char *situation)
{
    const char *number = strchr(situation, '=');
    int count = number ? atoi(number + 1) : 0;

    if (strncmp(situation, "asleep=", 7) == 0)
        return start_sleepers(count, 0, sibling_cpu);
    if (strncmp(situation, "held=", 5) == 0)
        return hold(count);
    if (strncmp(situation, "blocked=", 8) == 0)
        return start_sleepers(count, 1, own_cpu);
    return strcmp(situation, "plain") == 0 ? 0 : EINVAL;
}

int main(int argc, char **argv)
{
    static const char *const modes[] = {"?", "rseq", "membarrier", "fence"};
    char name[64];
    unsigned int version = hazptr_version(), mode = hazptr_mode();
    double milliseconds;
    int error;

    if (argc != 4) {
        fprintf(stderr, "usage: %s SITUATION CPU SIBLING_CPU (started by bench)\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    own_cpu = atoi(argv[2]);
    sibling_cpu = atoi(argv[3]);
    sched_getaffinity(0, sizeof(every_cpu), &every_cpu);
    sem_init(&never, 0, 0);
    raw_membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ);
    error = queue_init(&queue) ? 0 : ENOMEM;
    if (!error)
        error = pin(own_cpu);
    if (!error)
        error = enter(argv[1]);
    if (error) {
        skip(argv[1], error);
        return 0;
    }
    printf("ready %s %u.%u.%u\n", mode < 4 ? modes[mode] : "?", version >> 16, version >> 8 & 255,
           version & 255);
    while (scanf("%63s %lf", name, &milliseconds) == 2)
        serve(name, milliseconds);
    return 0;
}
