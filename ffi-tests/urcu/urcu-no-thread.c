/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Callbacks where no thread can be started: rcu_barrier() calls them, one after the other, and comes to an end. */
#include "check.h"
#include <hazptr/urcu.h>

#include "filter.h"
#include "said.h"
#include "waiter.h"
#include <sys/wait.h>

#define ALL_THREADS SECCOMP_FILTER_FLAG_TSYNC

static void refuse_threads(void)
{
    filter_install(ALL_THREADS, SYS_clone3, ANY_ARGUMENT, FILTER_REFUSE(EAGAIN));
    filter_install(ALL_THREADS, SYS_clone, ANY_ARGUMENT, FILTER_REFUSE(EAGAIN));
}

static int called, again;
static pthread_t caller;

static int calls(void)
{
    return __atomic_load_n(&called, __ATOMIC_ACQUIRE);
}

static void call(struct rcu_head *head)
{
    caller = pthread_self();
    __atomic_add_fetch(&called, 1, __ATOMIC_RELEASE);
    if (again) {
        again--;
        hazptr_rcu_call_rcu(head, call);
    }
}

static void the_barrier_calls_them(void)
{
    struct rcu_head head;

    refuse_threads();
    errno = 12345;
    hazptr_rcu_call_rcu(&head, call);
    CHECK_EQ(errno, 12345);
    CHECK_EQ(calls(), 0);
    hazptr_rcu_barrier();
    CHECK_EQ(calls(), 1);
    CHECK(pthread_equal(caller, pthread_self()));
    CHECK(!hazptr_rcu_create_call_rcu_data(0, -1));
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(hazptr_rcu_create_all_cpu_call_rcu_data(0), -EAGAIN);
}

static void the_barrier_does_not_wait_for_those_enqueued_later(void)
{
    struct rcu_head head;

    refuse_threads();
    again = 1000000000;
    hazptr_rcu_call_rcu(&head, call);
    hazptr_rcu_barrier();
    CHECK(calls() >= 1);
}

static void call_barrier(struct rcu_head *head)
{
    (void)head;
    CHECK(hazptr_rcu_get_thread_call_rcu_data() == hazptr_rcu_get_default_call_rcu_data());
    hazptr_rcu_barrier();
}

static void barrier(void)
{
    hazptr_rcu_barrier();
}

static void a_callback_of_the_barrier_is_a_callback(void)
{
    struct rcu_head head;

    refuse_threads();
    hazptr_rcu_call_rcu(&head, call_barrier);
    CHECK(strstr(said_by(barrier), "rcu_barrier() in a callback"));
    CHECK(!hazptr_rcu_get_thread_call_rcu_data());
}

static int may_end;

static void block(struct rcu_head *head)
{
    __atomic_add_fetch(&called, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&may_end, __ATOMIC_ACQUIRE))
        give_way();
    (void)head;
}

static int may_begin;

static void *call_barrier_when_told(void *order)
{
    while (__atomic_load_n(&may_begin, __ATOMIC_ACQUIRE) < (int)(intptr_t)order)
        give_way();
    hazptr_rcu_barrier();
    return __atomic_load_n(&may_end, __ATOMIC_ACQUIRE) ? NULL : order;
}

static void a_second_barrier_waits_for_what_the_first_is_calling(void)
{
    pthread_t first = check_thread(call_barrier_when_told, (void *)1);
    pthread_t second = check_thread(call_barrier_when_told, (void *)2);
    struct rcu_head head;
    void *early;
    int looks;

    refuse_threads();
    hazptr_rcu_call_rcu(&head, block);
    __atomic_store_n(&may_begin, 1, __ATOMIC_RELEASE);
    while (!calls())
        give_way();
    __atomic_store_n(&may_begin, 2, __ATOMIC_RELEASE);
    for (looks = 0; looks < 1000; looks++)
        give_way();
    __atomic_store_n(&may_end, 1, __ATOMIC_RELEASE);
    CHECK_ERR(pthread_join(first, &early));
    CHECK(!early);
    CHECK_ERR(pthread_join(second, &early));
    CHECK(!early);
}

static void a_barrier_calls_what_a_freed_worker_leaves(void)
{
    struct call_rcu_data *own = hazptr_rcu_create_call_rcu_data(0, -1);
    pthread_t thread = hazptr_rcu_get_call_rcu_thread(own);
    pthread_t waiter = check_thread(call_barrier_when_told, (void *)1);
    struct rcu_head first, second;

    refuse_threads();
    hazptr_rcu_set_thread_call_rcu_data(own);
    hazptr_rcu_call_rcu(&first, block);
    while (!calls())
        give_way();
    hazptr_rcu_call_rcu(&second, call);
    hazptr_rcu_set_thread_call_rcu_data(NULL);
    __atomic_store_n(&may_begin, 1, __ATOMIC_RELEASE);
    give_way();
    __atomic_store_n(&may_end, 1, __ATOMIC_RELEASE);
    hazptr_rcu_call_rcu_data_free(own);
    CHECK_ERR(pthread_join(waiter, NULL));
    CHECK_ERR(pthread_join(thread, NULL));
    CHECK_EQ(calls(), 2);
}

/* In a process of its own, as the filters stay. */
static void run(void (*test)(void))
{
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (!child) {
        test();
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP)
        _exit(EXIT_SKIP);
    CHECK_EQ(status, 0);
}

int main(void)
{
    check_mode();
    run(the_barrier_calls_them);
    run(the_barrier_does_not_wait_for_those_enqueued_later);
    run(a_callback_of_the_barrier_is_a_callback);
    run(a_second_barrier_waits_for_what_the_first_is_calling);
    run(a_barrier_calls_what_a_freed_worker_leaves);
    return 0;
}
