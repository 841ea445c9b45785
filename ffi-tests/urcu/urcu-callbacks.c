/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Callbacks and their workers: each callback is called once, after the readers, by the right worker. */
#include "check.h"
#include <hazptr/urcu.h>

#include "said.h"
#include "waiter.h"

struct node {
    struct rcu_head head;
    pthread_t caller;
    int *order;
    int again;
};

static int called;

static void call(struct rcu_head *head)
{
    struct node *node = (struct node *)head;

    CHECK(!hazptr_rcu_read_ongoing());
    node->caller = pthread_self();
    if (node->order)
        *node->order = called;
    __atomic_add_fetch(&called, 1, __ATOMIC_RELEASE);
    if (node->again) {
        node->again--;
        hazptr_rcu_call_rcu(head, call);
    }
}

static int calls(void)
{
    return __atomic_load_n(&called, __ATOMIC_ACQUIRE);
}

static void enqueue(struct node *node)
{
    memset(node, 0, sizeof(*node));
    hazptr_rcu_call_rcu(&node->head, call);
}

static void callbacks_come_in_their_order_and_the_barrier_waits_for_them(void)
{
    enum { COUNT = 1000 };
    static struct node nodes[COUNT];
    static int order[COUNT];
    int i;

    called = 0;
    for (i = 0; i < COUNT; i++) {
        memset(&nodes[i], 0, sizeof(nodes[i]));
        nodes[i].order = &order[i];
        hazptr_rcu_call_rcu(&nodes[i].head, call);
    }
    hazptr_rcu_barrier();
    CHECK_EQ(calls(), COUNT);
    for (i = 0; i < COUNT; i++)
        CHECK_EQ(order[i], i);
}

static void callbacks_wait_for_readers(void)
{
    struct node node;
    int looks;

    called = 0;
    hazptr_rcu_read_lock();
    enqueue(&node);
    for (looks = 0; looks < 500; looks++) {
        CHECK_EQ(calls(), 0);
        give_way();
    }
    hazptr_rcu_read_unlock();
    hazptr_rcu_barrier();
    CHECK_EQ(calls(), 1);
}

static void callbacks_may_enqueue_and_stay_with_their_worker(void)
{
    struct call_rcu_data *own = hazptr_rcu_create_call_rcu_data(0, -1);
    pthread_t thread = hazptr_rcu_get_call_rcu_thread(own);
    struct node node;
    int i;

    called = 0;
    memset(&node, 0, sizeof(node));
    node.again = 3;
    hazptr_rcu_set_thread_call_rcu_data(own);
    hazptr_rcu_call_rcu(&node.head, call);
    hazptr_rcu_set_thread_call_rcu_data(NULL);
    for (i = 1; i <= 4; i++) {
        hazptr_rcu_barrier();
        CHECK(calls() >= i);
    }
    CHECK_EQ(calls(), 4);
    CHECK(pthread_equal(node.caller, thread));
    hazptr_rcu_call_rcu_data_free(own);
    CHECK_ERR(pthread_join(thread, NULL));
}

/* They are there to be joined, though not joined by that. */
static void free_all_cpu_workers(void)
{
    long count = sysconf(_SC_NPROCESSORS_CONF), cpu;
    pthread_t *threads = (pthread_t *)calloc((size_t)count, sizeof(*threads));

    CHECK(threads);
    for (cpu = 0; cpu < count; cpu++)
        threads[cpu] =
            hazptr_rcu_get_call_rcu_thread(hazptr_rcu_get_cpu_call_rcu_data((int)cpu));
    hazptr_rcu_free_all_cpu_call_rcu_data();
    for (cpu = 0; cpu < count; cpu++)
        CHECK_ERR(pthread_join(threads[cpu], NULL));
    free(threads);
}

