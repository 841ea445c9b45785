/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One thread holds from 1 to 5,000 hazards at once, releases them in three orders, and nothing is
 * left behind. In mode rseq the fast path is what serves them, one line swap in fifteen aside.
 */
#include "check.h"

#define MOST 5000

static struct hazptr_ctx contexts[MOST];
static int objects[MOST];
static void *pointers[MOST];

static void release(int i)
{
    hazptr_release(&contexts[i], &objects[i]);
}

static void hold(int count)
{
    struct hazptr_statistics stats;
    int i;

    for (i = 0; i < count; i++)
        CHECK(hazptr_acquire(&contexts[i], &pointers[i]) == &objects[i]);
    stats = check_stats();
    CHECK_EQ(stats.held, count);
    switch (count % 3) {
    case 0:
        for (i = 0; i < count; i++)
            release(i);
        break;
    case 1:
        for (i = count; i-- > 0;)
            release(i);
        break;
    default:
        for (i = 0; i < count; i += 2)
            release(i);
        for (i = 1; i < count; i += 2)
            release(i);
    }
    CHECK_EQ(check_stats().held, 0);
}

/* Hazards are served as this mode promises. */
static void check_the_way(void)
{
    struct hazptr_statistics before = check_stats(), after;
    const unsigned int rounds = 100000;
    unsigned int i;

    for (i = 0; i < rounds; i++) {
        hazptr_acquire(&contexts[0], &pointers[0]);
        release(0);
    }
    after = check_stats();
    if (getenv("HAZPTR_MAX_LINES"))
        CHECK_EQ(after.acquire_backup - before.acquire_backup, rounds);
    else if (hazptr_mode() == HAZPTR_MODE_RSEQ)
        /* A move to a CPU that has no line yet costs one each. */
        CHECK(after.acquire_slow - before.acquire_slow <= (unsigned long)sysconf(_SC_NPROCESSORS_CONF));
    else
        CHECK_EQ(after.acquire_portable - before.acquire_portable, rounds);
}

int main(void)
{
    static const int counts[] = {1, 2, 3, 4, 5, 14, 15, 16, 30, 31, 100, 1000, MOST};
    unsigned int i;

    check_mode();
    for (i = 0; i < MOST; i++)
        pointers[i] = &objects[i];
    for (i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        hold(counts[i]);
    check_the_way();
    /* Everything held is gone: nothing here waits. */
    for (i = 0; i < 10; i++)
        hazptr_synchronize(&objects[i]);
    return 0;
}
