/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * 1,000 threads end while they hold, and others run on the stacks that they leave. Their hazards
 * count until somebody else has released the last of them.
 */
#include "waiter.h"

#define THREADS 1000
#define AT_ONCE 20

static int object;
static void *pointer = &object;
static struct hazptr_ctx contexts[THREADS];
static void *stacks[THREADS];

static void *hold_and_end(void *argument)
{
    struct hazptr_ctx *ctx = (struct hazptr_ctx *)argument, own;

    CHECK(hazptr_acquire(ctx, &pointer) == &object);
    /* What lay on the stack, another one's context may have used before. */
    stacks[ctx - contexts] = &own;
    CHECK(hazptr_acquire(&own, &pointer) == &object);
    hazptr_release(&own, &object);
    return NULL;
}

static void run_holders(void)
{
    pthread_t threads[AT_ONCE];
    int i, n;

    for (i = 0; i < THREADS; i += AT_ONCE) {
        for (n = 0; n < AT_ONCE; n++)
            threads[n] = check_thread(hold_and_end, &contexts[i + n]);
        for (n = 0; n < AT_ONCE; n++)
            CHECK_ERR(pthread_join(threads[n], NULL));
    }
}

static void check_stacks_were_used_again(void)
{
    int i, again = 0;

    for (i = AT_ONCE; i < THREADS; i++)
        again += stacks[i] == stacks[0];
    CHECK(again > 0);
}

/* All but the last: every seventh, and round again. */
static void *release_most(void *argument)
{
    int i;

    for (i = 1; i < THREADS; i++)
        hazptr_release(&contexts[i * 7 % THREADS], &object);
    return NULL;
}

int main(void)
{
    struct waiter waiter;

    check_mode();
    run_holders();
    check_stacks_were_used_again();
    CHECK_EQ(check_stats().held, THREADS);
    waiter_start(&waiter, &object);
    waiter_await_sleep(&waiter, 0);
    CHECK_ERR(pthread_join(check_thread(release_most, NULL), NULL));
    CHECK_EQ(check_stats().held, 1);
    waiter_await_futex(&waiter);
    hazptr_release(&contexts[0], &object);
    waiter_join(&waiter);
    CHECK_EQ(check_stats().held, 0);
    return 0;
}
