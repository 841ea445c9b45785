/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the stress programs of this directory share: failures, random numbers, delays, options, a
 * halt of all threads, and children with a time limit. Nothing here orders threads that do not
 * ask for it: a lock in the wrong place would hide the missing barrier that is looked for.
 *
 * Functions are inline so that a program may leave out some.
 */
#ifndef STRESS_H
#define STRESS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../torture/random.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* What cannot be had ends the program: 2 is neither success nor failure. */
#define MUST(call)                                                                                 \
    do {                                                                                           \
        int must_error = (call);                                                                   \
        if (must_error) {                                                                          \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, strerror(must_error));   \
            _exit(2);                                                                              \
        }                                                                                          \
    } while (0)

static inline void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (!memory) {
        fprintf(stderr, "out of memory\n");
        _exit(2);
    }
    return memory;
}

/* Only one thread counts here; nothing is ordered by it, as it would be by an addition. */
static inline void count_one(atomic_ulong *count)
{
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* --- failures -------------------------------------------------------------------------------- */

/* The first few are kept to be told of at the end: signal handlers cannot print. */
#define FAILURES_KEPT 10

static struct failure {
    const char *what;
    unsigned long a, b;
} failures[FAILURES_KEPT];
static atomic_ulong nr_failures;

/* @what says what @a and @b are. From any thread, handler or callback. */
static inline void fail(const char *what, unsigned long a, unsigned long b)
{
    const unsigned long n = atomic_fetch_add(&nr_failures, 1);

    if (n < FAILURES_KEPT) {
        failures[n].a = a;
        failures[n].b = b;
        /* Release: pairs with the acquire in failures_print(). */
        __atomic_store_n(&failures[n].what, what, __ATOMIC_RELEASE);
    }
}

static inline bool failed(void)
{
    return atomic_load_explicit(&nr_failures, memory_order_relaxed) != 0;
}

static inline void failures_print(const char *program)
{
    const char *what;
    size_t i;

    for (i = 0; i < FAILURES_KEPT; i++) {
        what = __atomic_load_n(&failures[i].what, __ATOMIC_ACQUIRE);
        if (what)
            printf("%s: %s: %lu, %lu\n", program, what, failures[i].a, failures[i].b);
    }
}

/* --- time ------------------------------------------------------------------------------------ */

static inline int64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static inline void sleep_us(long us)
{
    struct timespec pause = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

    nanosleep(&pause, NULL);
}

static inline void spin(uint32_t turns)
{
    volatile uint32_t turn;

    for (turn = 0; turn < turns; turn++)
        ;
}

/* --- CPUs ------------------------------------------------------------------------------------ */

static cpu_set_t cpus_allowed;

static inline void cpus_open(void)
{
    if (sched_getaffinity(0, sizeof(cpus_allowed), &cpus_allowed))
        MUST(errno);
}

/* Among those that the process was given. */
static inline int cpus_any(struct random *random)
{
    uint32_t n = random_below(random, (uint32_t)CPU_COUNT(&cpus_allowed));
    int cpu;

    for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &cpus_allowed) && n-- == 0)
            return cpu;
    return 0;
}

/* To another CPU, where the caller goes on at once, and then where the scheduler likes. */
static inline void cpus_migrate(struct random *random)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(cpus_any(random), &one);
    sched_setaffinity(0, sizeof(one), &one);
    sched_setaffinity(0, sizeof(cpus_allowed), &cpus_allowed);
}

/* --- options --------------------------------------------------------------------------------- */

struct stress_option {
    const char *name;
    long *value;
    long least, most;
    /* If so, the value is the index of a name. */
    const char *const *names;
    const char *meaning;
};

static inline bool option_read(const struct stress_option *option, const char *text)
{
    char *end;
    long i;

    if (option->names) {
        for (i = 0; option->names[i]; i++)
            if (strcmp(option->names[i], text) == 0) {
                *option->value = i;
                return true;
            }
        return false;
    }
    errno = 0;
    i = strtol(text, &end, 10);
    if (errno || end == text || *end || i < option->least || i > option->most)
        return false;
    *option->value = i;
    return true;
}

static inline void options_help(const struct stress_option *options, size_t count)
{
    size_t i, name;

    for (i = 0; i < count; i++) {
        printf("  --%s=", options[i].name);
        if (options[i].names)
            for (name = 0; options[i].names[name]; name++)
                printf("%s%s", name ? "|" : "", options[i].names[name]);
        else
            printf("N");
        printf("\n        %s (", options[i].meaning);
        if (options[i].names)
            printf("%s)\n", options[i].names[*options[i].value]);
        else
            printf("%ld)\n", *options[i].value);
    }
}