static void the_nearest_worker_is_taken(void)
{
    struct call_rcu_data *own = hazptr_rcu_create_call_rcu_data(0, -1), *cpus;
    struct node node;
    pthread_t thread;

    CHECK(hazptr_rcu_get_call_rcu_data() == hazptr_rcu_get_default_call_rcu_data());
    CHECK(!hazptr_rcu_get_thread_call_rcu_data());
    CHECK(!hazptr_rcu_get_cpu_call_rcu_data(0));

    CHECK_EQ(hazptr_rcu_create_all_cpu_call_rcu_data(0), 0);
    CHECK_EQ(hazptr_rcu_create_all_cpu_call_rcu_data(0), 0);
    cpus = hazptr_rcu_get_cpu_call_rcu_data(0);
    CHECK(cpus);
    CHECK(hazptr_rcu_get_call_rcu_data() != hazptr_rcu_get_default_call_rcu_data());
    hazptr_rcu_set_thread_call_rcu_data(own);
    CHECK(hazptr_rcu_get_call_rcu_data() == own);
    CHECK(hazptr_rcu_get_thread_call_rcu_data() == own);
    enqueue(&node);
    hazptr_rcu_barrier();
    thread = hazptr_rcu_get_call_rcu_thread(own);
    CHECK(pthread_equal(node.caller, thread));
    hazptr_rcu_set_thread_call_rcu_data(NULL);
    enqueue(&node);
    hazptr_rcu_barrier();
    CHECK(!pthread_equal(node.caller, thread));

    CHECK_EQ(hazptr_rcu_set_cpu_call_rcu_data(0, own), -EEXIST);
    CHECK_EQ(errno, EEXIST);
    CHECK_EQ(hazptr_rcu_set_cpu_call_rcu_data(-1, own), -EINVAL);
    CHECK_EQ(hazptr_rcu_set_cpu_call_rcu_data(1 << 30, own), -EINVAL);
    CHECK(!hazptr_rcu_get_cpu_call_rcu_data(1 << 30));
    free_all_cpu_workers();
    CHECK(!hazptr_rcu_get_cpu_call_rcu_data(0));
    CHECK(hazptr_rcu_get_call_rcu_data() == hazptr_rcu_get_default_call_rcu_data());

    CHECK_EQ(hazptr_rcu_set_cpu_call_rcu_data(0, own), 0);
    CHECK(hazptr_rcu_get_cpu_call_rcu_data(0) == own);
    CHECK_EQ(hazptr_rcu_set_cpu_call_rcu_data(0, NULL), 0);
    hazptr_rcu_synchronize_rcu();
    hazptr_rcu_call_rcu_data_free(own);
    CHECK_ERR(pthread_join(thread, NULL));
}

static void free_worker(const void *worker)
{
    hazptr_rcu_call_rcu_data_free((struct call_rcu_data *)worker);
}

/* What it has not begun with goes to the default worker. */
static void freeing_a_worker_loses_nothing(void)
{
    struct call_rcu_data *own = hazptr_rcu_create_call_rcu_data(0, -1);
    struct node first, second;
    struct waiter freeing;
    pthread_t thread = hazptr_rcu_get_call_rcu_thread(own);

    called = 0;
    hazptr_rcu_set_thread_call_rcu_data(own);
    hazptr_rcu_read_lock();
    enqueue(&first);
    /* Until it waits for this section, with the first. */
    while (check_stats().sleeps == 0)
        give_way();
    enqueue(&second);
    hazptr_rcu_set_thread_call_rcu_data(NULL);
    waiter_start_by(&freeing, free_worker, own);
    waiter_await_futex(&freeing);
    hazptr_rcu_read_unlock();
    CHECK_ERR(pthread_join(freeing.thread, NULL));
    CHECK_ERR(pthread_join(thread, NULL));
    hazptr_rcu_barrier();
    CHECK_EQ(calls(), 2);
    CHECK(pthread_equal(first.caller, thread));

    /* Neither is to be freed. */
    hazptr_rcu_call_rcu_data_free(NULL);
    hazptr_rcu_call_rcu_data_free(hazptr_rcu_get_default_call_rcu_data());
    enqueue(&first);
    hazptr_rcu_barrier();
    CHECK_EQ(calls(), 3);
}

