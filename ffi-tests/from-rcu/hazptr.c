/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* docs/from-rcu.md, the other side, with what is around it in a program. */
#include <hazptr.h>

#include "common.h"

struct config {
    int value;
    struct hazptr_head hazptr;
};

struct session {
    int value;
    struct hazptr_head hazptr;
};

struct node {
    int key;
    struct node *_Atomic next;
    struct hazptr_head hazptr;
};

#define MARK ((uintptr_t)1)

static struct config *_Atomic config;
static struct session *_Atomic sessions[SESSIONS];
static struct node *_Atomic list;
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct hazptr_cohort list_cohort = HAZPTR_COHORT_INIT;

static bool is_marked(const struct node *node)
{
    return (uintptr_t)node & MARK;
}

static struct node *marked(struct node *node)
{
    return (struct node *)((uintptr_t)node | MARK);
}

static int take_your_time(const struct session *session)
{
    return look_long_at(&session->value);
}

static inline void *acquire_and_dawdle(struct hazptr_ctx *ctx, void *const *pp)
{
    void *got = hazptr_acquire(ctx, pp);

    dawdle(3);
    return got;
}

static inline void *protect_and_dawdle(struct hazptr_ctx *ctx, void *const *pp, size_t mask)
{
    void *got = hazptr_protect_masked(ctx, pp, mask);

    dawdle(16);
    return got;
}

#define hazptr_acquire acquire_and_dawdle
#define hazptr_protect_masked protect_and_dawdle

void list_add(struct node *node);

#include "hazptr.inc"

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
    atomic_store(&config, first);
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
    atomic_store(&sessions[id], session);
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
}

void thread_ends(void)
{
}

void all_callbacks(void)
{
    hazptr_barrier();
}
