/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Signals: handlers at a high rate acquire, keep and release in the middle of everything that the
 * library does, and nothing gets stuck or is freed in use; each call leaves the signal mask as it
 * was; a waiter that is interrupted goes on waiting; a waiter is no cancellation point.
 */
#include "waiter.h"
#include <time.h>

/* --- the mask -----------------------------------------------------------------------------------
 */

static long object;

static void check_mask(const sigset_t *expected)
{
    sigset_t now;
    int signal;

    CHECK_ERR(pthread_sigmask(SIG_SETMASK, NULL, &now));
    for (signal = 1; signal < NSIG; signal++)
        CHECK_EQ(sigismember(&now, signal), sigismember(expected, signal));
}

static void calls_leave_the_mask_alone(void)
{
    void *pointer = &object;
    struct hazptr_ctx ctx;
    sigset_t mask, old;

    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    sigaddset(&mask, SIGWINCH);
    CHECK_ERR(pthread_sigmask(SIG_SETMASK, &mask, &old));
    CHECK(hazptr_acquire(&ctx, &pointer) == &object);
    check_mask(&mask);
    check_stats();
    check_mask(&mask);
    hazptr_note_context_switch();
    check_mask(&mask);
    hazptr_release(&ctx, &object);
    check_mask(&mask);
    hazptr_synchronize(&object);
    check_mask(&mask);
    CHECK_ERR(pthread_sigmask(SIG_SETMASK, &old, NULL));
}

/* --- a waiter that is interrupted, or cancelled -------------------------------------------------
 */

static unsigned int interruptions;

static void interrupt(int signal)
{
    __atomic_fetch_add(&interruptions, 1, __ATOMIC_RELAXED);
}

static void handle(int number, void (*handler)(int))
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    CHECK_EQ(sigaction(number, &action, NULL), 0);
}

static void an_interrupted_waiter_goes_on_waiting(void)
{
    const uint64_t sleeps = check_stats().sleeps;
    void *pointer = &object;
    struct hazptr_ctx ctx;
    struct waiter waiter;
    unsigned int i;

    handle(SIGUSR1, interrupt);
    CHECK(hazptr_acquire(&ctx, &pointer) == &object);
    waiter_start(&waiter, &object);
    waiter_await_sleep(&waiter, sleeps);
    for (i = 1; i <= 100; i++) {
        CHECK_ERR(pthread_kill(waiter.thread, SIGUSR1));
        while (__atomic_load_n(&interruptions, __ATOMIC_RELAXED) != i)
            give_way();
        waiter_await_futex(&waiter);
    }
    hazptr_release(&ctx, &object);
    waiter_join(&waiter);
}

static void a_waiter_is_not_cancelled(void)
{
    const uint64_t sleeps = check_stats().sleeps;
    void *pointer = &object, *result;
    struct hazptr_ctx ctx;
    struct waiter waiter;

    CHECK(hazptr_acquire(&ctx, &pointer) == &object);
    waiter_start(&waiter, &object);
    waiter_await_sleep(&waiter, sleeps);
    CHECK_ERR(pthread_cancel(waiter.thread));
    waiter_await_futex(&waiter);
    hazptr_release(&ctx, &object);
    CHECK_ERR(pthread_join(waiter.thread, &result));
    /* It came to its end, which has no cancellation point either. */
    CHECK(waiter_returned(&waiter));
    CHECK(result == NULL);
}

/* --- handlers that acquire ----------------------------------------------------------------------
 */

#define THREADS 3
#define POOL 16
#define KEPT 4
#define TICKS 5000

enum { LIVE = 1, POISONED };

static void *current;
static long pool[THREADS][POOL][8];
static unsigned int running;

static struct worker {
    pthread_t thread;
    /* Objects to publish, replaced by those that it has taken back. */
    long *to_publish[POOL];
    unsigned int ticks;
    /* The handler's, which only this thread's handler and its end touch. */
    struct hazptr_ctx kept[KEPT];
    const long *objects[KEPT];
} workers[THREADS];

static __thread struct worker *this_worker;

static const long *acquire_live(struct hazptr_ctx *ctx)
{
    const long *got = (const long *)hazptr_acquire(ctx, &current);

    CHECK_EQ(__atomic_load_n(got, __ATOMIC_RELAXED), LIVE);
    return got;
}