static void a_polling_worker_works_too(void)
{
    struct call_rcu_data *own = hazptr_rcu_create_call_rcu_data(URCU_CALL_RCU_RT, 0);
    struct node node;
    pthread_t thread = hazptr_rcu_get_call_rcu_thread(own);

    called = 0;
    hazptr_rcu_set_thread_call_rcu_data(own);
    enqueue(&node);
    while (!calls())
        give_way();
    hazptr_rcu_set_thread_call_rcu_data(NULL);
    hazptr_rcu_call_rcu_data_free(own);
    CHECK_ERR(pthread_join(thread, NULL));
}

static void wrong_flags_are_refused(void)
{
    errno = 0;
    CHECK(!hazptr_rcu_create_call_rcu_data(1u << 20, -1));
    CHECK_EQ(errno, EINVAL);
    CHECK_EQ(hazptr_rcu_create_all_cpu_call_rcu_data(1u << 20), -EINVAL);
}

static void call_barrier(struct rcu_head *head)
{
    (void)head;
    hazptr_rcu_barrier();
}

static void barrier_in_section(void)
{
    hazptr_rcu_read_lock();
    hazptr_rcu_barrier();
    hazptr_rcu_barrier();
    hazptr_rcu_read_unlock();
}

static void barrier_in_callback(void)
{
    struct rcu_head head;

    hazptr_rcu_call_rcu(&head, call_barrier);
    hazptr_rcu_barrier();
}

static void a_barrier_that_would_wait_for_itself_says_so_once_and_returns(void)
{
    const char *said = said_by(barrier_in_section);

    CHECK(strstr(said, "rcu_barrier() in a read-side critical section"));
    CHECK(!strstr(strchr(said, '\n') + 1, "rcu_barrier"));
    barrier_in_callback();
}

static struct call_rcu_data *to_free;

static void free_own_worker(struct rcu_head *head)
{
    (void)head;
    hazptr_rcu_call_rcu_data_free(to_free);
}

static void free_in_callback(void)
{
    struct rcu_head head;

    hazptr_rcu_set_thread_call_rcu_data(to_free);
    hazptr_rcu_call_rcu(&head, free_own_worker);
    hazptr_rcu_set_thread_call_rcu_data(NULL);
    hazptr_rcu_barrier();
}

static void a_worker_that_would_free_itself_says_so_and_stays(void)
{
    pthread_t thread;

    to_free = hazptr_rcu_create_call_rcu_data(0, -1);
    thread = hazptr_rcu_get_call_rcu_thread(to_free);
    CHECK(strstr(said_by(free_in_callback), "call_rcu_data_free() in a callback of that worker"));
    hazptr_rcu_call_rcu_data_free(to_free);
    CHECK_ERR(pthread_join(thread, NULL));
}

static int deferred;

static void defer(void *by)
{
    deferred += *(int *)by;
}

static void deferred_calls_come_after_readers(void)
{
    int one = 1;

    CHECK_EQ(hazptr_rcu_defer_register_thread(), 0);
    hazptr_rcu_defer_rcu(defer, &one);
    hazptr_rcu_defer_rcu(defer, &one);
    hazptr_rcu_defer_barrier_thread();
    CHECK_EQ(deferred, 2);
    hazptr_rcu_defer_rcu(defer, &one);
    hazptr_rcu_defer_barrier();
    CHECK_EQ(deferred, 3);
    hazptr_rcu_defer_unregister_thread();
}

static void errno_is_preserved(void)
{
    struct node node;

    errno = 12345;
    enqueue(&node);
    hazptr_rcu_barrier();
    CHECK_EQ(errno, 12345);
}

int main(void)
{
    check_mode();
    freeing_a_worker_loses_nothing();
    callbacks_come_in_their_order_and_the_barrier_waits_for_them();
    callbacks_wait_for_readers();
    callbacks_may_enqueue_and_stay_with_their_worker();
    the_nearest_worker_is_taken();
    a_polling_worker_works_too();
    wrong_flags_are_refused();
    a_barrier_that_would_wait_for_itself_says_so_once_and_returns();
    a_worker_that_would_free_itself_says_so_and_stays();
    deferred_calls_come_after_readers();
    errno_is_preserved();
    return 0;
}
