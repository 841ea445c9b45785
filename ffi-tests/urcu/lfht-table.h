/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The table and its nodes, each of which is counted when it is made, added, removed and freed.
 */
#ifndef LFHT_TABLE_H
#define LFHT_TABLE_H

#include "stress.h"

#include <urcu.h>
#include <urcu/rculfhash.h>

#define SPOILT 0xdeadbeefdeadbeeeul
/* Freed nodes are kept for a while, spoilt, before the allocator has them back. */
#define KEPT 512
#define MOST_WORKERS 64

static struct {
    long seconds, workers, keys, fork, fork_quiet, patience, seed;
} options = {.seconds = 10, .workers = 3, .keys = 2048, .fork = 2, .fork_quiet = 1, .patience = 60};

static const struct stress_option option_table[] = {
    {"seconds", &options.seconds, 1, 1000000, NULL, "length of the run"},
    {"workers", &options.workers, 1, MOST_WORKERS, NULL, "threads that add, look up and remove"},
    {"keys", &options.keys, 16, 1000000, NULL, "of each worker, and as many of nobody"},
    {"fork", &options.fork, 0, 1000, NULL, "children a second, at most; 0: none"},
    {"fork-quiet", &options.fork_quiet, 0, 1, NULL,
     "halt and unregister all threads for each fork: liburcu needs that; without it, only those "
     "that resize, as the table's lock is no child's"},
    {"patience", &options.patience, 1, 1000000, NULL,
     "it is a FAILURE if nothing is done for so many seconds"},
    {"seed", &options.seed, 0, INT32_MAX, NULL, "of the random numbers; 0: another each time"},
};

struct node {
    struct cds_lfht_node in_table;
    struct rcu_head head;
    unsigned long key, version, sum;
};

static struct cds_lfht *table;
static struct node *_Atomic kept[KEPT];
static atomic_ulong nr_allocated, nr_freed, nr_kept, nr_added, nr_removed;

/* --- nodes ----------------------------------------------------------------------------------- */

static unsigned long sum(unsigned long key, unsigned long version)
{
    return (key + 1) * 0x9e3779b97f4a7c15ul ^ version;
}

/* Few bits differ between neighbours, so that buckets are shared as well. */
static unsigned long hash(unsigned long key)
{
    return key * 0x85ebca6bul;
}

static int matches(struct cds_lfht_node *in_table, const void *key)
{
    const struct node *node = caa_container_of(in_table, struct node, in_table);

    return node->key == *(const unsigned long *)key;
}

static struct node *node_allocate(unsigned long key, unsigned long version)
{
    struct node *node = allocate(1, sizeof(*node));

    cds_lfht_node_init(&node->in_table);
    node->key = key;
    node->version = version;
    node->sum = sum(key, version);
    atomic_fetch_add_explicit(&nr_allocated, 1, memory_order_relaxed);
    return node;
}

static void node_free(struct node *node)
{
    const unsigned long turn = atomic_fetch_add_explicit(&nr_kept, 1, memory_order_relaxed);

    if (node->sum != sum(node->key, node->version))
        fail("a node is freed twice, or was written to (key, version)", node->key, node->version);
    node->key = node->version = node->sum = SPOILT;
    atomic_fetch_add_explicit(&nr_freed, 1, memory_order_relaxed);
    free(atomic_exchange(&kept[turn % KEPT], node));
}

static void node_called(struct rcu_head *head)
{
    node_free(caa_container_of(head, struct node, head));
}

/* It has been removed. */
static void node_retire(struct node *node)
{
    call_rcu(&node->head, node_called);
    atomic_fetch_add_explicit(&nr_removed, 1, memory_order_relaxed);
}

static void kept_free(void)
{
    size_t i;

    for (i = 0; i < KEPT; i++)
        free(atomic_exchange(&kept[i], NULL));
}

/* In a read-side section that found it. Volatile: it is to be read again each time. */
static void node_check(const volatile struct node *node)
{
    const unsigned long key = node->key, version = node->version;

    if (node->sum != sum(key, version))
        fail("a reader sees a node that is spoilt (key, version)", key, version);
}

/* --- the table ------------------------------------------------------------------------------- */

/* Each of them in a section of its own or the caller's. NULL: not there. */
static struct node *find(unsigned long key, struct cds_lfht_iter *iter)
{
    struct cds_lfht_node *found;

    cds_lfht_lookup(table, hash(key), matches, &key, iter);
    found = cds_lfht_iter_get_node(iter);
    return found ? caa_container_of(found, struct node, in_table) : NULL;
}

/* The one that was there, if any. */
static struct node *add_unique(struct node *node)
{
    struct cds_lfht_node *got;

    got = cds_lfht_add_unique(table, hash(node->key), matches, &node->key, &node->in_table);
    if (got == &node->in_table) {
        atomic_fetch_add_explicit(&nr_added, 1, memory_order_relaxed);
        return NULL;
    }
    return caa_container_of(got, struct node, in_table);
}

/* The one that was there, if any: the caller has it. */
static struct node *add_replace(struct node *node)
{
    struct cds_lfht_node *got;

    got = cds_lfht_add_replace(table, hash(node->key), matches, &node->key, &node->in_table);
    atomic_fetch_add_explicit(&nr_added, 1, memory_order_relaxed);
    return got ? caa_container_of(got, struct node, in_table) : NULL;
}

static bool replace(struct cds_lfht_iter *iter, struct node *node)
{
    if (cds_lfht_replace(table, iter, hash(node->key), matches, &node->key, &node->in_table))
        return false;
    atomic_fetch_add_explicit(&nr_added, 1, memory_order_relaxed);
    return true;
}

static bool remove_one(struct node *node)
{
    if (cds_lfht_del(table, &node->in_table))
        return false;
    if (!cds_lfht_is_node_deleted(&node->in_table))
        fail("a node that was removed is not deleted (key, version)", node->key, node->version);
    return true;
}

/* Between finding and looking again a node must not change. */
static void dwell(struct random *random)
{
    if (random_one_in(random, 2000))
        sleep_us(random_below(random, 200));
    else if (random_one_in(random, 500))
        sched_yield();
    else
        spin(random_below(random, 200));
}

#endif /* LFHT_TABLE_H */
