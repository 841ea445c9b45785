/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What all C tests share: checks, threads, and the comparison of the library's mode with the one
 * that the surroundings (CMakeLists.txt) are for. Compiles as C11 and as C++.
 */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <hazptr.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What CTest takes for "skipped". Say why on standard output first. */
#define EXIT_SKIP 77

static inline void check_failed(const char *file, int line, const char *what, const char *format,
                                ...) __attribute__((format(printf, 4, 5), noreturn));

static inline void check_failed(const char *file, int line, const char *what, const char *format,
                                ...)
{
    va_list args;

    fprintf(stderr, "%s:%d: check failed: %s", file, line, what);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    fflush(stdout);
    _exit(1);
}

/* CHECK(condition): ends the process if it does not hold. */
#define CHECK(condition)                                                                           \
    ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition, "%s", ""))

/* CHECK_EQ(a, b): the same for whole numbers, and prints both. */
#define CHECK_EQ(a, b)                                                                             \
    do {                                                                                           \
        long long check_a = (long long)(a), check_b = (long long)(b);                              \
        if (check_a != check_b)                                                                    \
            check_failed(__FILE__, __LINE__, #a " == " #b, ": %lld and %lld", check_a, check_b);   \
    } while (0)

/* CHECK_ERR(call): a call that returns 0 or an error number (pthread_*). */
#define CHECK_ERR(call)                                                                            \
    do {                                                                                           \
        int check_err = (call);                                                                    \
        if (check_err)                                                                             \
            check_failed(__FILE__, __LINE__, #call, ": %s", strerror(check_err));                  \
    } while (0)

static inline const char *check_mode_name(unsigned int mode)
{
    static const char *const names[] = {"?", "rseq", "membarrier", "fence"};

    return mode < 4 ? names[mode] : "?";
}

/* Bit n: reports of kind n (HAZPTR_DEBUG_...) are what this test provokes in debug mode. */
static unsigned int check_provokes;

static inline void check_report(unsigned int kind, const char *report)
{
    if (check_provokes >> kind & 1)
        return;
    fprintf(stderr, "%s\n", report);
    abort();
}

/*
 * First thing in main(): the mode is the one that this run is meant to show something of. In debug mode no
 * report is, but for those that the test has named before.
 */
static inline void check_mode(void)
{
    const char *expected = getenv("HAZPTR_EXPECT");
    const char *mode = check_mode_name(hazptr_mode());

    hazptr_set_debug_handler(check_report);
    if (expected && strcmp(expected, mode) != 0)
        check_failed(__FILE__, __LINE__, "mode", ": %s expected, the library says %s", expected,
                     mode);
}

static inline pthread_t check_thread(void *(*function)(void *), void *argument)
{
    pthread_t thread;

    CHECK_ERR(pthread_create(&thread, NULL, function, argument));
    return thread;
}

static inline struct hazptr_statistics check_stats(void)
{
    struct hazptr_statistics stats;

    CHECK_EQ(hazptr_stats(&stats, sizeof(stats)), 0);
    return stats;
}

#endif /* CHECK_H */
