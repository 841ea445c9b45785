/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a context that holds a slot promises: it protects what it was last told to, from then until it
 * is told something else, and nothing in between; and whoever waits for what it lets go is woken.
 */
#include "waiter.h"

#define MANY 1000

static long objects[4][8];
static void *pointers[4] = {objects[0], objects[1], objects[2], objects[3]};

static uint64_t held(void)
{
    return check_stats().held;
}

/* --- what is protected ------------------------------------------------------------------------ */

/* Nobody but the caller has a hazard; that one is not on @addr. */
static void nobody_protects(const void *addr)
{
    const uint64_t sleeps = check_stats().sleeps;

    hazptr_synchronize(addr);
    CHECK_EQ(check_stats().sleeps, sleeps);
}

/* @let_go(@ctx) ends the protection of @addr, and wakes who sleeps for it. */
static void is_protected_until(struct hazptr_ctx *ctx, const void *addr,
                               void (*let_go)(struct hazptr_ctx *ctx))
{
    const uint64_t sleeps = check_stats().sleeps;
    struct waiter waiter;
    unsigned long futex;

    waiter_start(&waiter, addr);
    futex = waiter_await_sleep(&waiter, sleeps);
    let_go(ctx);
    CHECK(!thread_stays_blocked(waiter.tid, futex));
    waiter_join(&waiter);
}

static void reset(struct hazptr_ctx *ctx)
{
    hazptr_reset(ctx);
}

static void release(struct hazptr_ctx *ctx)
{
    hazptr_release(ctx, NULL);
}

static void protect_another(struct hazptr_ctx *ctx)
{
    CHECK(hazptr_protect(ctx, &pointers[3]) == objects[3]);
}

static void protect_null(struct hazptr_ctx *ctx)
{
    void *null = NULL;

    CHECK(hazptr_protect(ctx, &null) == NULL);
}

static void publish_another(struct hazptr_ctx *ctx)
{
    hazptr_publish(ctx, objects[3]);
}

static void publish_null(struct hazptr_ctx *ctx)
{
    hazptr_publish(ctx, NULL);
}

static void try_another(struct hazptr_ctx *ctx)
{
    void *expected = objects[3];

    CHECK_EQ(hazptr_try_protect(ctx, &expected, &pointers[3]), 1);
}

static void try_in_vain(struct hazptr_ctx *ctx)
{
    void *expected = objects[2];

    CHECK_EQ(hazptr_try_protect(ctx, &expected, &pointers[3]), 0);
    CHECK(expected == objects[3]);
    nobody_protects(objects[2]);
    nobody_protects(objects[3]);
}

static void whatever_overwrites_an_address_wakes_its_sleeper(void)
{
    static void (*const ways[])(struct hazptr_ctx *) = {
        reset,        protect_another, protect_null, publish_another,
        publish_null, try_another,     try_in_vain,
    };
    struct hazptr_ctx ctx;
    size_t i;

    hazptr_hold(&ctx);
    for (i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        CHECK(hazptr_protect(&ctx, &pointers[1]) == objects[1]);
        CHECK_EQ(held(), 1);
        nobody_protects(objects[0]);
        is_protected_until(&ctx, objects[1], ways[i]);
        nobody_protects(objects[1]);
        CHECK_EQ(held(), 1);
    }
    CHECK(hazptr_protect(&ctx, &pointers[1]) == objects[1]);
    is_protected_until(&ctx, objects[1], release);
    CHECK_EQ(held(), 0);
}

static void a_slot_that_is_held_protects_nothing_by_itself(void)
{
    struct hazptr_ctx ctx;

    hazptr_hold(&ctx);
    CHECK_EQ(held(), 1);
    nobody_protects(objects[0]);
    hazptr_reset(&ctx);
    CHECK_EQ(held(), 1);
    hazptr_release(&ctx, NULL);
    CHECK_EQ(held(), 0);
    hazptr_release(&ctx, NULL);
    CHECK_EQ(held(), 0);
}

static void what_is_published_is_protected(void)
{
    struct hazptr_ctx ctx;

    hazptr_hold(&ctx);
    hazptr_publish(&ctx, objects[2]);
    hazptr_light_fence();
    is_protected_until(&ctx, objects[2], reset);
    hazptr_release(&ctx, NULL);
}

static void what_is_expected_is_protected_if_it_is_there(void)
{
    struct hazptr_ctx ctx;
    void *expected = objects[2], *null = NULL;

    hazptr_hold(&ctx);
    CHECK_EQ(hazptr_try_protect(&ctx, &expected, &pointers[2]), 1);
    CHECK(expected == objects[2]);
    is_protected_until(&ctx, objects[2], reset);
    CHECK_EQ(hazptr_try_protect(&ctx, &expected, &null), 0);
    CHECK(expected == NULL);
    CHECK_EQ(hazptr_try_protect(&ctx, &expected, &null), 1);
    CHECK_EQ(hazptr_try_protect(&ctx, &expected, &pointers[1]), 0);
    CHECK(expected == objects[1]);
    hazptr_release(&ctx, NULL);
}