/* Those that end in a value; @flag is one without, or NULL. Ends the program on a wrong one. */
static inline void options_parse(int argc, char **argv, const struct stress_option *options,
                                 size_t count, const char *flag, bool *flag_value)
{
    struct option *longs = allocate(count + 3, sizeof(*longs));
    size_t i;
    int got;

    for (i = 0; i < count; i++)
        longs[i] = (struct option){options[i].name, required_argument, NULL, (int)i};
    longs[count] = (struct option){"help", no_argument, NULL, (int)count};
    if (flag)
        longs[count + 1] = (struct option){flag, no_argument, NULL, (int)count + 1};

    while ((got = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (got == (int)count + 1) {
            *flag_value = true;
        } else if (got == (int)count) {
            printf("usage: %s [--NAME=VALUE]...; in brackets what holds without\n", argv[0]);
            options_help(options, count);
            if (flag)
                printf("  --%s\n", flag);
            exit(0);
        } else if (got < 0 || got > (int)count || !option_read(&options[got], optarg)) {
            if (got >= 0 && got < (int)count)
                fprintf(stderr, "%s: --%s=%s: not possible\n", argv[0], options[got].name, optarg);
            exit(2);
        }
    }
    free(longs);
    if (optind < argc) {
        fprintf(stderr, "%s: %s: what is that?\n", argv[0], argv[optind]);
        exit(2);
    }
}

/* --- the end of the run ---------------------------------------------------------------------- */

static atomic_bool stop_asked;

static inline bool stopping(void)
{
    return atomic_load_explicit(&stop_asked, memory_order_relaxed);
}

static inline void stop_request(void)
{
    atomic_store(&stop_asked, true);
}

/* Sleeps, but not past the end of the run. */
static inline void pause_ms(long ms)
{
    for (; ms > 0 && !stopping(); ms -= 10)
        sleep_us((ms < 10 ? ms : 10) * 1000);
}

/* Blocked in the caller and in all threads that it starts; the caller asks for them. */
static inline void signals_block(sigset_t *ends)
{
    sigemptyset(ends);
    sigaddset(ends, SIGINT);
    sigaddset(ends, SIGTERM);
    MUST(pthread_sigmask(SIG_BLOCK, ends, NULL));
}

/* Waits at most 50 ms for one that is to end the run; a second one kills. */
static inline bool signals_wait(const sigset_t *ends)
{
    const struct timespec tick = {.tv_nsec = 50000000};

    if (sigtimedwait(ends, NULL, &tick) < 0)
        return false;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, ends, NULL);
    return true;
}

/* --- threads that halt ----------------------------------------------------------------------- */

/*
 * A thread may ask the others to halt, each between two rounds, where it is in no read-side
 * section and in no call of the library's. The others look at a flag, no more, as long as nobody
 * asks.
 */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    atomic_bool asked;
    int running, halted;
} halt = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* By whoever starts the thread, before it does. */
static inline void halt_enter(void)
{
    pthread_mutex_lock(&halt.lock);
    halt.running++;
    pthread_mutex_unlock(&halt.lock);
}

/* By the thread, when it ends. */
static inline void halt_leave(void)
{
    pthread_mutex_lock(&halt.lock);
    halt.running--;
    pthread_cond_broadcast(&halt.changed);
    pthread_mutex_unlock(&halt.lock);
}

static inline bool halt_asked(void)
{
    return atomic_load_explicit(&halt.asked, memory_order_relaxed);
}

static inline void halt_here(void)
{
    pthread_mutex_lock(&halt.lock);
    halt.halted++;
    pthread_cond_broadcast(&halt.changed);
    while (atomic_load(&halt.asked))
        pthread_cond_wait(&halt.changed, &halt.lock);
    halt.halted--;
    pthread_mutex_unlock(&halt.lock);
}

/* The caller is one of those that run. */
static inline void halt_others(void)
{
    pthread_mutex_lock(&halt.lock);
    atomic_store(&halt.asked, true);
    while (halt.halted < halt.running - 1)
        pthread_cond_wait(&halt.changed, &halt.lock);
}

static inline void halt_end(void)
{
    atomic_store(&halt.asked, false);
    pthread_cond_broadcast(&halt.changed);
    pthread_mutex_unlock(&halt.lock);
}

/* --- children -------------------------------------------------------------------------------- */

#define CHILD_SECONDS 20
/* No status that a child gives. */
#define CHILD_TOO_SLOW 1000

/* First thing in a child: nobody may be left to kill it. */
static inline void child_limit(void)
{
    signal(SIGALRM, SIG_DFL);
    alarm(CHILD_SECONDS + 10);
}

/* 0, the exit status, 128 + a signal's number, or CHILD_TOO_SLOW. */
static inline int child_wait(pid_t child)
{
    const int64_t until = clock_ns() + CHILD_SECONDS * INT64_C(1000000000);
    int status;
    pid_t got;

    while ((got = waitpid(child, &status, WNOHANG)) != child) {
        if (got < 0 && errno != EINTR)
            MUST(errno);
        if (clock_ns() > until) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            return CHILD_TOO_SLOW;
        }
        sleep_us(500);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static atomic_ulong nr_forks;

/* The end of a fork, in the parent. */
static inline void child_end(pid_t child)
{
    int status;

    if (child < 0) {
        perror("fork");
        _exit(2);
    }
    status = child_wait(child);
    if (status)
        fail("a child ended badly (status, CHILD_TOO_SLOW)", (unsigned long)status,
             CHILD_TOO_SLOW);
    atomic_fetch_add(&nr_forks, 1);
}

#endif /* STRESS_H */
