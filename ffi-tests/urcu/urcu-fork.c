/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Forks of processes with workers: what is pending is called in the parent and in the child. */
#include "check.h"
#include <hazptr/urcu.h>

#include "waiter.h"
#include <sys/wait.h>

struct node {
    struct rcu_head head;
    int called;
};

static void call(struct rcu_head *head)
{
    __atomic_add_fetch(&((struct node *)head)->called, 1, __ATOMIC_RELEASE);
}

static int calls(const struct node *node)
{
    return __atomic_load_n(&node->called, __ATOMIC_ACQUIRE);
}

static void enqueue(struct node *node)
{
    node->called = 0;
    hazptr_rcu_call_rcu(&node->head, call);
}

static void await(pid_t child)
{
    int status;

    CHECK(child > 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

enum { COUNT = 64 };
static struct node nodes[COUNT];

static void check_all_are_called(void)
{
    int i;

    hazptr_rcu_barrier();
    for (i = 0; i < COUNT; i++)
        CHECK_EQ(calls(&nodes[i]), 1);
}

static void use_everything(void)
{
    struct node node;

    hazptr_rcu_read_lock();
    hazptr_rcu_read_unlock();
    hazptr_rcu_synchronize_rcu();
    enqueue(&node);
    hazptr_rcu_barrier();
    CHECK_EQ(calls(&node), 1);
}

static void fork_with_handlers(pid_t (*fork_by)(void))
{
    pid_t child;
    int i;

    for (i = 0; i < COUNT; i++)
        enqueue(&nodes[i]);
    hazptr_rcu_call_rcu_before_fork();
    child = fork_by();
    if (!child) {
        hazptr_rcu_call_rcu_after_fork_child();
        check_all_are_called();
        use_everything();
        _exit(0);
    }
    hazptr_rcu_call_rcu_after_fork_parent();
    check_all_are_called();
    await(child);
}

static void with_handlers_all_that_is_pending_is_called_on_both_sides(void)
{
    int round;

    for (round = 0; round < 20; round++)
        fork_with_handlers(fork);
}

/* Which calls none of pthread_atfork(3)'s. */
static void with_handlers_a_child_of_the_other_fork_is_one(void)
{
    fork_with_handlers(_Fork);
}

static void without_handlers_a_child_can_use_everything(void)
{
    int round, i;
    pid_t child;

    for (round = 0; round < 20; round++) {
        for (i = 0; i < COUNT; i++)
            enqueue(&nodes[i]);
        child = fork();
        if (!child) {
            use_everything();
            _exit(0);
        }
        await(child);
        check_all_are_called();
    }
}

/* Nobody needs to have asked: the child's worker begins with what was pending. */
static void what_is_pending_is_called_in_the_child_without_a_call(void)
{
    static struct node node;
    pid_t child;

    hazptr_rcu_call_rcu_before_fork();
    enqueue(&node);
    child = fork();
    if (!child) {
        hazptr_rcu_call_rcu_after_fork_child();
        while (!calls(&node))
            give_way();
        _exit(0);
    }
    CHECK_EQ(calls(&node), 0);
    hazptr_rcu_call_rcu_after_fork_parent();
    await(child);
    hazptr_rcu_barrier();
    CHECK_EQ(calls(&node), 1);
}

static void all_kinds_of_workers_are_there_in_the_child(void)
{
    struct call_rcu_data *own = hazptr_rcu_create_call_rcu_data(0, -1);
    static struct node node;
    pid_t child;

    CHECK_EQ(hazptr_rcu_create_all_cpu_call_rcu_data(0), 0);
    hazptr_rcu_set_thread_call_rcu_data(own);
    enqueue(&node);
    hazptr_rcu_call_rcu_before_fork();
    child = fork();
    if (!child) {
        hazptr_rcu_call_rcu_after_fork_child();
        CHECK(hazptr_rcu_get_call_rcu_data() == own);
        use_everything();
        CHECK_EQ(calls(&node), 1);
        hazptr_rcu_set_thread_call_rcu_data(NULL);
        hazptr_rcu_call_rcu_data_free(own);
        hazptr_rcu_free_all_cpu_call_rcu_data();
        use_everything();
        _exit(0);
    }
    hazptr_rcu_call_rcu_after_fork_parent();
    await(child);
    hazptr_rcu_set_thread_call_rcu_data(NULL);
    hazptr_rcu_call_rcu_data_free(own);
    hazptr_rcu_free_all_cpu_call_rcu_data();
    CHECK_EQ(calls(&node), 1);
}

static pid_t forked_by_callback;

static void fork_in_callback(struct rcu_head *head)
{
    (void)head;
    hazptr_rcu_call_rcu_before_fork();
    forked_by_callback = fork();
    if (forked_by_callback)
        hazptr_rcu_call_rcu_after_fork_parent();
    else
        hazptr_rcu_call_rcu_after_fork_child();
}

static struct node behind;

static void end_child(struct rcu_head *head)
{
    (void)head;
    if (!forked_by_callback)
        _exit(calls(&behind) == 1 ? 0 : 1);
}

/* Then that thread is the child's only one, and goes on being the worker, with what it had taken. */
static void a_callback_may_fork(void)
{
    static struct rcu_head forks, ends;

    /* While workers rest, so that they are taken together. */
    hazptr_rcu_call_rcu_before_fork();
    hazptr_rcu_call_rcu(&forks, fork_in_callback);
    enqueue(&behind);
    hazptr_rcu_call_rcu(&ends, end_child);
    hazptr_rcu_call_rcu_after_fork_parent();
    hazptr_rcu_barrier();
    await(forked_by_callback);
    use_everything();
}

/* Process 1 of a namespace may fork into another, and then the child's number is its parent's. */
static void a_child_with_its_parents_number_is_a_child(void)
{
    pid_t child = fork();

    if (!child) {
        CHECK_EQ(unshare(CLONE_NEWPID), 0);
        child = fork();
        if (!child) {
            CHECK_EQ(getpid(), 1);
            CHECK_EQ(unshare(CLONE_NEWPID), 0);
            hazptr_rcu_read_lock();
            hazptr_rcu_call_rcu_before_fork();
            child = fork();
            if (!child) {
                CHECK_EQ(getpid(), 1);
                hazptr_rcu_call_rcu_after_fork_child();
                CHECK(hazptr_is_protected(hazptr_rcu_shared_1.epoch));
                hazptr_rcu_read_unlock();
                use_everything();
                _exit(0);
            }
            hazptr_rcu_call_rcu_after_fork_parent();
            hazptr_rcu_read_unlock();
        }
        await(child);
        _exit(0);
    }
    await(child);
}

static int handled, stop;

static void fork_in_handler(int number)
{
    pid_t child = fork();

    (void)number;
    if (!child)
        _exit(0);
    await(child);
    __atomic_add_fetch(&handled, 1, __ATOMIC_RELEASE);
}

static void *send_signals(void *thread)
{
    int sent = 0;

    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        /* One after the other, with time for something between them. */
        if (__atomic_load_n(&handled, __ATOMIC_ACQUIRE) == sent) {
            give_way();
            sent++;
            pthread_kill(*(pthread_t *)thread, SIGUSR1);
        }
        give_way();
    }
    return NULL;
}

/* Whatever it has locked. */
static void a_handler_may_fork(void)
{
    pthread_t self = pthread_self(), sender;
    int round;

    signal(SIGUSR1, fork_in_handler);
    sender = check_thread(send_signals, &self);
    for (round = 0; round < 300; round++)
        use_everything();
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    CHECK_ERR(pthread_join(sender, NULL));
    signal(SIGUSR1, SIG_DFL);
}

/* As of a program that has two flavours, and so each one's handlers. */
static void handlers_may_be_called_twice(void)
{
    pid_t child;
    int i;

    for (i = 0; i < COUNT; i++)
        enqueue(&nodes[i]);
    hazptr_rcu_call_rcu_before_fork();
    hazptr_rcu_call_rcu_before_fork();
    child = fork();
    if (!child) {
        hazptr_rcu_call_rcu_after_fork_child();
        hazptr_rcu_call_rcu_after_fork_child();
        check_all_are_called();
        hazptr_rcu_call_rcu_before_fork();
        hazptr_rcu_call_rcu_after_fork_parent();
        use_everything();
        _exit(0);
    }
    hazptr_rcu_call_rcu_after_fork_parent();
    hazptr_rcu_call_rcu_after_fork_parent();
    await(child);
    check_all_are_called();
}

static void *fork_by_another(void *unused)
{
    pid_t child = fork();

    if (!child) {
        what_is_pending_is_called_in_the_child_without_a_call();
        use_everything();
        _exit(0);
    }
    await(child);
    return unused;
}

static void another_thread_may_fork_without_handlers_between_them(void)
{
    hazptr_rcu_call_rcu_before_fork();
    CHECK_ERR(pthread_join(check_thread(fork_by_another, NULL), NULL));
    hazptr_rcu_call_rcu_after_fork_parent();
    use_everything();
}

static int befores, parents, children;

static void before(void *priv)
{
    befores += *(int *)priv;
}

static void after_in_parent(void *priv)
{
    parents += *(int *)priv;
}

static void after_in_child(void *priv)
{
    children += *(int *)priv;
}

static void registered_handlers_are_called_each_time_until_none_is_registered(void)
{
    static int one = 1;
    struct urcu_atfork atfork = {before, after_in_parent, after_in_child, &one};
    int registered, i;
    pid_t child;

    hazptr_rcu_register_rculfhash_atfork(&atfork);
    hazptr_rcu_register_rculfhash_atfork(&atfork);
    for (registered = 2; registered >= 0; registered--) {
        const int wanted = registered ? 1 : 0;

        befores = parents = children = 0;
        hazptr_rcu_call_rcu_before_fork();
        child = fork();
        if (!child) {
            hazptr_rcu_call_rcu_after_fork_child();
            _exit(children == wanted ? 0 : 1);
        }
        hazptr_rcu_call_rcu_after_fork_parent();
        await(child);
        CHECK_EQ(befores, wanted);
        CHECK_EQ(parents, wanted);
        if (registered)
            hazptr_rcu_unregister_rculfhash_atfork(&atfork);
    }
    for (i = 0; i < 2; i++)
        hazptr_rcu_unregister_rculfhash_atfork(&atfork);
}

int main(void)
{
    check_mode();
    with_handlers_all_that_is_pending_is_called_on_both_sides();
    with_handlers_a_child_of_the_other_fork_is_one();
    without_handlers_a_child_can_use_everything();
    what_is_pending_is_called_in_the_child_without_a_call();
    all_kinds_of_workers_are_there_in_the_child();
    a_callback_may_fork();
    if (geteuid() == 0)
        a_child_with_its_parents_number_is_a_child();
    a_handler_may_fork();
    handlers_may_be_called_twice();
    another_thread_may_fork_without_handlers_between_them();
    registered_handlers_are_called_each_time_until_none_is_registered();
    return 0;
}
