/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Read-side critical sections: they nest, protect, go on in forked children, and waiters wait for them. */
#include "check.h"
#include <hazptr/urcu.h>

#include "said.h"
#include "waiter.h"
#include <sys/wait.h>

static int protects(void)
{
    return hazptr_is_protected(hazptr_rcu_shared_1.epoch);
}

static void sections_nest_and_the_outermost_protects(void)
{
    int depth;

    CHECK_EQ(hazptr_rcu_read_ongoing(), 0);
    for (depth = 0; depth < 100; depth++) {
        CHECK_EQ(protects(), depth > 0);
        hazptr_rcu_read_lock();
        CHECK(hazptr_rcu_read_ongoing());
    }
    for (; depth; depth--) {
        CHECK(hazptr_rcu_read_ongoing());
        CHECK(protects());
        hazptr_rcu_read_unlock();
    }
    CHECK_EQ(hazptr_rcu_read_ongoing(), 0);
    CHECK(!protects());
}

static void an_unlock_too_many_is_reported_and_does_nothing(void)
{
    const char *text = said_by(hazptr_rcu_read_unlock);

    CHECK(strstr(text, "rcu_read_unlock() without rcu_read_lock()"));
    sections_nest_and_the_outermost_protects();
}

static void wait_for_readers(const void *unused)
{
    (void)unused;
    hazptr_rcu_synchronize_rcu();
}

/* Until it is blocked: on readers, or on who waits for them already. */
static void start_waiter(struct waiter *waiter)
{
    waiter_start_by(waiter, wait_for_readers, NULL);
    waiter_await_futex(waiter);
}

static void waiters_wait_for_sections_begun_before_and_no_others(void)
{
    struct waiter waiter;

    hazptr_rcu_read_lock();
    start_waiter(&waiter);
    /* That it goes on nesting does not matter. */
    hazptr_rcu_read_lock();
    hazptr_rcu_read_unlock();
    CHECK(!waiter_returned(&waiter));
    hazptr_rcu_read_unlock();
    hazptr_rcu_read_lock();
    CHECK_ERR(pthread_join(waiter.thread, NULL));
    hazptr_rcu_read_unlock();
}

#define SHARERS 8

static void waiters_share_a_grace_period(void)
{
    struct waiter first, others[SHARERS];
    struct hazptr_statistics before, after;
    int i;

    hazptr_rcu_read_lock();
    start_waiter(&first);
    for (i = 0; i < SHARERS; i++)
        start_waiter(&others[i]);
    before = check_stats();
    hazptr_rcu_read_unlock();
    for (i = 0; i < SHARERS; i++)
        CHECK_ERR(pthread_join(others[i].thread, NULL));
    CHECK_ERR(pthread_join(first.thread, NULL));
    after = check_stats();
    /* The first one's may need another look; then one for all who came while it waited. */
    CHECK(after.barriers - before.barriers <= 3);
}

/* A section that a fork finds goes on in the child: who waits there waits for it. */
static void sections_go_on_in_a_child(void)
{
    int status, depth;
    pid_t child;

    for (depth = 1; depth <= 2; depth++) {
        hazptr_rcu_read_lock();
        if (depth == 2)
            hazptr_rcu_read_lock();
        child = fork();
        CHECK(child >= 0);
        if (!child) {
            struct waiter waiter;
            int i;

            CHECK(hazptr_rcu_read_ongoing());
            CHECK(protects());
            start_waiter(&waiter);
            for (i = 0; i < depth; i++)
                hazptr_rcu_read_unlock();
            CHECK_ERR(pthread_join(waiter.thread, NULL));
            sections_nest_and_the_outermost_protects();
            _exit(0);
        }
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
        CHECK(protects());
        if (depth == 2)
            hazptr_rcu_read_unlock();
        hazptr_rcu_read_unlock();
    }
}

static void a_child_of_a_fork_while_another_waits_can_wait(void)
{
    struct waiter waiter;
    int status;
    pid_t child;

    hazptr_rcu_read_lock();
    start_waiter(&waiter);
    child = fork();
    CHECK(child >= 0);
    if (!child) {
        hazptr_rcu_read_unlock();
        hazptr_rcu_synchronize_rcu();
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    hazptr_rcu_read_unlock();
    CHECK_ERR(pthread_join(waiter.thread, NULL));
}

static void errno_is_preserved(void)
{
    errno = 12345;
    hazptr_rcu_read_lock();
    hazptr_rcu_read_unlock();
    hazptr_rcu_synchronize_rcu();
    CHECK_EQ(errno, 12345);
}

int main(void)
{
    check_mode();
    hazptr_rcu_init();
    sections_nest_and_the_outermost_protects();
    an_unlock_too_many_is_reported_and_does_nothing();
    waiters_wait_for_sections_begun_before_and_no_others();
    waiters_share_a_grace_period();
    sections_go_on_in_a_child();
    a_child_of_a_fork_while_another_waits_can_wait();
    errno_is_preserved();
    return 0;
}
