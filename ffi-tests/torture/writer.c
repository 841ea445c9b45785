/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "writer.h"
#include "disturbance.h"
#include "parameters.h"
#include "pool.h"
#include "retire.h"
#include "stop.h"
#include "thread.h"

#include <hazptr.h>

/* Once in so many updates a writer sleeps first, long enough for all to fall asleep. */
#define SLEEP_ODDS 4096
#define SLEEP_MS 2
/* Once in so many it spins for a while. */
#define SPIN_ODDS 8
#define SPINS_MOST 2048
/* Once in so many it publishes nothing. */
#define NOTHING_ODDS 16

struct writer {
    struct thread thread;
    struct pool *pool;
    atomic_int state;
    /* The pool's version when a stall was last asked for. */
    unsigned long version_seen;
};

static struct writer *writers;
static int nr_writers;

static void enter(struct writer *me, enum writer_state state)
{
    atomic_store_explicit(&me->state, state, memory_order_relaxed);
}

static void delay(struct writer *me)
{
    struct random *random = &me->thread.random;
    unsigned int spins;

    enter(me, HTWS_FIXED_DELAY);
    if (random_one_in(random, SLEEP_ODDS))
        stop_wait(SLEEP_MS);
    enter(me, HTWS_DELAY);
    if (random_one_in(random, SPIN_ODDS))
        for (spins = random_below(random, SPINS_MOST); spins > 0; spins--)
            __builtin_ia32_pause();
}

static void update(struct writer *me, struct element *element)
{
    struct element *old;

    enter(me, HTWS_REPLACE);
    old = pool_replace(me->pool, element);
    enter(me, HTWS_SYNC);
    if (parameters.type->retiring) {
        retire_removed(me->pool, old);
    } else {
        if (!parameters.type->busted)
            hazptr_synchronize(old);
        pool_move_along(me->pool, old);
    }
    count_one(&me->pool->version);
}

static void writer(struct thread *thread)
{
    struct writer *me = (struct writer *)thread;
    struct element *element;

    while (!stopping()) {
        delay(me);
        element = NULL;
        if (!random_one_in(&thread->random, NOTHING_ODDS)) {
            element = pool_take(me->pool);
            if (!element) {
                /* Only if elements are retired: the others have moved along already. */
                enter(me, HTWS_SYNC);
                retire_wait(me->pool, &thread->random);
                continue;
            }
        }
        update(me, element);
        enter(me, HTWS_STUTTER);
        stutter_wait();
    }
    update(me, NULL);
    enter(me, HTWS_STOPPING);
}

void writers_start(int count)
{
    int i;

    nr_writers = count;
    writers = allocate((size_t)count, sizeof(*writers));
    for (i = 0; i < count; i++) {
        writers[i].pool = pools_nth(i);
        thread_start(&writers[i].thread, "writer", i, writer);
    }
}

void writers_join(void)
{
    int i;

    for (i = 0; i < nr_writers; i++)
        thread_join(&writers[i].thread);
}

void writers_free(void)
{
    free(writers);
}

int writers_count(void)
{
    return nr_writers;
}

enum writer_state writers_state(int n)
{
    return (enum writer_state)atomic_load_explicit(&writers[n].state, memory_order_relaxed);
}

bool writers_have_stalled(int n)
{
    const unsigned long version = count_read(&writers[n].pool->version);
    const bool stalled = version == writers[n].version_seen;

    writers[n].version_seen = version;
    return stalled;
}

const char *writer_state_name(enum writer_state state)
{
    static const char *const names[] = {"HTWS_FIXED_DELAY", "HTWS_DELAY",   "HTWS_REPLACE",
                                        "HTWS_SYNC",        "HTWS_STUTTER", "HTWS_STOPPING"};

    return names[state];
}
