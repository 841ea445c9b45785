/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The structures as they are: first each operation by itself, then many threads at once, with elements
 * that are counted. Nothing is lost and nothing is there twice, a queue keeps each producer's order,
 * and when a structure is destroyed, all that was retired of it is reclaimed.
 *
 * usage: stress STRUCTURE [ROUNDS]
 */
#include "../check.h"
#include "subject.h"

#define PRODUCERS 3
#define CONSUMERS 2
#define KEYS 32
/* More than the values of one producer. */
#define PRODUCER 10000000

static const struct subject *subject;
static void *structure;
static int rounds = 20000;

static int apply(enum kind kind, int argument)
{
    return subject->apply(structure, kind, argument);
}

/* --- one thread ------------------------------------------------------------------------------- */

static void each_operation_says_what_it_must(void)
{
    struct state state;
    enum kind kind;
    int i, argument;

    memset(&state, 0, sizeof(state));
    structure = subject->create();
    for (i = 0; i < 1000; i++) {
        /* Of both kinds of a stack or queue, of all three of a set, in changing order. */
        kind = (enum kind)(subject->first +
                           (unsigned int)(i * 7 / 3) % (subject->last - subject->first + 1u));
        if (kind == PUT && state.count == MOST_ITEMS)
            kind = TAKE;
        argument = kind == PUT ? i % 200 : i * 5 % MOST_ITEMS;
        CHECK_EQ(apply(kind, argument), subject->specification(&state, kind, argument));
    }
    subject->destroy(structure);
}

/* --- producers and consumers ------------------------------------------------------------------ */

static long long put_sum[PRODUCERS], taken_sum[CONSUMERS];
static long taken_count[CONSUMERS];
static int producing;

static void *produce(void *argument)
{
    int me = *(int *)argument, i;

    for (i = 1; i <= rounds; i++) {
        CHECK_EQ(apply(PUT, me * PRODUCER + i), 1);
        put_sum[me] += me * PRODUCER + i;
    }
    __atomic_sub_fetch(&producing, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void *consume(void *argument)
{
    int me = *(int *)argument, last[PRODUCERS] = {0}, value, others;

    do {
        others = __atomic_load_n(&producing, __ATOMIC_ACQUIRE);
        value = apply(TAKE, 0);
        if (value == EMPTY) {
            sched_yield();
            continue;
        }
        if (subject->specification == queue_specification)
            CHECK(value % PRODUCER > last[value / PRODUCER]);
        last[value / PRODUCER] = value % PRODUCER;
        taken_sum[me] += value;
        taken_count[me]++;
    } while (others || value != EMPTY);
    return NULL;
}

static void what_is_put_is_taken_once(void)
{
    pthread_t threads[PRODUCERS + CONSUMERS];
    int numbers[PRODUCERS + CONSUMERS], i;
    long long put = 0, taken = 0;
    long count = 0;

    structure = subject->create();
    producing = PRODUCERS;
    for (i = 0; i < PRODUCERS + CONSUMERS; i++) {
        numbers[i] = i < PRODUCERS ? i : i - PRODUCERS;
        threads[i] = check_thread(i < PRODUCERS ? produce : consume, &numbers[i]);
    }
    for (i = 0; i < PRODUCERS + CONSUMERS; i++)
        CHECK_ERR(pthread_join(threads[i], NULL));
    for (i = 0; i < PRODUCERS; i++)
        put += put_sum[i];
    for (i = 0; i < CONSUMERS; i++) {
        taken += taken_sum[i];
        count += taken_count[i];
    }
    CHECK_EQ(count, (long)PRODUCERS * rounds);
    CHECK_EQ(taken, put);
    subject->destroy(structure);
}

/* --- a set ------------------------------------------------------------------------------------ */

static int balance[PRODUCERS + CONSUMERS][KEYS];

static void *insert_and_remove(void *argument)
{
    int me = *(int *)argument, i, key;
    uint32_t random = (uint32_t)me + 1;

    for (i = 0; i < rounds; i++) {
        random = random * 1664525u + 1013904223u;
        key = (int)(random >> 16) % KEYS;
        if (random >> 10 & 1)
            balance[me][key] += apply(INSERT, key);
        else
            balance[me][key] -= apply(REMOVE, key);
        apply(CONTAINS, (int)(random >> 20) % KEYS);
    }
    return NULL;
}

static void what_was_inserted_and_not_removed_is_there(void)
{
    pthread_t threads[PRODUCERS + CONSUMERS];
    int numbers[PRODUCERS + CONSUMERS], i, key;

    structure = subject->create();
    for (i = 0; i < PRODUCERS + CONSUMERS; i++) {
        numbers[i] = i;
        threads[i] = check_thread(insert_and_remove, &numbers[i]);
    }
    for (i = 0; i < PRODUCERS + CONSUMERS; i++)
        CHECK_ERR(pthread_join(threads[i], NULL));
    for (key = 0; key < KEYS; key++) {
        int there = 0;

        for (i = 0; i < PRODUCERS + CONSUMERS; i++)
            there += balance[i][key];
        CHECK_EQ(apply(CONTAINS, key), there);
    }
    subject->destroy(structure);
}

int main(int argc, char **argv)
{
    struct hazptr_statistics stats;

    CHECK(argc > 1);
    subject = subject_named(argv[1]);
    if (argc > 2)
        rounds = atoi(argv[2]);
    CHECK(rounds > 0 && rounds < PRODUCER);
    check_mode();
    each_operation_says_what_it_must();
    if (subject->last == CONTAINS)
        what_was_inserted_and_not_removed_is_there();
    else
        what_is_put_is_taken_once();
    /* Whoever reclaims counts when all of its batch is done, which a cohort does not wait for. */
    CHECK_EQ(hazptr_barrier(), 0);
    stats = check_stats();
    printf("%s: %lu retired, most at once %lu\n", subject->name, (unsigned long)stats.retired,
           (unsigned long)stats.pending_peak);
    CHECK(stats.retired > 0);
    CHECK_EQ(stats.retired, stats.reclaimed);
    CHECK_EQ(stats.held, 0);
    return 0;
}