static void bits_of_the_mask_do_not_count(void)
{
    void *tagged = (char *)objects[1] + 5, *tag = (char *)0 + 5;
    struct hazptr_ctx ctx;

    hazptr_hold(&ctx);
    CHECK(hazptr_protect_masked(&ctx, &tagged, 7) == tagged);
    nobody_protects(tagged);
    is_protected_until(&ctx, objects[1], reset);
    CHECK(hazptr_protect_masked(&ctx, &tag, 7) == tag);
    nobody_protects(tag);
    CHECK_EQ(held(), 1);
    hazptr_release(&ctx, NULL);
}

/* --- whose slot it is ------------------------------------------------------------------------- */

static void move_on(struct hazptr_ctx *ctx)
{
    hazptr_move(ctx + 1, ctx);
}

/* Who sleeps goes on sleeping, whatever name of the hazard it sleeps for. */
static void a_hazard_that_is_handed_over_protects_on(struct hazptr_ctx *ctx)
{
    const uint64_t sleeps = check_stats().sleeps;
    struct waiter waiter;
    int i;

    waiter_start(&waiter, objects[1]);
    waiter_await_sleep(&waiter, sleeps);
    for (i = 0; i < 10; i++) {
        move_on(ctx + i);
        CHECK_EQ(held(), 1);
        hazptr_release(ctx + i, NULL);
        CHECK_EQ(held(), 1);
        waiter_await_futex(&waiter);
    }
    hazptr_move(ctx + i, ctx + i);
    waiter_await_futex(&waiter);
    CHECK_EQ(held(), 1);
    hazptr_release(ctx + i, NULL);
    waiter_join(&waiter);
    CHECK_EQ(held(), 0);
}

static void hazards_are_handed_over(void)
{
    struct hazptr_ctx ctx[11];

    hazptr_hold(&ctx[0]);
    CHECK(hazptr_protect(&ctx[0], &pointers[1]) == objects[1]);
    a_hazard_that_is_handed_over_protects_on(ctx);

    CHECK(hazptr_acquire(&ctx[0], &pointers[1]) == objects[1]);
    a_hazard_that_is_handed_over_protects_on(ctx);
}

static void what_is_handed_over_is_used_as_before(void)
{
    struct hazptr_ctx ctx[2], empty = HAZPTR_CTX_INIT;

    hazptr_hold(&ctx[0]);
    hazptr_move(&ctx[1], &ctx[0]);
    CHECK(hazptr_protect(&ctx[1], &pointers[1]) == objects[1]);
    is_protected_until(&ctx[1], objects[1], reset);
    hazptr_hold(&ctx[0]);
    CHECK(hazptr_protect(&ctx[0], &pointers[1]) == objects[1]);
    CHECK_EQ(held(), 2);
    is_protected_until(&ctx[0], objects[1], release);
    hazptr_release(&ctx[1], NULL);
    CHECK_EQ(held(), 0);

    hazptr_move(&ctx[0], &empty);
    hazptr_release(&ctx[0], NULL);
    CHECK_EQ(held(), 0);
}

static void many_are_held_at_once(void)
{
    static struct hazptr_ctx ctx[MANY];
    static long own[MANY];
    static void *pointer[MANY];
    int i;

    hazptr_hold_many(NULL, 0);
    hazptr_hold_many(ctx, MANY);
    CHECK_EQ(held(), MANY);
    for (i = 0; i < MANY; i++) {
        pointer[i] = &own[i];
        CHECK(hazptr_protect(&ctx[i], &pointer[i]) == &own[i]);
    }
    CHECK_EQ(held(), MANY);
    is_protected_until(&ctx[MANY / 2], &own[MANY / 2], reset);
    for (i = 0; i < MANY; i++) {
        hazptr_release(&ctx[i], NULL);
        nobody_protects(&own[i]);
        CHECK_EQ(held(), MANY - 1 - i);
    }
}

static void *protect_and_end(void *argument)
{
    CHECK(hazptr_protect((struct hazptr_ctx *)argument, &pointers[1]) == objects[1]);
    return NULL;
}

static void another_thread_may_use_it(void)
{
    struct hazptr_ctx ctx;

    hazptr_hold(&ctx);
    CHECK_ERR(pthread_join(check_thread(protect_and_end, &ctx), NULL));
    is_protected_until(&ctx, objects[1], release);
}

static void errno_is_kept(void)
{
    struct hazptr_ctx ctx, other;

    errno = 4321;
    hazptr_hold(&ctx);
    hazptr_protect(&ctx, &pointers[1]);
    hazptr_publish(&ctx, objects[2]);
    hazptr_light_fence();
    hazptr_move(&other, &ctx);
    hazptr_reset(&other);
    hazptr_release(&other, NULL);
    CHECK_EQ(errno, 4321);
}

int main(void)
{
    check_provokes = 1u << HAZPTR_DEBUG_NOT_HELD;
    check_mode();
    a_slot_that_is_held_protects_nothing_by_itself();
    whatever_overwrites_an_address_wakes_its_sleeper();
    what_is_published_is_protected();
    what_is_expected_is_protected_if_it_is_there();
    bits_of_the_mask_do_not_count();
    hazards_are_handed_over();
    what_is_handed_over_is_used_as_before();
    many_are_held_at_once();
    another_thread_may_use_it();
    errno_is_kept();
    return 0;
}
