/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads are cancelled. No function of the library is a cancellation point, so that a deferred
 * request waits until the call is over, a sleeping hazptr_synchronize() included. A hazard outlives
 * its cancelled thread until somebody releases it: a cleanup handler, or any other thread.
 *
 * Asynchronous cancellation, which may come in the middle of any instruction, is tried of threads
 * that hold, not of threads that are in a call: there it is not supported, as with any function
 * that does not say that it is.
 */
#include "interface.h"

#define ROUNDS 50

static void join_cancelled(pthread_t thread)
{
    void *result;

    CHECK_ERR(pthread_join(thread, &result));
    CHECK(result == PTHREAD_CANCELED);
}

/* --- while in a call -------------------------------------------------------------------------- */

static int calls_are_over, ended;

static void note_the_end(void *argument)
{
    __atomic_store_n(&ended, 1, __ATOMIC_RELEASE);
}

static void *call_each_function_when_cancelled(void *argument)
{
    pthread_cleanup_push(note_the_end, NULL);
    CHECK_ERR(pthread_cancel(pthread_self()));
    call_each_function();
    calls_are_over = 1;
    pthread_testcancel();
    pthread_cleanup_pop(0);
    return NULL;
}

static void no_function_is_a_cancellation_point(void)
{
    uint64_t sleeps = check_stats().sleeps;
    struct hazptr_ctx ctx;
    pthread_t thread;

    interface_hold(&ctx);
    calls_are_over = ended = 0;
    thread = check_thread(call_each_function_when_cancelled, NULL);
    interface_release(&ctx, sleeps, &ended);
    join_cancelled(thread);
    CHECK(calls_are_over);
}

static void *wait_and_see(void *argument)
{
    waiter_main(argument);
    pthread_testcancel();
    return NULL;
}

static void a_sleeping_waiter_sleeps_on(void)
{
    struct waiter waiter = {&interface_awaited, hazptr_synchronize, pthread_self(), 0, 0};
    uint64_t sleeps = check_stats().sleeps;
    struct hazptr_ctx ctx;

    interface_hold(&ctx);
    waiter.thread = check_thread(wait_and_see, &waiter);
    waiter_await_sleep(&waiter, sleeps);
    CHECK_ERR(pthread_cancel(waiter.thread));
    /* Where the request is a signal, it wakes for a moment. */
    waiter_await_futex(&waiter);
    hazptr_release(&ctx, &interface_awaited);
    join_cancelled(waiter.thread);
    CHECK(waiter.returned);
}

/* --- while holding ---------------------------------------------------------------------------- */

struct holder {
    int object;
    struct hazptr_ctx ctx;
    int cancel_type;
    int has_cleanup;
    int holds;
};

static void release_on_cleanup(void *argument)
{
    struct holder *self = (struct holder *)argument;

    if (self->has_cleanup)
        hazptr_release(&self->ctx, &self->object);
}

static void be_cancelled(const struct holder *self)
{
    volatile unsigned int turns = 0;

    if (self->cancel_type == PTHREAD_CANCEL_DEFERRED)
        for (;;)
            pause();
    CHECK_ERR(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL));
    for (;;)
        turns = turns + 1;
}

static void *hold(void *argument)
{
    struct holder *self = (struct holder *)argument;
    void *pointer = &self->object;

    pthread_cleanup_push(release_on_cleanup, self);
    CHECK(hazptr_acquire(&self->ctx, &pointer) == &self->object);
    __atomic_store_n(&self->holds, 1, __ATOMIC_RELEASE);
    be_cancelled(self);
    pthread_cleanup_pop(0);
    return NULL;
}

static void hazard_outlives_its_thread(int cancel_type, int has_cleanup)
{
    uint64_t sleeps = check_stats().sleeps;
    struct waiter waiter;
    struct holder holder;
    pthread_t thread;

    memset(&holder, 0, sizeof(holder));
    holder.cancel_type = cancel_type;
    holder.has_cleanup = has_cleanup;
    thread = check_thread(hold, &holder);
    while (!__atomic_load_n(&holder.holds, __ATOMIC_ACQUIRE))
        give_way();
    waiter_start(&waiter, &holder.object);
    waiter_await_sleep(&waiter, sleeps);
    CHECK_ERR(pthread_cancel(thread));
    join_cancelled(thread);
    CHECK_EQ(check_stats().held, !has_cleanup);
    if (!has_cleanup) {
        waiter_await_futex(&waiter);
        hazptr_release(&holder.ctx, &holder.object);
    }
    waiter_join(&waiter);
    CHECK_EQ(check_stats().held, 0);
}

int main(void)
{
    int round, has_cleanup;

    check_mode();
    for (round = 0; round < ROUNDS; round++) {
        no_function_is_a_cancellation_point();
        a_sleeping_waiter_sleeps_on();
        for (has_cleanup = 0; has_cleanup < 2; has_cleanup++) {
            hazard_outlives_its_thread(PTHREAD_CANCEL_DEFERRED, has_cleanup);
            hazard_outlives_its_thread(PTHREAD_CANCEL_ASYNCHRONOUS, has_cleanup);
        }
    }
    use_the_interface(NULL);
    return 0;
}
