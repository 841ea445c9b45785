/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A waiter sleeps through a long hold, is not woken by those who release other objects, and is
 * woken by the release that it waits for, also if that comes while it is going to sleep
 * (scenario 8). Wake-ups are counted, not timed.
 */
#include "surroundings.h"
#include "waiter.h"
#include <time.h>

/* The longest sleep on a futex (sys.rs), so that lost wake-ups could hide behind it. */
#define SLEEP_CAP_NS 100000000LL

static long objects[64][8];

static long long now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void acquire(struct hazptr_ctx *ctx, void *object)
{
    void *pointer = object;

    CHECK(hazptr_acquire(ctx, &pointer) == object);
}

static void acquire_and_release(void *object)
{
    struct hazptr_ctx ctx;

    acquire(&ctx, object);
    hazptr_release(&ctx, object);
}

/* --- a long hold --------------------------------------------------------------------------------
 */

struct strangers {
    void *objects[64];
    unsigned int count;
};

/*
 * Waiters are told apart by a hash, so that some strangers wake in vain: with 16 buckets one in 16
 * is to be expected. Keeps those that do not.
 */
static void find_strangers(struct strangers *strangers)
{
    unsigned int i;
    uint64_t wakes;

    strangers->count = 0;
    for (i = 1; i < 64; i++) {
        wakes = check_stats().wakes;
        acquire_and_release(objects[i]);
        if (check_stats().wakes == wakes)
            strangers->objects[strangers->count++] = objects[i];
    }
    CHECK(strangers->count >= 63 - 16);
}

static void *pass_strangers(void *argument)
{
    const struct strangers *strangers = (const struct strangers *)argument;
    /* A backup slot costs four system calls. */
    const unsigned int rounds = getenv("HAZPTR_MAX_LINES") ? 100000 : 1000000;
    unsigned int i;

    for (i = 0; i < rounds; i++)
        acquire_and_release(strangers->objects[i % strangers->count]);
    return NULL;
}

static void strangers_do_not_wake_a_sleeper(void)
{
    struct hazptr_statistics start = check_stats(), before, after;
    struct strangers strangers;
    struct hazptr_ctx ctx;
    struct waiter waiter;
    long long begin;

    acquire(&ctx, objects[0]);
    waiter_start(&waiter, objects[0]);
    waiter_await_sleep(&waiter, start.sleeps);
    find_strangers(&strangers);

    before = check_stats();
    begin = now();
    CHECK_ERR(pthread_join(check_thread(pass_strangers, &strangers), NULL));
    after = check_stats();
    CHECK_EQ(after.wakes, before.wakes);
    /* Only the cap on sleeping makes it look up. */
    CHECK((long long)(after.sleeps - before.sleeps) <= (now() - begin) / SLEEP_CAP_NS + 2);

    waiter_await_futex(&waiter);
    hazptr_release(&ctx, objects[0]);
    waiter_join(&waiter);
    CHECK_EQ(check_stats().wakes, before.wakes + 1);
}

/* --- several waiters, many holders --------------------------------------------------------------
 */

#define EACH 4

static void a_release_wakes_all_who_wait_for_that_object(void)
{
    unsigned long futex[2][EACH];
    struct waiter waiters[2][EACH];
    struct hazptr_ctx ctx[2];
    unsigned int i, j;

    for (i = 0; i < 2; i++)
        acquire(&ctx[i], objects[i]);
    for (i = 0; i < 2; i++) {
        for (j = 0; j < EACH; j++) {
            uint64_t sleeps = check_stats().sleeps;

            waiter_start(&waiters[i][j], objects[i]);
            futex[i][j] = waiter_await_sleep(&waiters[i][j], sleeps);
        }
    }
    hazptr_release(&ctx[0], objects[0]);
    /* Now, not when the cap on sleeping is over. */
    for (j = 0; j < EACH; j++)
        CHECK(!thread_stays_blocked(waiters[0][j].tid, futex[0][j]));
    for (j = 0; j < EACH; j++)
        waiter_join(&waiters[0][j]);
    for (j = 0; j < EACH; j++)
        waiter_await_futex(&waiters[1][j]);
    hazptr_release(&ctx[1], objects[1]);
    for (j = 0; j < EACH; j++)
        waiter_join(&waiters[1][j]);
}

#define HOLDERS 40

static void a_waiter_returns_after_the_last_holder(void)
{
    uint64_t sleeps = check_stats().sleeps;
    struct hazptr_ctx ctx[HOLDERS];
    struct waiter waiter;
    unsigned int i;

    for (i = 0; i < HOLDERS; i++)
        acquire(&ctx[i], objects[0]);
    waiter_start(&waiter, objects[0]);
    waiter_await_sleep(&waiter, sleeps);
    /* From both ends, so that some are what it sleeps for and others are not. */
    for (i = 0; i < HOLDERS - 1; i++) {
        hazptr_release(&ctx[i % 2 ? HOLDERS - 1 - i / 2 : i / 2], objects[0]);
        waiter_await_futex(&waiter);
    }
    hazptr_release(&ctx[HOLDERS / 2], objects[0]);
    waiter_join(&waiter);
    CHECK_EQ(check_stats().held, 0);
}

