/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A thread that waits for one object, and how a test sees that it sleeps: by the system call that
 * the kernel says it is in and by the library's count of sleeps, never by time.
 */
#ifndef WAITER_H
#define WAITER_H

#include "check.h"
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

/* Zero but for the address. Must not move while the thread runs. */
struct waiter {
    const void *addr;
    void (*wait)(const void *);
    pthread_t thread;
    pid_t tid;
    int returned;
};

/*
 * Lets others run before the next look at what they do. A thread that yields instead goes behind
 * all others again and again: on a busy machine it hardly gets to look.
 */
static inline void give_way(void)
{
    struct timespec moment;

    moment.tv_sec = 0;
    moment.tv_nsec = 20000;
    nanosleep(&moment, NULL);
}

static inline pid_t thread_id(void)
{
    return (pid_t)syscall(SYS_gettid);
}

/* The system call that a thread of this process is blocked in, and its first argument; or -1. */
static inline long thread_call(pid_t tid, unsigned long *argument)
{
    char path[64], text[64] = "", *arguments;
    long number;
    int fd;

    snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", (int)tid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    /* "running", or the number of the call and its arguments. */
    if (read(fd, text, sizeof(text) - 1) < 0)
        text[0] = 0;
    close(fd);
    if (text[0] < '0' || text[0] > '9')
        return -1;
    number = strtol(text, &arguments, 10);
    *argument = strtoul(arguments, NULL, 16);
    return number;
}

/* The address of the futex that a thread of this process is blocked on now, or 0. */
static inline unsigned long thread_futex(pid_t tid)
{
    unsigned long futex;

    return thread_call(tid, &futex) == SYS_futex ? futex : 0;
}

/*
 * Whether a thread that was woken goes on being blocked. At a first look it may, as its CPU has not
 * heard of it yet. One that has missed the wake-up stays for as long as 100 ms.
 */
static inline int thread_stays_blocked(pid_t tid, unsigned long futex)
{
    unsigned int looks;

    for (looks = 0; looks < 2000; looks++) {
        if (thread_futex(tid) != futex)
            return 0;
    }
    return 1;
}

static inline void *waiter_main(void *argument)
{
    struct waiter *waiter = (struct waiter *)argument;

    __atomic_store_n(&waiter->tid, thread_id(), __ATOMIC_RELEASE);
    waiter->wait(waiter->addr);
    __atomic_store_n(&waiter->returned, 1, __ATOMIC_RELEASE);
    return NULL;
}

static inline int waiter_returned(const struct waiter *waiter)
{
    return __atomic_load_n(&waiter->returned, __ATOMIC_ACQUIRE);
}

/* Waits in a way of the caller's. */
static inline void waiter_start_by(struct waiter *waiter, void (*wait)(const void *), const void *addr)
{
    memset(waiter, 0, sizeof(*waiter));
    waiter->addr = addr;
    waiter->wait = wait;
    waiter->thread = check_thread(waiter_main, waiter);
}

static inline void waiter_start(struct waiter *waiter, const void *addr)
{
    waiter_start_by(waiter, hazptr_synchronize, addr);
}

/* Until the waiter is blocked on a futex; returns which. It must not have returned. */
static inline unsigned long waiter_await_futex(const struct waiter *waiter)
{
    unsigned long futex = 0;
    pid_t tid;

    while (!futex) {
        CHECK(!waiter_returned(waiter));
        give_way();
        tid = __atomic_load_n(&waiter->tid, __ATOMIC_ACQUIRE);
        if (tid)
            futex = thread_futex(tid);
    }
    return futex;
}

/*
 * Until the waiter sleeps for its object, where the library's count of sleeps was @sleeps before
 * its call: before it is counted, it may be blocked on a lock.
 */
static inline unsigned long waiter_await_sleep(const struct waiter *waiter, uint64_t sleeps)
{
    while (check_stats().sleeps == sleeps) {
        CHECK(!waiter_returned(waiter));
        give_way();
    }
    return waiter_await_futex(waiter);
}

static inline void waiter_join(struct waiter *waiter)
{
    CHECK_ERR(pthread_join(waiter->thread, NULL));
    CHECK(waiter_returned(waiter));
}

#endif /* WAITER_H */
