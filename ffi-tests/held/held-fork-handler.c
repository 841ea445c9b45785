/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A signal handler forks in the middle of a call for a context that holds a slot, or takes one. The child,
 * which has acquired in the handler or not, goes on with that call: what is protected then is protected,
 * and what is released leaves nothing held. The parent's hazard is untouched.
 */
#include "waiter.h"
#include <sys/wait.h>

#define FORKS 300

static long objects[2], handlers;
static void *pointers[2] = {&objects[0], &objects[1]}, *handlers_pointer = &handlers;
static int stop, acquires;

/* Set by the handler. */
static int in_child;
static struct hazptr_ctx kept;
static pid_t forked;

static void on_signal(int number)
{
    pid_t child = _Fork();

    if (child) {
        __atomic_store_n(&forked, child, __ATOMIC_RELEASE);
        return;
    }
    in_child = 1;
    if (acquires)
        CHECK(hazptr_acquire(&kept, &handlers_pointer) == &handlers);
}

static void works(struct hazptr_ctx *ctx)
{
    struct hazptr_ctx other = HAZPTR_CTX_INIT;
    unsigned int own = acquires ? 1 : 0;

    CHECK(hazptr_protect(ctx, &pointers[0]) == &objects[0]);
    CHECK_EQ(check_stats().held, own + 1);
    hazptr_synchronize(&objects[1]);
    hazptr_move(&other, ctx);
    CHECK(hazptr_protect(&other, &pointers[1]) == &objects[1]);
    hazptr_synchronize(&objects[0]);
    hazptr_release(&other, NULL);
    hazptr_synchronize(&objects[1]);
    CHECK_EQ(check_stats().held, own);
    hazptr_release(&kept, NULL);
    CHECK_EQ(check_stats().held, 0);
}

static void *hold_and_protect(void *argument)
{
    struct hazptr_ctx ctx;

    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        hazptr_hold(&ctx);
        if (in_child)
            break;
        CHECK(hazptr_protect(&ctx, &pointers[0]) == &objects[0]);
        if (in_child)
            break;
        hazptr_release(&ctx, NULL);
        if (in_child)
            hazptr_hold(&ctx);
        if (in_child)
            break;
    }
    if (!in_child)
        return NULL;
    works(&ctx);
    _exit(0);
}

int main(void)
{
    pthread_t thread;
    int i, status;
    pid_t child;

    check_provokes = 1u << HAZPTR_DEBUG_FORKED;
    check_mode();
    CHECK(signal(SIGUSR1, on_signal) != SIG_ERR);
    thread = check_thread(hold_and_protect, NULL);
    for (i = 0; i < FORKS; i++) {
        acquires = i % 2;
        CHECK_ERR(pthread_kill(thread, SIGUSR1));
        while ((child = __atomic_exchange_n(&forked, 0, __ATOMIC_ACQUIRE)) == 0)
            give_way();
        CHECK(child > 0);
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    CHECK_ERR(pthread_join(thread, NULL));
    CHECK_EQ(check_stats().held, 0);
    return 0;
}