static void release_live(struct hazptr_ctx *ctx, const long *got)
{
    CHECK_EQ(__atomic_load_n(got, __ATOMIC_RELAXED), LIVE);
    hazptr_release(ctx, got);
}

/* Acquires and releases, releases what an earlier tick has kept, and keeps another. */
static void tick(int signal)
{
    struct worker *worker = this_worker;
    const unsigned int i = worker->ticks % KEPT;
    struct hazptr_ctx ctx;

    release_live(&ctx, acquire_live(&ctx));
    if (worker->objects[i])
        release_live(&worker->kept[i], worker->objects[i]);
    worker->objects[i] = acquire_live(&worker->kept[i]);
    hazptr_detach(&worker->kept[i]);
    __atomic_store_n(&worker->ticks, worker->ticks + 1, __ATOMIC_RELAXED);
}

static timer_t start_ticking(void)
{
    struct sigevent event;
    struct itimerspec interval;
    timer_t timer;

    memset(&event, 0, sizeof(event));
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGRTMIN;
    event._sigev_un._tid = thread_id();
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    memset(&interval, 0, sizeof(interval));
    interval.it_value.tv_nsec = interval.it_interval.tv_nsec = 50000;
    CHECK_EQ(timer_settime(timer, 0, &interval, NULL), 0);
    return timer;
}

/* What the handler kept is released by it: nobody waits for what only he himself would release. */
static void end_ticking(struct worker *worker, timer_t timer)
{
    sigset_t ticks;
    unsigned int i;

    /* Until the others have done waiting: they may wait for what this one keeps. */
    __atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&running, __ATOMIC_ACQUIRE))
        give_way();
    sigemptyset(&ticks);
    sigaddset(&ticks, SIGRTMIN);
    CHECK_ERR(pthread_sigmask(SIG_BLOCK, &ticks, NULL));
    CHECK_EQ(timer_delete(timer), 0);
    for (i = 0; i < KEPT; i++) {
        if (worker->objects[i])
            release_live(&worker->kept[i], worker->objects[i]);
    }
}

static void *work(void *argument)
{
    struct worker *worker = (struct worker *)argument;
    struct hazptr_ctx ctx[3];
    const long *got[3];
    unsigned int round, i;
    timer_t timer;
    sigset_t mask;
    long *old;

    this_worker = worker;
    CHECK_ERR(pthread_sigmask(SIG_SETMASK, NULL, &mask));
    timer = start_ticking();
    for (round = 0; __atomic_load_n(&worker->ticks, __ATOMIC_RELAXED) < TICKS; round++) {
        long **next = &worker->to_publish[round / 4 % POOL];

        for (i = 0; i < 3; i++)
            got[i] = acquire_live(&ctx[i]);
        for (i = 0; i < 3; i++)
            release_live(&ctx[i], got[i]);
        if (round % 4)
            continue;
        __atomic_store_n(*next, LIVE, __ATOMIC_RELAXED);
        old = (long *)__atomic_exchange_n(&current, (void *)*next, __ATOMIC_ACQ_REL);
        hazptr_synchronize(old);
        __atomic_store_n(old, POISONED, __ATOMIC_RELAXED);
        *next = old;
        check_mask(&mask);
    }
    end_ticking(worker, timer);
    return NULL;
}

static void handlers_may_acquire_in_the_middle_of_anything(void)
{
    static long first = LIVE;
    unsigned int i, j;

    handle(SIGRTMIN, tick);
    current = &first;
    running = THREADS;
    for (i = 0; i < THREADS; i++) {
        for (j = 0; j < POOL; j++)
            workers[i].to_publish[j] = pool[i][j];
        workers[i].thread = check_thread(work, &workers[i]);
    }
    for (i = 0; i < THREADS; i++)
        CHECK_ERR(pthread_join(workers[i].thread, NULL));
    CHECK_EQ(check_stats().held, 0);
}

int main(void)
{
    check_mode();
    calls_leave_the_mask_alone();
    an_interrupted_waiter_goes_on_waiting();
    a_waiter_is_not_cancelled();
    handlers_may_acquire_in_the_middle_of_anything();
    return 0;
}
