/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A kernel that is short of memory for a moment is asked again: the mode stays. One that stays
 * short of it is done without: no waiter hangs, and none returns without its barrier.
 */
#include "filter.h"
#include "waiter.h"
#include <sys/wait.h>

static long object;

/* --- for a moment -------------------------------------------------------------------------------
 */

#define REFUSALS 3

static struct {
    int listener;
    unsigned int calls;
} supervisor;

/* Every fourth call succeeds. */
static void *refuse_three_of_four(void *argument)
{
    for (;;) {
        struct seccomp_notif call = filter_receive(supervisor.listener);
        unsigned int number = __atomic_fetch_add(&supervisor.calls, 1, __ATOMIC_RELAXED);

        filter_answer(supervisor.listener, &call, number % (REFUSALS + 1) == REFUSALS ? 0 : ENOMEM);
    }
    return NULL;
}

static void it_is_asked_again(void)
{
    const struct hazptr_statistics before = check_stats();
    struct hazptr_statistics after;
    struct hazptr_ctx ctx;
    struct waiter waiter;
    void *pointer = &object;

    supervisor.listener = filter_supervise(SYS_membarrier);
    CHECK_ERR(pthread_detach(check_thread(refuse_three_of_four, NULL)));

    hazptr_synchronize(&object);
    CHECK_EQ(__atomic_load_n(&supervisor.calls, __ATOMIC_RELAXED), REFUSALS + 1);
    CHECK_EQ(check_stats().barriers, before.barriers + 1);

    CHECK(hazptr_acquire(&ctx, &pointer) == &object);
    waiter_start(&waiter, &object);
    waiter_await_sleep(&waiter, before.sleeps);
    hazptr_release(&ctx, &object);
    waiter_join(&waiter);
    /* One before the scan and one before the sleep. */
    CHECK_EQ(__atomic_load_n(&supervisor.calls, __ATOMIC_RELAXED), 3 * (REFUSALS + 1));

    after = check_stats();
    CHECK_EQ(after.barriers, before.barriers + 3);
    CHECK_EQ(after.barriers_refused, 0);
    CHECK_EQ(after.barriers_retried, before.barriers_retried + 3 * REFUSALS);
    CHECK_EQ(hazptr_mode(), HAZPTR_MODE_RSEQ);
}

/* --- for ever -----------------------------------------------------------------------------------
 */

static void it_is_done_without(uint32_t command, unsigned int mode)
{
    struct hazptr_statistics stats;
    struct hazptr_ctx ctx;
    struct waiter waiter;
    void *pointer = &object;

    CHECK(hazptr_acquire(&ctx, &pointer) == &object);
    filter_refuse(SYS_membarrier, command, ENOMEM);
    waiter_start(&waiter, &object);
    waiter_await_sleep(&waiter, 0);
    hazptr_release(&ctx, &object);
    waiter_join(&waiter);

    stats = check_stats();
    CHECK_EQ(stats.barriers_refused, 1);
    CHECK_EQ(hazptr_mode(), mode);
}

static void it_is_done_without_any(void)
{
    it_is_done_without(ANY_ARGUMENT, HAZPTR_MODE_FENCE);
}

static void it_is_done_without_this_command(void)
{
    it_is_done_without(MEMBARRIER_RSEQ, HAZPTR_MODE_MEMBARRIER);
}

/* A filter is for life, so that each case has a process of its own, where the library is new. */
static void in_a_child(void (*run)(void))
{
    pid_t pid = fork();
    int status;

    CHECK(pid >= 0);
    if (!pid) {
        CHECK_EQ(hazptr_mode(), HAZPTR_MODE_RSEQ);
        run();
        fflush(stdout);
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP)
        exit(EXIT_SKIP);
    CHECK_EQ(status, 0);
}

int main(void)
{
    check_mode();
    in_a_child(it_is_asked_again);
    in_a_child(it_is_done_without_any);
    in_a_child(it_is_done_without_this_command);
    return 0;
}
