/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A context that holds a slot across a fork protects nothing in the child, until it is used there:
 * then it has a slot of the child's, and protects as ever. The parent's is untouched.
 */
#include "waiter.h"
#include <sys/wait.h>

#define CONTEXTS 20
#define FORKS 40

static struct hazptr_ctx ctx[CONTEXTS], spare[CONTEXTS];
static long objects[CONTEXTS], other_object;
static void *pointers[CONTEXTS], *other = &other_object;

static void is_protected_by(struct hazptr_ctx *context, long *object)
{
    const uint64_t sleeps = check_stats().sleeps;
    struct waiter waiter;

    waiter_start(&waiter, object);
    waiter_await_sleep(&waiter, sleeps);
    hazptr_reset(context);
    waiter_join(&waiter);
}

static void use_by_protect(int i)
{
    CHECK(hazptr_protect(&ctx[i], &pointers[i]) == &objects[i]);
}

static void use_by_publish(int i)
{
    hazptr_publish(&ctx[i], &objects[i]);
}

static void use_by_try_protect(int i)
{
    void *expected = &objects[i];

    CHECK_EQ(hazptr_try_protect(&ctx[i], &expected, &pointers[i]), 1);
}

/* It is on the parent's lines, or list, when it is moved. */
static void use_by_move(int i)
{
    hazptr_move(&spare[i], &ctx[i]);
    hazptr_move(&ctx[i], &spare[i]);
    use_by_protect(i);
}

static void (*const uses[])(int i) = {use_by_protect, use_by_publish, use_by_try_protect,
                                      use_by_move};

static void child_main(int round)
{
    struct hazptr_ctx own;
    int i;

    /* The first call is another one each time. */
    if (round % 3 == 1) {
        hazptr_synchronize(&objects[0]);
    } else if (round % 3 == 2) {
        hazptr_reset(&ctx[0]);
        hazptr_release(&ctx[1], NULL);
        hazptr_hold(&ctx[1]);
    }
    CHECK(hazptr_acquire(&own, &other) == &other_object);
    for (i = 0; i < CONTEXTS; i++)
        hazptr_synchronize(&objects[i]);
    for (i = 0; i < CONTEXTS; i++) {
        uses[(round + i) % 4](i);
        is_protected_by(&ctx[i], &objects[i]);
        use_by_protect(i);
    }
    CHECK_EQ(check_stats().held, CONTEXTS + 1);
    hazptr_release(&own, &other_object);
    for (i = 0; i < CONTEXTS; i++) {
        hazptr_release(&ctx[i], NULL);
        hazptr_synchronize(&objects[i]);
    }
    CHECK_EQ(check_stats().held, 0);
}

int main(void)
{
    int round, i, status;
    pid_t child;

    check_provokes = 1u << HAZPTR_DEBUG_FORKED;
    check_mode();
    hazptr_hold_many(ctx, CONTEXTS);
    for (i = 0; i < CONTEXTS; i++) {
        pointers[i] = &objects[i];
        CHECK(hazptr_protect(&ctx[i], &pointers[i]) == &objects[i]);
    }
    for (round = 0; round < FORKS; round++) {
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            child_main(round);
            _exit(0);
        }
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
    }
    CHECK_EQ(check_stats().held, CONTEXTS);
    for (i = 0; i < CONTEXTS; i++) {
        is_protected_by(&ctx[i], &objects[i]);
        hazptr_release(&ctx[i], NULL);
    }
    CHECK_EQ(check_stats().held, 0);
    return 0;
}
