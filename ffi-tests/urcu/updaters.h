/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads that replace objects, and what else there is to do with call_rcu(): new workers in the
 * middle of the run, and barriers.
 */
#ifndef UPDATERS_H
#define UPDATERS_H

#include "objects.h"
#include "threads.h"

static atomic_ulong nr_churns, nr_barriers;

static bool wants_callback(struct random *random)
{
    if (options.update == UPDATE_BOTH)
        return random_one_in(random, 2);
    return options.update == UPDATE_CALL;
}

static void update_once(struct thread *me)
{
    struct lane *lane = &lanes[me->number];
    struct object *object = lane_take(lane), *old;

    if (!object) {
        sleep_us(1000);
        return;
    }
    old = lane_replace(lane, object, &me->random);
    if (wants_callback(&me->random))
        lane_hand_over(lane, old);
    else
        lane_synchronize(lane, old);
}

static void updater(struct thread *me)
{
    const bool own = options.workers == WORKERS_THREAD || options.workers == WORKERS_RT;
    const int64_t interval = options.churn_ms * INT64_C(1000000);
    int64_t next = clock_ns() + interval;

    if (own)
        worker_of_thread(true, &me->random);
    while (!stopping()) {
        thread_halt(me);
        if (own && interval && clock_ns() >= next) {
            worker_of_thread(true, &me->random);
            atomic_fetch_add(&nr_churns, 1);
            next = clock_ns() + interval;
        }
        update_once(me);
        if (random_one_in(&me->random, 8))
            sleep_us(random_below(&me->random, 500));
    }
    if (own)
        worker_of_thread(false, &me->random);
}

/* The workers of CPUs: all of them, or one. */
static void churn_go_on(struct thread *me)
{
    while (!stopping()) {
        pause_ms(options.churn_ms);
        thread_halt(me);
        if (random_one_in(&me->random, 2)) {
            workers_of_cpus_free();
            workers_of_cpus_create();
        } else {
            worker_of_cpu_replace(cpus_any(&me->random));
        }
        atomic_fetch_add(&nr_churns, 1);
    }
}

/* --- barriers -------------------------------------------------------------------------------- */

#define BARRIER_CALLBACKS 20

struct counted {
    struct rcu_head head;
    atomic_ulong *counter;
};

static void counted_called(struct rcu_head *head)
{
    struct counted *counted = caa_container_of(head, struct counted, head);

    subject_called();
    atomic_fetch_add_explicit(counted->counter, 1, memory_order_relaxed);
}

/* Its own callbacks have all been called, and of those of others as many as there were. */
static void barrier_once(struct random *random)
{
    /* Static: with the control they are called after the function's end. */
    static struct counted counted[BARRIER_CALLBACKS];
    static atomic_ulong counter;
    uint32_t count = random_below(random, BARRIER_CALLBACKS + 1), i;
    unsigned long enqueued, called;

    atomic_store(&counter, 0);
    for (i = 0; i < count; i++) {
        counted[i].counter = &counter;
        subject_call(&counted[i].head, counted_called);
    }
    enqueued = atomic_load(&nr_enqueued);
    subject_barrier();
    /* Relaxed: the barrier orders it. */
    called = atomic_load_explicit(&counter, memory_order_relaxed);
    if (called != count)
        fail("rcu_barrier() ended before the caller's callbacks (enqueued, called)", count,
             called);
    called = atomic_load_explicit(&nr_called, memory_order_relaxed);
    if (called < enqueued)
        fail("rcu_barrier() ended before all callbacks (enqueued, called)", enqueued, called);
    atomic_fetch_add(&nr_barriers, 1);
    /* The control's are still on their way. */
    if (options.broken == BROKEN_BARRIER)
        rcu_barrier();
}

static void barriers_go_on(struct thread *me)
{
    while (!stopping()) {
        thread_halt(me);
        barrier_once(&me->random);
        pause_ms(random_below(&me->random, 50));
    }
}

/* Those that enqueue themselves again do so less than OLDEST times. */
static void barrier_at_the_end(void)
{
    unsigned long enqueued, called;
    int i;

    for (i = 0; i < OLDEST; i++)
        subject_barrier();
    enqueued = atomic_load(&nr_enqueued);
    called = atomic_load(&nr_called);
    if (called != enqueued)
        fail("callbacks are missing, or too many (enqueued, called)", enqueued, called);
    if (options.broken == BROKEN_BARRIER)
        for (i = 0; i < OLDEST; i++)
            rcu_barrier();
}

#endif /* UPDATERS_H */
