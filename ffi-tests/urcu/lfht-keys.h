/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a worker does with keys.
 */
#ifndef LFHT_KEYS_H
#define LFHT_KEYS_H

#include "lfht-table.h"

struct thread {
    pthread_t pthread;
    struct random random;
    void (*function)(struct thread *me);
    uint32_t number;
    bool halts;
    /* What each of the worker's keys is at: the version, 0 without. */
    unsigned long *versions, version;
    atomic_ulong operations;
};

static atomic_ulong nr_found, nr_walked;

/* --- keys of nobody -------------------------------------------------------------------------- */

static void look_up_shared(struct thread *me, unsigned long key)
{
    struct cds_lfht_iter iter;
    struct node *node;

    rcu_read_lock();
    node = find(key, &iter);
    if (node) {
        node_check(node);
        dwell(&me->random);
        node_check(node);
        if (node->key != key)
            fail("a look-up finds another key (wanted, found)", key, node->key);
        atomic_fetch_add_explicit(&nr_found, 1, memory_order_relaxed);
    }
    rcu_read_unlock();
}

static void remove_shared(unsigned long key)
{
    struct cds_lfht_iter iter;
    struct node *node;

    rcu_read_lock();
    node = find(key, &iter);
    if (node && remove_one(node))
        node_retire(node);
    rcu_read_unlock();
}

static void add_shared(struct thread *me, unsigned long key)
{
    struct node *node = node_allocate(key, ++me->version), *other;
    struct cds_lfht_iter iter;

    rcu_read_lock();
    switch (random_below(&me->random, 3)) {
    case 0:
        other = add_unique(node);
        if (other) {
            node_check(other);
            node_free(node);
        }
        break;
    case 1:
        other = add_replace(node);
        if (other)
            node_retire(other);
        break;
    default:
        other = find(key, &iter);
        if (other && replace(&iter, node))
            node_retire(other);
        else
            node_free(node);
    }
    rcu_read_unlock();
}

/* --- keys of one's own ----------------------------------------------------------------------- */

static unsigned long own_key(const struct thread *me, uint32_t i)
{
    return (unsigned long)options.keys * (me->number + 1) + i;
}

/* In a section. */
static struct node *find_own(struct thread *me, uint32_t i, struct cds_lfht_iter *iter)
{
    struct node *node = find(own_key(me, i), iter);

    if (!node != !me->versions[i])
        fail("a look-up of a key of one's own is wrong (expected, found)", me->versions[i],
             node ? node->version : 0);
    else if (node && node->version != me->versions[i])
        fail("a look-up finds another version (expected, found)", me->versions[i], node->version);
    if (node)
        node_check(node);
    return node;
}

static void look_up_own(struct thread *me, uint32_t i)
{
    struct cds_lfht_iter iter;

    rcu_read_lock();
    if (find_own(me, i, &iter))
        atomic_fetch_add_explicit(&nr_found, 1, memory_order_relaxed);
    rcu_read_unlock();
}

static void remove_own(struct thread *me, uint32_t i)
{
    struct cds_lfht_iter iter;
    struct node *node;

    rcu_read_lock();
    node = find_own(me, i, &iter);
    if (node) {
        if (!remove_one(node))
            fail("a node of one's own cannot be removed (key, version)", node->key,
                 node->version);
        else
            node_retire(node);
        me->versions[i] = 0;
        find_own(me, i, &iter);
    }
    rcu_read_unlock();
}

static void add_own(struct thread *me, uint32_t i)
{
    struct node *node = node_allocate(own_key(me, i), ++me->version), *other;
    const bool unique = random_one_in(&me->random, 2);

    rcu_read_lock();
    other = unique ? add_unique(node) : add_replace(node);
    if (!other != !me->versions[i] || (other && other->version != me->versions[i]))
        fail("an addition meets another version (expected, found)", me->versions[i],
             other ? other->version : 0);
    if (unique && other) {
        node_free(node);
    } else {
        me->versions[i] = me->version;
        if (other)
            node_retire(other);
    }
    rcu_read_unlock();
}

/* --- all keys -------------------------------------------------------------------------------- */

/* Whoever walks finds each of its own keys that is there, once. */
static void walk(struct thread *me)
{
    const unsigned long first = own_key(me, 0), after = own_key(me, (uint32_t)options.keys);
    unsigned long found = 0, expected = 0, count = 0;
    struct cds_lfht_iter iter;
    struct node *node;
    long i;

    for (i = 0; i < options.keys; i++)
        expected += me->versions[i] != 0;
    rcu_read_lock();
    cds_lfht_for_each_entry(table, &iter, node, in_table) {
        node_check(node);
        if (node->key >= first && node->key < after)
            found++;
        if (++count % 512 == 0)
            dwell(&me->random);
    }
    rcu_read_unlock();
    if (found != expected)
        fail("a walk meets another number of one's own keys (expected, met)", expected, found);
    atomic_fetch_add_explicit(&nr_walked, count, memory_order_relaxed);
}

static void count(void)
{
    long before, after;
    unsigned long nodes;

    rcu_read_lock();
    cds_lfht_count_nodes(table, &before, &nodes, &after);
    rcu_read_unlock();
    if (nodes > atomic_load(&nr_allocated))
        fail("the table counts more nodes than were ever made (nodes, made)", nodes,
             atomic_load(&nr_allocated));
}

static void remove_all(void)
{
    struct cds_lfht_iter iter;
    struct node *node;

    rcu_read_lock();
    cds_lfht_for_each_entry(table, &iter, node, in_table) {
        node_check(node);
        if (remove_one(node))
            node_retire(node);
    }
    rcu_read_unlock();
}

#endif /* LFHT_KEYS_H */
