/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A program as they are written for liburcu, in C and in C++: compiled unchanged against it, and against
 * the headers in its place (test.sh). FLAVOR_HEADER is what it includes.
 */
#include FLAVOR_HEADER

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct item {
    int value;
    struct rcu_head rcu;
};

static struct item *current;
static int freed;

static void free_item(struct rcu_head *head)
{
    struct item *item = (struct item *)((char *)head - offsetof(struct item, rcu));

    item->value = -1;
    free(item);
    __atomic_add_fetch(&freed, 1, __ATOMIC_RELAXED);
}

static struct item *make(int value)
{
    struct item *item = (struct item *)malloc(sizeof(*item));

    item->value = value;
    return item;
}

static int read_value(void)
{
    struct item *item;
    int value;

    rcu_read_lock();
    item = rcu_dereference(current);
    value = item ? item->value : 0;
    rcu_read_unlock();
    return value;
}

static void *reader(void *stop)
{
    int last = 0;

    rcu_register_thread();
    while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED)) {
        int value = read_value();

        if (value < last)
            abort();
        last = value;
    }
    rcu_unregister_thread();
    return NULL;
}

static void deferred(void *item)
{
    free(item);
    __atomic_add_fetch(&freed, 1, __ATOMIC_RELAXED);
}

int main(void)
{
    struct item *old, *now;
    pthread_t thread;
    int stop = 0, i;

    rcu_init();
    rcu_register_thread();
    if (rcu_defer_register_thread())
        abort();
    pthread_create(&thread, NULL, reader, &stop);
    for (i = 1; i <= 300; i++) {
        now = make(i);
        switch (i % 3) {
        case 0:
            old = rcu_xchg_pointer(&current, now);
            synchronize_rcu();
            if (old)
                free_item(&old->rcu);
            break;
        case 1:
            old = current;
            rcu_assign_pointer(current, now);
            if (old)
                call_rcu(&old->rcu, free_item);
            break;
        default:
            old = current;
            if (rcu_cmpxchg_pointer(&current, old, now) != old)
                abort();
            if (rcu_cmpxchg_pointer(&current, old, now) != now)
                abort();
            defer_rcu(deferred, old);
            break;
        }
        if (i % 50 == 0) {
            rcu_barrier();
            rcu_defer_barrier();
            if (freed != i - 1)
                abort();
        }
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    rcu_quiescent_state();
    rcu_thread_offline();
    pthread_join(thread, NULL);
    rcu_thread_online();
    old = current;
    rcu_set_pointer(&current, NULL);
    synchronize_rcu();
    free(old);
    if (read_value() != 0 || rcu_read_ongoing())
        abort();
    rcu_defer_unregister_thread();
    rcu_unregister_thread();
    printf("%d freed\n", freed);
    return freed == 299 ? 0 : 1;
}
