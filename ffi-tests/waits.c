/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The other ways to wait: for a limited time, for a range, for many; and the question whether there is
 * anything to wait for.
 */
#include "waiter.h"
#include <errno.h>

static char slab[64][64];
static struct hazptr_ctx ctx;

static void hold(const void *addr)
{
    void *pointer = (void *)(uintptr_t)addr;

    CHECK(hazptr_acquire(&ctx, &pointer) == addr);
}

static void let_go(void)
{
    hazptr_release(&ctx, NULL);
}

/* --- each of them waits, and is woken -----------------------------------------------------------
 */

static void for_ever(const void *addr)
{
    CHECK_EQ(hazptr_synchronize_timeout(addr, HAZPTR_FOREVER), 0);
}

static void for_a_day(const void *addr)
{
    CHECK_EQ(hazptr_synchronize_timeout(addr, (uint64_t)86400 * 1000000000), 0);
}

static void for_one_byte(const void *addr)
{
    CHECK_EQ(hazptr_synchronize_range(addr, 1), 0);
}

static void for_all_of_the_slab(const void *addr)
{
    (void)addr;
    CHECK_EQ(hazptr_synchronize_range(slab, sizeof(slab)), 0);
}

static void for_some(const void *addr)
{
    const void *some[] = {slab[60], NULL, addr, slab[61]};

    CHECK_EQ(hazptr_synchronize_many(some, 4), 0);
}

static void for_thousands(const void *addr)
{
    static const void *thousands[5000];

    thousands[4999] = addr;
    CHECK_EQ(hazptr_synchronize_many(thousands, 5000), 0);
}

static void is_woken(void (*wait)(const void *))
{
    const struct hazptr_statistics before = check_stats();
    struct waiter waiter;
    unsigned long futex;

    hold(slab[7]);
    waiter_start_by(&waiter, wait, slab[7]);
    futex = waiter_await_sleep(&waiter, before.sleeps);
    /* Whatever the caller claims to have held (scenario 13). */
    hazptr_release(&ctx, slab[8]);
    CHECK(!thread_stays_blocked(waiter.tid, futex));
    waiter_join(&waiter);
    CHECK_EQ(check_stats().wakes, before.wakes + 1);
}

/* --- for a limited time -------------------------------------------------------------------------
 */

static void a_timeout_ends_a_wait_and_nothing_else(void)
{
    const uint64_t wakes = check_stats().wakes;
    struct hazptr_statistics before;

    hold(slab[0]);
    errno = 0;
    CHECK_EQ(hazptr_synchronize_timeout(slab[0], 0), ETIMEDOUT);
    CHECK_EQ(hazptr_synchronize_timeout(slab[0], 1), ETIMEDOUT);
    CHECK_EQ(hazptr_synchronize_timeout(slab[0], 3000000), ETIMEDOUT);
    CHECK_EQ(errno, 0);
    CHECK_EQ(hazptr_synchronize_timeout(slab[1], 0), 0);
    CHECK_EQ(hazptr_synchronize_timeout(NULL, 0), 0);
    CHECK(hazptr_is_protected(slab[0]));
    let_go();
    CHECK_EQ(check_stats().wakes, wakes);
    CHECK_EQ(hazptr_synchronize_timeout(slab[0], 0), 0);
    /* It is not announced, for that would slow down all releases. */
    hold(slab[0]);
    before = check_stats();
    CHECK_EQ(hazptr_synchronize_timeout(slab[0], 0), ETIMEDOUT);
    CHECK_EQ(check_stats().sleeps, before.sleeps);
    CHECK_EQ(check_stats().barriers, before.barriers + (hazptr_mode() == HAZPTR_MODE_RSEQ));
    let_go();
}

/* --- a range ------------------------------------------------------------------------------------
 */

static int slab_waits_for(const void *held)
{
    const struct hazptr_statistics before = check_stats();
    struct waiter waiter;
    int waited;

    hold(held);
    waiter_start_by(&waiter, for_all_of_the_slab, NULL);
    while (!waiter_returned(&waiter) && check_stats().sleeps == before.sleeps)
        give_way();
    waited = !waiter_returned(&waiter);
    let_go();
    waiter_join(&waiter);
    return waited;
}

static void a_range_has_two_ends(void)
{
    const uintptr_t start = (uintptr_t)slab, end = start + sizeof(slab);

    CHECK(slab_waits_for((const void *)start));
    CHECK(slab_waits_for((const void *)(end - 1)));
    CHECK(!slab_waits_for((const void *)(start - 1)));
    CHECK(!slab_waits_for((const void *)end));
}

static void ranges_that_are_none_are_refused(void)
{
    hold(slab[0]);
    CHECK_EQ(hazptr_synchronize_range(NULL, 1), EINVAL);
    CHECK_EQ(hazptr_synchronize_range((const void *)1, 1), EINVAL);
    CHECK_EQ(hazptr_synchronize_range(slab[0], 0), EINVAL);
    CHECK_EQ(hazptr_synchronize_range(slab[0], SIZE_MAX), EINVAL);
    let_go();
    /* All there is but NULL, and what a context holds that protects nothing. */
    hazptr_hold(&ctx);
    CHECK_EQ(hazptr_synchronize_range((const void *)2, SIZE_MAX - 1), 0);
    CHECK_EQ(hazptr_synchronize_timeout((const void *)1, 0), 0);
    CHECK(!hazptr_is_protected((const void *)1));
    hazptr_release(&ctx, NULL);
}

/* --- many ---------------------------------------------------------------------------------------
 */

static void many_are_none_or_an_array(void)
{
    const void *many[64];
    unsigned int i;

    CHECK_EQ(hazptr_synchronize_many(NULL, 0), 0);
    CHECK_EQ(hazptr_synchronize_many(NULL, 1), EINVAL);
    for (i = 0; i < 64; i++)
        many[i] = slab[i];
    many[13] = NULL;
    hold(slab[13]);
    CHECK_EQ(hazptr_synchronize_many(many, 64), 0);
    let_go();
}

static void many_cost_one_barrier(void)
{
    const uint64_t before = check_stats().barriers;
    const void *many[64];
    unsigned int i;

    for (i = 0; i < 64; i++)
        many[i] = slab[i];
    CHECK_EQ(hazptr_synchronize_many(many, 64), 0);
    CHECK_EQ(check_stats().barriers, before + (hazptr_mode() == HAZPTR_MODE_RSEQ));
}

/* --- a question ---------------------------------------------------------------------------------
 */

static void what_is_held_is_protected(void)
{
    CHECK(!hazptr_is_protected(NULL));
    CHECK(!hazptr_is_protected(slab[3]));
    hold(slab[3]);
    CHECK(hazptr_is_protected(slab[3]));
    CHECK(!hazptr_is_protected(slab[4]));
    let_go();
    CHECK(!hazptr_is_protected(slab[3]));
}

int main(void)
{
    check_provokes = 1u << HAZPTR_DEBUG_WRONG_ADDRESS;
    check_mode();
    is_woken(for_ever);
    is_woken(for_a_day);
    is_woken(for_one_byte);
    is_woken(for_all_of_the_slab);
    is_woken(for_some);
    is_woken(for_thousands);
    a_timeout_ends_a_wait_and_nothing_else();
    a_range_has_two_ends();
    ranges_that_are_none_are_refused();
    many_are_none_or_an_array();
    many_cost_one_barrier();
    what_is_held_is_protected();
    return 0;
}
