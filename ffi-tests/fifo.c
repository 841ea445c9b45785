/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A real-time thread does not keep the CPU from the one that it waits for: not as a waiter from the
 * holder, not at the lock of the backup slots nor at a shared barrier from whoever is in there.
 * Each wait that spun would take as long as the kernel lets a real-time thread go on, a second.
 */
#include "surroundings.h"
#include <semaphore.h>
#include <stdint.h>
#include <sys/resource.h>
#include <time.h>

static long objects[3];

static void await(sem_t *semaphore)
{
    while (sem_wait(semaphore))
        CHECK_EQ(errno, EINTR);
}

static void become_real_time(void)
{
    struct sched_param param;

    memset(&param, 0, sizeof(param));
    param.sched_priority = 1;
    CHECK_ERR(pthread_setschedparam(pthread_self(), SCHED_FIFO, &param));
}

static int real_time_is_permitted(void)
{
    struct sched_param param;

    memset(&param, 0, sizeof(param));
    if (pthread_setschedparam(pthread_self(), SCHED_OTHER, &param))
        return 0;
    param.sched_priority = 1;
    if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &param))
        return 0;
    param.sched_priority = 0;
    return pthread_setschedparam(pthread_self(), SCHED_OTHER, &param) == 0;
}

/* --- a waiter and its holder --------------------------------------------------------------------
 */

#define ROUNDS 200

static sem_t held;
static unsigned int waited;

static void *wait_in_real_time(void *argument)
{
    unsigned int round;

    become_real_time();
    for (round = 1; round <= ROUNDS; round++) {
        await(&held);
        hazptr_synchronize(&objects[0]);
        __atomic_store_n(&waited, round, __ATOMIC_RELEASE);
    }
    return NULL;
}

/* This thread never sleeps while it holds: it runs only because the waiter does. */
static void a_waiter_lets_the_holder_run(void)
{
    pthread_t thread = check_thread(wait_in_real_time, NULL);
    void *pointer = &objects[0];
    unsigned int round;

    for (round = 1; round <= ROUNDS; round++) {
        const uint64_t sleeps = check_stats().sleeps;
        struct hazptr_ctx ctx;

        CHECK(hazptr_acquire(&ctx, &pointer) == pointer);
        sem_post(&held);
        while (check_stats().sleeps == sleeps)
            ;
        CHECK_EQ(__atomic_load_n(&waited, __ATOMIC_ACQUIRE), round - 1);
        hazptr_release(&ctx, pointer);
        while (__atomic_load_n(&waited, __ATOMIC_ACQUIRE) != round)
            ;
    }
    CHECK_ERR(pthread_join(thread, NULL));
}

/* --- in the middle of another's call ------------------------------------------------------------
 */

/* How often the real-time thread has to find the other one in the way. */
#define MEETINGS 10

static struct {
    /* What both threads do, again and again, each with an object of its own. */
    void (*call)(void *object);
    int end;
} meeting;

/* With no lines to be had: takes the lock of the backup slots, twice. */
static void acquire_and_release(void *object)
{
    void *pointer = object;
    struct hazptr_ctx ctx;

    CHECK(hazptr_acquire(&ctx, &pointer) == object);
    hazptr_release(&ctx, object);
}

/* In mode rseq: runs a barrier, or shares one. */
static void synchronize(void *object)
{
    hazptr_synchronize(object);
}

static long sleeps_of_this_thread(void)
{
    struct rusage usage;

    CHECK_EQ(getrusage(RUSAGE_THREAD, &usage), 0);
    return usage.ru_nvcsw;
}

/*
 * The timer takes the CPU from the other thread wherever that is just then. Sleeps beyond those
 * asked for are for the lock, or for the barrier.
 */
static void *interrupt_in_real_time(void *argument)
{
    long naps = 0, meetings, before;
    struct timespec nap;

    become_real_time();
    nap.tv_sec = 0;
    before = sleeps_of_this_thread();
    do {
        nap.tv_nsec = 20000 + naps % 64 * 1000;
        nanosleep(&nap, NULL);
        naps++;
        meeting.call(&objects[1]);
        meetings = sleeps_of_this_thread() - before - naps;
    } while (meetings < MEETINGS);
    printf("met %ld times in %ld\n", meetings, naps);
    __atomic_store_n(&meeting.end, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void one_in_the_middle_of_it_gets_the_cpu(void (*call)(void *object))
{
    pthread_t thread;

    meeting.call = call;
    meeting.end = 0;
    thread = check_thread(interrupt_in_real_time, NULL);
    while (!__atomic_load_n(&meeting.end, __ATOMIC_ACQUIRE))
        call(&objects[2]);
    CHECK_ERR(pthread_join(thread, NULL));
}

int main(void)
{
    check_mode();
    if (!real_time_is_permitted()) {
        printf("skipped: SCHED_FIFO is not permitted\n");
        return EXIT_SKIP;
    }
    bind_to_a_cpu();
    CHECK_EQ(sem_init(&held, 0, 0), 0);
    a_waiter_lets_the_holder_run();
    /* Below mode rseq a waiter shares no barrier, and with lines an acquire takes no lock. */
    if (hazptr_mode() == HAZPTR_MODE_RSEQ)
        one_in_the_middle_of_it_gets_the_cpu(synchronize);
    if (getenv("HAZPTR_MAX_LINES"))
        one_in_the_middle_of_it_gets_the_cpu(acquire_and_release);
    return 0;
}
