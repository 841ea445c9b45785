/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Waiters share barriers: all that arrive while one runs are served by the next, and none that
 * arrives in a run relies on it. The run is held open by a supervisor of membarrier.
 */
#include "filter.h"
#include "waiter.h"

static long objects[17];

/* --- all that arrive in a run -------------------------------------------------------------------
 */

#define ARRIVALS 16
#define ATTEMPTS 50

static struct {
    int listener;
    int hold;
    unsigned int calls;
} supervisor;

/* Lets a call happen as soon as none is to be held. */
static void *supervise(void *argument)
{
    for (;;) {
        struct seccomp_notif call = filter_receive(supervisor.listener);

        __atomic_fetch_add(&supervisor.calls, 1, __ATOMIC_RELEASE);
        while (__atomic_load_n(&supervisor.hold, __ATOMIC_ACQUIRE))
            give_way();
        filter_answer(supervisor.listener, &call, 0);
    }
    return NULL;
}

static unsigned int calls(void)
{
    return __atomic_load_n(&supervisor.calls, __ATOMIC_ACQUIRE);
}

/* Until it sleeps for another's run, or has lost patience and is about to run a barrier itself. */
static void await_arrival(const struct waiter *waiter)
{
    unsigned long argument;
    long call = -1;
    pid_t tid;

    while (call != SYS_futex && call != SYS_membarrier) {
        give_way();
        tid = __atomic_load_n(&waiter->tid, __ATOMIC_ACQUIRE);
        if (tid)
            call = thread_call(tid, &argument);
    }
}

/*
 * Lets waiters arrive while the first one's barrier is held. False if most did not arrive in time:
 * who has waited long for another's barrier runs one.
 */
static int all_arrive_in_a_run(void)
{
    const struct hazptr_statistics before = check_stats();
    const unsigned int first = calls();
    struct waiter leader, waiters[ARRIVALS];
    struct hazptr_statistics after;
    uint64_t barriers, by_others;
    unsigned int i;

    __atomic_store_n(&supervisor.hold, 1, __ATOMIC_RELEASE);
    waiter_start(&leader, &objects[ARRIVALS]);
    while (calls() == first)
        give_way();
    for (i = 0; i < ARRIVALS; i++)
        waiter_start(&waiters[i], &objects[i]);
    for (i = 0; i < ARRIVALS; i++)
        await_arrival(&waiters[i]);
    __atomic_store_n(&supervisor.hold, 0, __ATOMIC_RELEASE);
    waiter_join(&leader);
    for (i = 0; i < ARRIVALS; i++)
        waiter_join(&waiters[i]);

    after = check_stats();
    barriers = after.barriers - before.barriers;
    by_others = after.barriers_shared - before.barriers_shared;
    CHECK_EQ(barriers + by_others, ARRIVALS + 1);
    CHECK_EQ(calls() - first, barriers);
    /* The one that was under way served nobody else. */
    CHECK(barriers >= 2);
    return by_others >= ARRIVALS / 2;
}

static void the_next_run_serves_all_that_arrive_in_one(void)
{
    int attempts = 0;

    supervisor.listener = filter_supervise(SYS_membarrier);
    CHECK_ERR(pthread_detach(check_thread(supervise, NULL)));
    while (!all_arrive_in_a_run())
        CHECK(++attempts < ATTEMPTS);
    printf("in time at attempt %d\n", attempts + 1);
}

/* --- free running -------------------------------------------------------------------------------
 */

#define THREADS 8
#define CALLS 500

static void *synchronize(void *argument)
{
    unsigned int i;

    for (i = 0; i < CALLS; i++)
        hazptr_synchronize(argument);
    return NULL;
}

static void every_call_is_counted_once(void)
{
    const struct hazptr_statistics before = check_stats();
    pthread_t threads[THREADS];
    struct hazptr_statistics after;
    unsigned int i;

    for (i = 0; i < THREADS; i++)
        threads[i] = check_thread(synchronize, &objects[i]);
    for (i = 0; i < THREADS; i++)
        CHECK_ERR(pthread_join(threads[i], NULL));
    after = check_stats();
    CHECK_EQ(after.barriers - before.barriers + after.barriers_shared - before.barriers_shared,
             THREADS * CALLS);
    printf("%u calls, %llu barriers\n", THREADS * CALLS,
           (unsigned long long)(after.barriers - before.barriers));
}

int main(void)
{
    check_mode();
    every_call_is_counted_once();
    the_next_run_serves_all_that_arrive_in_one();
    return 0;
}
