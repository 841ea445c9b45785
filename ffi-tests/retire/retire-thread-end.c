/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads retire and end at once, or retire while they end: in the destructor of a key. What they
 * retired is reclaimed all the same, and the hazard that one leaves goes on counting.
 */
#include "retired.h"
#include "surroundings.h"

#define THREADS 1000
#define AT_ONCE 20
#define OBJECTS 10

static struct object objects[THREADS][OBJECTS], in_destructor[THREADS];
static struct object left_held;
static struct hazptr_ctx left;
static struct hazptr_cohort cohort;
static pthread_key_t key;

static void retire_in_the_end(void *object)
{
    retire_in(&cohort, (struct object *)object, 0);
}

static void *retire_and_end(void *argument)
{
    const long number = (long)(intptr_t)argument;
    int i;

    CHECK_ERR(pthread_setspecific(key, &in_destructor[number]));
    for (i = 0; i < OBJECTS; i++)
        retire(&objects[number][i]);
    if (number == 0) {
        hold(&left, &left_held);
        retire(&left_held);
    }
    return NULL;
}

static long run_threads(void)
{
    long most = under_valgrind() ? THREADS / 10 : THREADS, number, i;
    pthread_t threads[AT_ONCE];

    for (number = 0; number < most; number += AT_ONCE) {
        for (i = 0; i < AT_ONCE; i++)
            threads[i] = check_thread(retire_and_end, (void *)(intptr_t)(number + i));
        for (i = 0; i < AT_ONCE; i++)
            CHECK_ERR(pthread_join(threads[i], NULL));
    }
    return most;
}

int main(void)
{
    long most, number;
    int i;

    check_mode();
    CHECK_ERR(pthread_key_create(&key, retire_in_the_end));
    most = run_threads();
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    for (number = 0; number < most; number++)
        CHECK_EQ(times_reclaimed(&in_destructor[number]), 1);
    await_a_pass();
    CHECK_EQ(times_reclaimed(&left_held), 0);
    hazptr_release(&left, &left_held);
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(times_reclaimed(&left_held), 1);
    for (number = 0; number < most; number++)
        for (i = 0; i < OBJECTS; i++)
            CHECK_EQ(times_reclaimed(&objects[number][i]), 1);
    CHECK_EQ(check_stats().retired, check_stats().reclaimed);
    CHECK_EQ(check_stats().pending, 0);
    return 0;
}
