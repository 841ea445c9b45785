/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Every function of the interface, called once, and the two ways that a wait can go: nobody holds
 * the object, or the waiter sleeps until it is woken. Needs no file.
 */
#ifndef INTERFACE_H
#define INTERFACE_H

#include "waiter.h"
#include <errno.h>

/* What the caller of each function waits for. Another thread holds it. */
static int interface_awaited;

static inline void call_each_function(void)
{
    static int object;
    void *pointer = &object;
    struct hazptr_ctx first, second;

    CHECK_EQ(hazptr_init(), 0);
    CHECK(hazptr_version() == HAZPTR_VERSION);
    CHECK(hazptr_mode() != 0);
    CHECK(hazptr_acquire(&first, &pointer) == &object);
    hazptr_note_context_switch();
    CHECK(hazptr_acquire(&second, &pointer) == &object);
    hazptr_detach(&first);
    hazptr_release(&second, &object);
    hazptr_release(&first, &object);
    hazptr_synchronize(&object);
    CHECK_EQ(hazptr_synchronize_timeout(&object, 0), 0);
    CHECK_EQ(hazptr_synchronize_range(&object, sizeof(object)), 0);
    CHECK_EQ(hazptr_synchronize_many(NULL, 0), 0);
    CHECK(!hazptr_is_protected(&object));
    CHECK_EQ(hazptr_dump(-1), EBADF);
    hazptr_synchronize(&interface_awaited);
    check_stats();
}

static inline void interface_hold(struct hazptr_ctx *ctx)
{
    void *pointer = &interface_awaited;

    CHECK(hazptr_acquire(ctx, &pointer) == &interface_awaited);
}

/*
 * When the caller of each function sleeps for it, whose thread must not end before. The library's
 * count of sleeps was @sleeps before that began.
 */
static inline void interface_release(struct hazptr_ctx *ctx, uint64_t sleeps, const int *ended)
{
    while (check_stats().sleeps == sleeps) {
        CHECK(!__atomic_load_n(ended, __ATOMIC_ACQUIRE));
        give_way();
    }
    hazptr_release(ctx, &interface_awaited);
}

struct interface_user {
    int is_up, may_begin, ended;
};

static inline void *interface_main(void *argument)
{
    struct interface_user *user = (struct interface_user *)argument;

    __atomic_store_n(&user->is_up, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&user->may_begin, __ATOMIC_ACQUIRE))
        give_way();
    call_each_function();
    __atomic_store_n(&user->ended, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* @when_threads_are_up, if any, is called before the library is. */
static inline void use_the_interface(void (*when_threads_are_up)(void))
{
    struct interface_user user = {0, 0, 0};
    pthread_t thread = check_thread(interface_main, &user);
    struct hazptr_ctx ctx;
    uint64_t sleeps;

    /* libc has then registered it for rseq. */
    while (!__atomic_load_n(&user.is_up, __ATOMIC_ACQUIRE))
        give_way();
    if (when_threads_are_up)
        when_threads_are_up();
    sleeps = check_stats().sleeps;
    interface_hold(&ctx);
    __atomic_store_n(&user.may_begin, 1, __ATOMIC_RELEASE);
    interface_release(&ctx, sleeps, &user.ended);
    CHECK_ERR(pthread_join(thread, NULL));
    CHECK_EQ(check_stats().held, 0);
}

#endif /* INTERFACE_H */