/* --- the last release against going to sleep ----------------------------------------------------
 */

#define ROUNDS 20000
/* On a busy machine a round may take milliseconds, and fewer have to do. */
#define MOST_TIME_NS 2000000000LL

struct race {
    unsigned int begun, held, released;
    unsigned int delay, end;
    int holders_cpu;
    long long released_at;
};

static void await(const unsigned int *word, unsigned int value)
{
    unsigned int spins;

    for (spins = 0; __atomic_load_n(word, __ATOMIC_ACQUIRE) != value; spins++) {
        if (spins >= 10000)
            sched_yield();
    }
}

/* Makes the next store slow to become visible: it has to wait for all of these. */
static void delay_stores(void)
{
    static char cold[64 << 20];
    static size_t at;
    unsigned int i;

    for (i = 0; i < 32; i++) {
        at = (at + 4096 * 17 + 64) % sizeof(cold);
        *(volatile char *)&cold[at] = 1;
    }
}

static void *race_holder(void *argument)
{
    struct race *race = (struct race *)argument;
    struct hazptr_ctx ctx;
    unsigned int round, i;

    bind_to_cpu(race->holders_cpu);
    for (round = 1;; round++) {
        await(&race->begun, round);
        if (race->end)
            return NULL;
        acquire(&ctx, objects[0]);
        __atomic_store_n(&race->held, round, __ATOMIC_RELEASE);
        for (i = race->delay; i; i--)
            __asm__ volatile("" ::: "memory");
        delay_stores();
        hazptr_release(&ctx, objects[0]);
        race->released_at = now();
        __atomic_store_n(&race->released, round, __ATOMIC_RELEASE);
    }
}

/* How long this thread has been runnable without a CPU, as the kernel counts. */
static long long time_without_cpu(void)
{
    char text[64] = "";
    int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    long long delay = 0;

    if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && strchr(text, ' '))
        delay = strtoll(strchr(text, ' '), NULL, 10);
    if (fd >= 0)
        close(fd);
    return delay;
}

/* One round. Returns how long the waiter went on sleeping after the release. */
static long long race_once(struct race *race, unsigned int round)
{
    long long delay = time_without_cpu(), returned_at;

    __atomic_store_n(&race->begun, round, __ATOMIC_RELEASE);
    await(&race->held, round);
    hazptr_synchronize(objects[0]);
    returned_at = now();
    delay = time_without_cpu() - delay;
    await(&race->released, round);
    return returned_at - race->released_at - delay;
}

/*
 * The holder's delay is steered towards the border between rounds in which the waiter went to sleep
 * and those in which it need not, with a random part to both sides. Who counted a sleep has seen
 * the object held after its barrier: then the release must have seen it, and have counted a
 * wake-up. That is exact. The clock is for a wake-up that was counted and did not happen: it
 * would show as a sleep of which the cap made an end.
 */
static void no_wakeup_is_lost_while_going_to_sleep(void)
{
    unsigned int round, slept = 0, late = 0, border = 1000, seed = 1;
    struct hazptr_statistics before = check_stats(), after;
    const cpu_set_t allowed = cpus_allowed();
    const long long begin = now();
    struct race race;
    pthread_t holder;

    memset(&race, 0, sizeof(race));
    /* Two CPUs, if there are two. */
    bind_to_a_cpu();
    while (!CPU_ISSET(race.holders_cpu, &allowed) ||
           (race.holders_cpu == sched_getcpu() && CPU_COUNT(&allowed) > 1))
        race.holders_cpu++;
    holder = check_thread(race_holder, &race);
    for (round = 1; round <= ROUNDS && now() - begin < MOST_TIME_NS; round++) {
        race.delay = border - border / 8 + (unsigned int)rand_r(&seed) % (border / 4 + 1);
        late += race_once(&race, round) >= SLEEP_CAP_NS / 10 * 9;

        after = check_stats();
        CHECK(after.wakes - before.wakes <= 1);
        if (after.sleeps != before.sleeps) {
            CHECK_EQ(after.wakes - before.wakes, 1);
            slept++;
            border -= border / 32;
        } else if (border < 1000000) {
            border += border / 32 + 1;
        }
        before = after;
    }
    race.end = 1;
    __atomic_store_n(&race.begun, round, __ATOMIC_RELEASE);
    CHECK_ERR(pthread_join(holder, NULL));
    printf("slept in %u of %u rounds, %u of them late\n", slept, round - 1, late);
    /* A virtual machine may stand still for that long, once or twice. */
    CHECK(late <= 2);
}

int main(void)
{
    check_mode();
    strangers_do_not_wake_a_sleeper();
    a_release_wakes_all_who_wait_for_that_object();
    a_waiter_returns_after_the_last_holder();
    no_wakeup_is_lost_while_going_to_sleep();
    return 0;
}
