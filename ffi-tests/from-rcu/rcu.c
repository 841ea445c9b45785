/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* docs/from-rcu.md, the RCU side, with what is around it in a program. */
#define _LGPL_SOURCE
#include <urcu.h>

#include "common.h"

struct config {
    int value;
    struct rcu_head rcu;
};

struct session {
    int value;
    atomic_int references;
    struct rcu_head rcu;
};

struct node {
    int key;
    struct node *next;
    struct rcu_head rcu;
};

static struct config *config;
static struct session *sessions[SESSIONS];
static struct node *list;
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;

static bool get_unless_zero(atomic_int *references)
{
    int now = atomic_load(references);

    while (now && !atomic_compare_exchange_weak(references, &now, now + 1))
        ;
    return now;
}

static int take_your_time(const struct session *session)
{
    return look_long_at(&session->value);
}

void list_add(struct node *node);

#include "rcu.inc"

struct config *config_new(int value)
{
    struct config *made = calloc(1, sizeof(*made));

    if (!made)
        abort();
    made->value = value;
    return made;
}

void config_begin(struct config *first)
{
    rcu_assign_pointer(config, first);
}

void config_end(void)
{
    dispose(config);
}

void session_begin(int id, int value)
{
    struct session *session = calloc(1, sizeof(*session));

    if (!session)
        abort();
    session->value = value;
    atomic_store(&session->references, 1);
    rcu_assign_pointer(sessions[id], session);
}

void node_add(int key)
{
    struct node *node = calloc(1, sizeof(*node));

    if (!node)
        abort();
    node->key = key;
    list_add(node);
}

void thread_begins(void)
{
    rcu_register_thread();
}

void thread_ends(void)
{
    rcu_unregister_thread();
}

void all_callbacks(void)
{
    rcu_barrier();
}
