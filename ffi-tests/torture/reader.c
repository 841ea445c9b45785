/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "reader.h"
#include "disturbance.h"
#include "handover.h"
#include "parameters.h"
#include "stop.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#define READERS_NICE 19

/* What readers do while they hold, each once in so many rounds. */
#define SHORT_SPIN_US 200
#define SHORT_SPIN_ODDS 4000
#define LONG_SPIN_US 300000
#define LONG_SPIN_ODDS 20000000
#define YIELD_ODDS 5000

/*
 * What a missing barrier lets through is a hazard that becomes visible late. The acquire's stores
 * come later if they queue behind stores to cache lines that are elsewhere: so there are more of
 * these than a core's own caches hold, and every reader writes to all of them.
 */
#define COLD_LINES (1u << 17)
#define COLD_STORES_MOST 16

struct cold_line {
    atomic_uint word;
    char rest[CACHE_LINE - sizeof(atomic_uint)];
};

struct reader {
    struct thread thread;
    /* Contexts on the heap; allocated anew once handed on. */
    struct hazard *hazards[MOST_NESTED];
};

static struct cold_line *cold_lines;
static struct reader *readers;
static int nr_readers;

static void cool(struct random *random)
{
    unsigned int stores = random_below(random, COLD_STORES_MOST);

    for (; stores > 0; stores--)
        atomic_store_explicit(&cold_lines[random_below(random, COLD_LINES)].word, stores,
                              memory_order_relaxed);
}

static void sleep_us(long us)
{
    struct timespec pause = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

    /* A long sleep must hear of the end of the run. */
    if (us >= 100000)
        stop_wait(us / 1000);
    else
        nanosleep(&pause, NULL);
}

/* As a scheduler of fibres would, which tells the library so, or a plain yield. */
static void yield(struct random *random)
{
    if (random_one_in(random, 2))
        hazptr_note_context_switch();
    sched_yield();
}

static void delay(struct random *random)
{
    unsigned int spins = random_below(random, 16);

    if (parameters.reader_sleep_us > 0)
        sleep_us(parameters.reader_sleep_us);
    if (random_one_in(random, LONG_SPIN_ODDS))
        spin_us(LONG_SPIN_US);
    if (random_one_in(random, SHORT_SPIN_ODDS))
        spin_us(SHORT_SPIN_US);
    if (random_one_in(random, YIELD_ODDS))
        yield(random);
    for (; spins > 0; spins--)
        __builtin_ia32_pause();
}

static void let_go(struct reader *me, struct hazard **hazard)
{
    if (random_one_in(&me->thread.random, parameters.defer_modulus)) {
        handover_defer(*hazard, &me->thread);
        *hazard = NULL;
        return;
    }
    hazard_look(*hazard, &me->thread);
    hazard_release(*hazard, &me->thread);
}

/* In any order. */
static void let_all_go(struct reader *me)
{
    struct hazard **hazards = me->hazards, *other;
    uint32_t left, i;

    for (left = (uint32_t)parameters.nested; left > 0; left--) {
        i = random_below(&me->thread.random, left);
        other = hazards[i];
        hazards[i] = hazards[left - 1];
        hazards[left - 1] = other;
        let_go(me, &hazards[left - 1]);
    }
}

static void read_once(struct reader *me)
{
    int i;

    for (i = 0; i < parameters.nested; i++) {
        if (!me->hazards[i])
            me->hazards[i] = allocate(1, sizeof(*me->hazards[i]));
        cool(&me->thread.random);
        hazard_acquire(me->hazards[i], &me->thread);
    }
    delay(&me->thread.random);
    let_all_go(me);
}

static void read_until_stop(struct reader *me)
{
    while (!stopping()) {
        stutter_wait();
        read_once(me);
    }
}

static void read_on_stack(struct reader *me)
{
    struct hazard on_stack[MOST_NESTED];
    int i;

    for (i = 0; i < MOST_NESTED; i++) {
        hazard_begin(&on_stack[i]);
        me->hazards[i] = &on_stack[i];
    }
    read_until_stop(me);
    for (i = 0; i < MOST_NESTED; i++)
        hazard_end(&on_stack[i]);
}

static void read_on_heap(struct reader *me)
{
    int i;

    read_until_stop(me);
    for (i = 0; i < MOST_NESTED; i++) {
        if (me->hazards[i])
            hazard_end(me->hazards[i]);
        free(me->hazards[i]);
    }
}

static void reader(struct thread *thread)
{
    struct reader *me = (struct reader *)thread;

    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), READERS_NICE);
    if (parameters.type->on_stack)
        read_on_stack(me);
    else
        read_on_heap(me);
}

void readers_start(int count)
{
    int i;

    nr_readers = count;
    cold_lines = allocate(COLD_LINES, sizeof(*cold_lines));
    readers = allocate((size_t)count, sizeof(*readers));
    for (i = 0; i < count; i++)
        thread_start(&readers[i].thread, "reader", i, reader);
}

void readers_join(void)
{
    int i;

    for (i = 0; i < nr_readers; i++)
        thread_join(&readers[i].thread);
}

void readers_free(void)
{
    free(readers);
    free(cold_lines);
}
