/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One thread forks 1,000 times while others acquire, swap lines and wait. Every child finds
 * nothing held, whatever its parent's threads were in the middle of, holds and waits by itself, and
 * forks in turn. The parent's hazards and waiters stay.
 */
#include "busy.h"
#include "child.h"
#include "kept.h"

#define FORKS 1000
#define GENERATIONS 50

static struct kept kept;

/* As the fork found them: held, free, or in between. In the child they protect nothing. */
static void release_what_the_threads_held(void)
{
    int i, n;

    for (i = 0; i < BUSY_READERS; i++)
        for (n = 0; n < BUSY_NEST; n++)
            hazptr_release(&busy.threads[i].ctx[n], NULL);
    hazptr_release(&kept.ctx, &kept.object);
}

/* Returns at once: the holders are not here. */
static void wait_for_what_the_threads_held(void)
{
    int i, n;

    for (i = 0; i < BUSY_UPDATERS; i++)
        for (n = 0; n < BUSY_POOL; n++)
            hazptr_synchronize(&busy.boxes[i].pool[n]);
    hazptr_synchronize(&kept.object);
}

static void use_it(void)
{
    struct kept own;

    wait_for_what_the_threads_held();
    kept_begin(&own);
    CHECK_EQ(check_stats().held, 1);
    release_what_the_threads_held();
    CHECK_EQ(check_stats().held, 1);
    kept_end(&own);
    CHECK_EQ(check_stats().held, 0);
}

/* Holds what its own child must not find held. */
static void use_it_and_fork(void)
{
    void *pointer = &kept.object;
    struct hazptr_ctx ctx;

    use_it();
    CHECK(hazptr_acquire(&ctx, &pointer) == &kept.object);
    in_a_child(use_it);
    CHECK_EQ(check_stats().held, 1);
    hazptr_release(&ctx, &kept.object);
    hazptr_synchronize(&kept.object);
}

static unsigned int generation;

/* Each forks the next before it ends. */
static void fork_and_fork(void)
{
    void *pointer = &kept.object;
    struct hazptr_ctx ctx;

    CHECK_EQ(check_stats().held, 0);
    CHECK(hazptr_acquire(&ctx, &pointer) == &kept.object);
    if (++generation < GENERATIONS)
        in_a_child(fork_and_fork);
    CHECK_EQ(check_stats().held, 1);
    hazptr_release(&ctx, &kept.object);
    hazptr_synchronize(&kept.object);
}

int main(void)
{
    int i;

    check_provokes = 1u << HAZPTR_DEBUG_FORKED;
    check_mode();
    kept_begin(&kept);
    busy_begin();
    for (i = 0; i < FORKS; i++)
        in_a_child(use_it_and_fork);
    in_a_child(fork_and_fork);
    busy_end();
    CHECK_EQ(check_stats().held, 1);
    kept_end(&kept);
    CHECK_EQ(check_stats().held, 0);
    return 0;
}
