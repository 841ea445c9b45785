/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads that read all the time, some that live for a few rounds only, and signal handlers that
 * read in the middle of that.
 */
#ifndef READERS_H
#define READERS_H

#include "objects.h"
#include "threads.h"

#define AGES (OLDEST + 1)

struct reader {
    struct thread thread;
    struct notes *notes;
    atomic_ulong sections, ages[AGES];
};

/* The last is for those that live for a few rounds. */
static struct reader *readers;

static atomic_ulong nr_births, nr_signals, nr_nested_signals;

/*
 * A reader whose beginning becomes visible late is what a missing barrier lets through. It comes
 * later if it queues behind stores to cache lines that are elsewhere: so there are more of these
 * than a core's own caches hold, and every reader writes to all of them.
 */
#define COLD_LINES (1u << 17)
#define COLD_STORES_MOST 16

static struct cold_line {
    _Alignas(CACHE_LINE) atomic_uint word;
} *cold_lines;

static void cool(struct random *random)
{
    uint32_t stores = random_below(random, COLD_STORES_MOST);

    for (; stores > 0; stores--)
        atomic_store_explicit(&cold_lines[random_below(random, COLD_LINES)].word, stores,
                              memory_order_relaxed);
}

static void delay(struct random *random)
{
    if (random_one_in(random, 20000))
        cpus_migrate(random);
    else if (random_one_in(random, 2000))
        sched_yield();
    else if (random_one_in(random, 500))
        sleep_us(random_below(random, 300));
    else if (random_one_in(random, 50))
        spin(random_below(random, 20000));
    else
        spin(random_below(random, 100));
}

/* Also in children, which have no notes: @notes is NULL. */
static unsigned int section(struct notes *notes, struct random *random, long depth)
{
    struct lane *lane = lanes_any(random);
    const struct object *object;
    unsigned long content;
    unsigned int age;
    uint64_t note = 0;
    uint32_t x, y;

    if (depth == 1)
        cool(random);
    subject_lock();
    y = atomic_load_explicit(&lane->y, memory_order_relaxed);
    x = atomic_load_explicit(&lane->x, memory_order_relaxed);
    order_check(y, x);
    if (notes)
        note = note_enter(notes, lane, x);
    object = rcu_dereference(lane->current);
    content = object_content(object);
    object_check(object, 0);

    delay(random);
    if (depth < options.nested && random_one_in(random, 3))
        section(NULL, random, depth + 1);
    /* The inner one's end is not the outer one's. */
    delay(random);

    age = object_check(object, content);
    order_check(atomic_load_explicit(&lane->y, memory_order_relaxed), x);
    subject_check_ongoing(true);
    if (notes)
        note_leave(notes, note);
    subject_unlock();
    return age;
}

static void read_once(struct reader *me)
{
    unsigned int age;

    subject_check_ongoing(false);
    age = section(me->notes, &me->thread.random, 1);
    count_one(&me->sections);
    count_one(&me->ages[age < AGES ? age : OLDEST]);
}

static void reader(struct thread *thread)
{
    struct reader *me = (struct reader *)thread;

    while (!stopping()) {
        thread_halt(thread);
        if (random_one_in(&thread->random, 2000)) {
            thread_unregister(thread);
            thread_register(thread);
        }
        read_once(me);
    }
}

/* A few rounds of a thread's life, the first of which may be in a handler. */
static void reader_born(struct thread *thread)
{
    uint32_t rounds = random_below(&thread->random, 20);

    if (options.signal_us && random_one_in(&thread->random, 2))
        pthread_kill(pthread_self(), SIGUSR1);
    for (; rounds > 0; rounds--) {
        thread_halt(thread);
        read_once((struct reader *)thread);
    }
}

static void births_go_on(struct thread *me)
{
    struct reader *born = &readers[options.readers];

    while (!stopping()) {
        thread_start(&born->thread, "born reader", (uint32_t)random_next(&me->random),
                     reader_born);
        MUST(pthread_join(born->thread.pthread, NULL));
        atomic_fetch_add(&nr_births, 1);
        sleep_us(random_below(&me->random, 2000));
    }
}

/* --- signals --------------------------------------------------------------------------------- */

static _Thread_local volatile sig_atomic_t handlers;

/* No random numbers: the thread's may be half way through. */
static void handler(int number)
{
    const int error = errno;
    const unsigned long turn = atomic_fetch_add_explicit(&nr_signals, 1, memory_order_relaxed);
    struct lane *lane = &lanes[turn % nr_lanes];
    const struct object *object;
    unsigned long content;
    uint32_t x;

    (void)number;
    if (!self || !self->registered)
        return;
    if (handlers++)
        atomic_fetch_add_explicit(&nr_nested_signals, 1, memory_order_relaxed);
    subject_lock();
    x = atomic_load_explicit(&lane->x, memory_order_relaxed);
    object = rcu_dereference(lane->current);
    content = object_content(object);
    object_check(object, 0);
    spin(turn % 8 == 0 ? 20000 : 100);
    object_check(object, content);
    order_check(atomic_load_explicit(&lane->y, memory_order_relaxed), x);
    subject_check_ongoing(true);
    subject_unlock();
    handlers--;
    errno = error;
}

static void signals_catch(void)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};

    /* An empty mask: each may interrupt the other. */
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGUSR1, &action, NULL) || sigaction(SIGUSR2, &action, NULL))
        MUST(errno);
}

static void signals_send(struct thread *me)
{
    pthread_t target;

    while (!stopping()) {
        target = readers[random_below(&me->random, (uint32_t)options.readers)].thread.pthread;
        pthread_kill(target, SIGUSR1);
        /* While the first one's handler runs, if so. */
        if (random_one_in(&me->random, 3)) {
            sleep_us(random_below(&me->random, 20));
            pthread_kill(target, SIGUSR2);
        }
        sleep_us(random_below(&me->random, 2 * (uint32_t)options.signal_us + 1));
    }
}

#endif /* READERS_H */
