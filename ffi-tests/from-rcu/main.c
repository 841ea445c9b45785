/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Calls what docs/from-rcu.md has, of one side or the other: readers beside a writer that replaces,
 * retires, removes and puts in anew. What is disposed of is poisoned and kept, so that whoever reads it
 * later sees that. In the end all must have been disposed of.
 */
#define _GNU_SOURCE
#include "common.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { READERS = 3, ROUNDS = 3000, KEYS = 8, POISON = 0x6b6b6b6b };

static atomic_int stop, ready, disposed, round_of_writer, reads;
static void *kept[8 * ROUNDS];
/* The others are not in its way then. */
static bool list_only;

void dispose(void *object)
{
    memset(object, 0x6b, sizeof(int));
    kept[atomic_fetch_add(&disposed, 1)] = object;
}

/* Until the writer has gone round all keys, if it can: it may wait for this very reader. */
void dawdle(unsigned int once_in)
{
    static _Thread_local unsigned int calls;
    const int now = atomic_load(&round_of_writer);
    int patience;

    if (++calls % once_in)
        return;
    for (patience = 0; patience < 200 && atomic_load(&round_of_writer) < now + 2 * KEYS; patience++)
        sched_yield();
}

int look_at(const int *value)
{
    const int now = *(const volatile int *)value;

    if (now == POISON) {
        fprintf(stderr, "read after it was disposed of\n");
        _Exit(1);
    }
    return now;
}

int look_long_at(const int *value)
{
    int now = look_at(value), i;

    for (i = 0; i < 3; i++) {
        sched_yield();
        if (look_at(value) != now)
            abort();
    }
    return now;
}

static void *read_all(void *argument)
{
    long found = 0;
    int i;

    thread_begins();
    while (!found)
        found += list_has(0);
    atomic_fetch_add(&ready, 1);
    while (!atomic_load(&stop)) {
        if (!list_only && config_value() == POISON)
            look_at(&(int){POISON});
        for (i = 0; i < SESSIONS && !list_only; i++) {
            const int value = session_use(i);

            if (value != NOT_THERE)
                look_at(&value);
        }
        for (i = 0; i < KEYS; i++) {
            /* What nobody has put in. */
            if (list_has(POISON))
                look_at(&(int){POISON});
        }
        atomic_fetch_add(&reads, 1);
    }
    thread_ends();
    return argument;
}

/* Each of them may be in the middle of something that takes long: not for ever. */
static void await_readers(void)
{
    const int before = atomic_load(&reads);
    int patience;

    for (patience = 0; patience < 1000 && atomic_load(&reads) < before + READERS; patience++)
        sched_yield();
}

int main(int argc, char **argv)
{
    pthread_t readers[READERS];
    unsigned int seed = 1;
    int i, key, made = 1;

    list_only = argc > 1 && !strcmp(argv[1], "list");
    thread_begins();
    config_begin(config_new(0));
    for (i = 0; i < KEYS; i++, made++)
        node_add(i);
    for (i = 0; i < READERS; i++) {
        if (pthread_create(&readers[i], NULL, read_all, &stop))
            abort();
    }
    while (atomic_load(&ready) < READERS)
        sched_yield();
    for (i = 1; i < ROUNDS; i++) {
        if (!list_only) {
            config_replace(config_new(2 * i));
            config_replace_later(config_new(2 * i + 1));
            session_end(i % SESSIONS);
            session_begin(i % SESSIONS, i);
            made += 3;
        }
        /* Not the oldest each time, which is the last. */
        key = rand_r(&seed) % KEYS;
        list_remove(key);
        node_add(key);
        made++;
        atomic_store(&round_of_writer, i);
        if (i % (4 * KEYS) == 0)
            await_readers();
    }
    atomic_store(&stop, 1);
    for (i = 0; i < READERS; i++) {
        if (pthread_join(readers[i], NULL))
            abort();
    }
    for (i = 0; i < SESSIONS; i++)
        session_end(i);
    all_callbacks();
    for (i = 0; i < KEYS; i++)
        list_remove(i);
    list_unload();
    config_end();
    thread_ends();
    if (atomic_load(&disposed) != made) {
        fprintf(stderr, "%d made, %d disposed of\n", made, atomic_load(&disposed));
        return 1;
    }
    while (made)
        free(kept[--made]);
    return 0;
}
