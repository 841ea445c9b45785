/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A program with the static library and another maker's library with the shared one: two copies of
 * the engine, and the loader lets them share one control block. They must be as one, also in a
 * forked child, whichever of them comes first there.
 */
#include "check.h"
#include "copies-vendor.h"
#include "waiter.h"
#include <hazptr/control.h>
#include <sys/wait.h>

static int object, vendors;
static void *pointer = &object, *vendors_pointer = &vendors;

/* An object that one copy protects is waited for by the other. */
static void protect_for_each_other(void)
{
    const uint64_t sleeps = check_stats().sleeps;
    struct hazptr_ctx ctx;
    struct waiter waiter;

    CHECK(vendor_acquire(&ctx, &vendors_pointer) == &vendors);
    CHECK_EQ(check_stats().held, 1);
    waiter_start(&waiter, &vendors);
    waiter_await_sleep(&waiter, sleeps);
    hazptr_release(&ctx, &vendors);
    waiter_join(&waiter);
}

/* What was acquired before the fork takes nothing from what @first, which initialises, acquires. */
static void child(struct hazptr_ctx *inherited,
                  void *(*first)(struct hazptr_ctx *, void *const *))
{
    struct hazptr_ctx ctx;

    CHECK(first(&ctx, &vendors_pointer) == &vendors);
    CHECK_EQ(check_stats().held, 1);
    hazptr_release(inherited, &object);
    CHECK_EQ(check_stats().held, 1);
    hazptr_release(&ctx, &vendors);
    CHECK_EQ(check_stats().held, 0);
    protect_for_each_other();
}

static void fork_with(void *(*first)(struct hazptr_ctx *, void *const *))
{
    struct hazptr_ctx inherited;
    int status;
    pid_t pid;

    CHECK(hazptr_acquire(&inherited, &pointer) == &object);
    pid = fork();
    CHECK(pid >= 0);
    if (!pid) {
        child(&inherited, first);
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    hazptr_release(&inherited, &object);
    CHECK_EQ(check_stats().held, 0);
}

int main(void)
{
    check_provokes = 1u << HAZPTR_DEBUG_FORKED;
    check_mode();
    if (vendor_control_block() != hazptr_control_block()) {
        puts("skipped: the linker has kept the copies apart");
        return EXIT_SKIP;
    }
    protect_for_each_other();
    fork_with(vendor_acquire);
    fork_with(hazptr_acquire);
    return 0;
}
