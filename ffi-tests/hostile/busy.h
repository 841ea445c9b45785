/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads that are in the middle of everything: readers nest hazards and swap lines, updaters
 * replace, wait and poison. None of them may ever find what it holds poisoned.
 */
#ifndef BUSY_H
#define BUSY_H

#include "waiter.h"

#define BUSY_READERS 3
#define BUSY_UPDATERS 2
#define BUSY_THREADS (BUSY_READERS + BUSY_UPDATERS)
#define BUSY_NEST 20
#define BUSY_POOL 8

enum { BUSY_LIVE = 1, BUSY_POISONED };

/* What one updater publishes, one after the other. */
struct busy_box {
    void *current;
    long pool[BUSY_POOL];
};

/* What one of them is at: to be looked at by those who stop or fork it. */
struct busy_thread {
    pthread_t thread;
    unsigned long turns;
    struct hazptr_ctx ctx[BUSY_NEST];
};

static struct {
    struct busy_box boxes[BUSY_UPDATERS];
    struct busy_thread threads[BUSY_THREADS];
    int end;
} busy;

static inline int busy_goes_on(struct busy_thread *self)
{
    /* There is more than one thing to do, and in between they are to be found anywhere. */
    if (__atomic_add_fetch(&self->turns, 1, __ATOMIC_RELAXED) % 8 == 0)
        give_way();
    return !__atomic_load_n(&busy.end, __ATOMIC_RELAXED);
}

static inline void busy_read(struct busy_thread *self, unsigned int depth)
{
    const long *objects[BUSY_NEST];
    unsigned int i;

    for (i = 0; i < depth; i++) {
        objects[i] = (const long *)HAZPTR_ACQUIRE(&self->ctx[i],
                                                  &busy.boxes[i % BUSY_UPDATERS].current);
        if (i == BUSY_NEST / 2)
            hazptr_note_context_switch();
    }
    for (i = 0; i < depth; i++) {
        CHECK_EQ(__atomic_load_n(objects[i], __ATOMIC_RELAXED), BUSY_LIVE);
        hazptr_release(&self->ctx[i], objects[i]);
    }
}

static inline void *busy_reader(void *argument)
{
    struct busy_thread *self = (struct busy_thread *)argument;
    unsigned int depth = 0;

    while (busy_goes_on(self))
        busy_read(self, 1 + depth++ % BUSY_NEST);
    return NULL;
}

static inline void *busy_updater(void *argument)
{
    struct busy_thread *self = (struct busy_thread *)argument;
    struct busy_box *box = &busy.boxes[(self - busy.threads) % BUSY_UPDATERS];
    long *old, *next;

    while (busy_goes_on(self)) {
        old = (long *)box->current;
        next = old + 1 < box->pool + BUSY_POOL ? old + 1 : box->pool;
        __atomic_store_n(next, BUSY_LIVE, __ATOMIC_RELAXED);
        __atomic_store_n(&box->current, (void *)next, __ATOMIC_RELEASE);
        hazptr_synchronize(old);
        __atomic_store_n(old, BUSY_POISONED, __ATOMIC_RELAXED);
    }
    return NULL;
}

static inline void busy_begin(void)
{
    int i;

    memset(&busy, 0, sizeof(busy));
    for (i = 0; i < BUSY_UPDATERS; i++) {
        busy.boxes[i].pool[0] = BUSY_LIVE;
        busy.boxes[i].current = busy.boxes[i].pool;
    }
    for (i = 0; i < BUSY_THREADS; i++)
        busy.threads[i].thread =
            check_thread(i < BUSY_READERS ? busy_reader : busy_updater, &busy.threads[i]);
}

static inline unsigned long busy_turns(int thread)
{
    return __atomic_load_n(&busy.threads[thread].turns, __ATOMIC_RELAXED);
}

/* Each of them has gone on since: none hangs. */
static inline void busy_await_turns(void)
{
    unsigned long before[BUSY_THREADS];
    int i;

    for (i = 0; i < BUSY_THREADS; i++)
        before[i] = busy_turns(i);
    for (i = 0; i < BUSY_THREADS; i++)
        while (busy_turns(i) == before[i])
            give_way();
}

static inline void busy_end(void)
{
    int i;

    busy_await_turns();
    __atomic_store_n(&busy.end, 1, __ATOMIC_RELAXED);
    for (i = 0; i < BUSY_THREADS; i++)
        CHECK_ERR(pthread_join(busy.threads[i].thread, NULL));
}

#endif /* BUSY_H */
