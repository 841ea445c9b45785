/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What retirement costs, by itself and in the structures of examples/, and what the same structures
 * cost under a mutex. One operation of a stack or queue is a put and a take; of a set, a look-up, one in
 * eight times an insertion or a removal.
 */
#ifndef STRUCTURES_H
#define STRUCTURES_H

#include "../examples/queue.h"
#include "../examples/set.h"
#include "../examples/stack.h"
#include "measure.h"

#include <hazptr.h>
#include <pthread.h>
#include <stdlib.h>

/* --- by itself -------------------------------------------------------------------------------- */

/* More than are pending at any time, so that who comes round to one finds it reclaimed. */
#define RETIRED 16384

static struct hazptr_head retired[RETIRED];

static void reclaimed(struct hazptr_head *head)
{
    (void)head;
}

static void retire(unsigned long count)
{
    static unsigned int next;

    while (count--) {
        struct hazptr_head *head = &retired[next++ % RETIRED];

        hazptr_retire(head, head, reclaimed);
    }
}

/* --- without locks ---------------------------------------------------------------------------- */

#define KEYS 64

static struct stack stack = STACK_INIT;
static struct queue queue;
static struct set set = SET_INIT;

static void stack_pair(unsigned long count)
{
    uintptr_t value;

    while (count--) {
        stack_push(&stack, count);
        stack_pop(&stack, &value);
    }
}

static void queue_pair(unsigned long count)
{
    uintptr_t value;

    while (count--) {
        queue_enqueue(&queue, count);
        queue_dequeue(&queue, &value);
    }
}

/* Where a thread goes on in a sequence of keys that looks random. */
static unsigned int next_key(unsigned int *random)
{
    *random = *random * 1664525u + 1013904223u;
    return *random >> 16;
}

static void set_mix(unsigned long count)
{
    static __thread unsigned int random;

    while (count--) {
        unsigned int key = next_key(&random);

        if (key / KEYS % 16 == 0)
            set_insert(&set, key % KEYS);
        else if (key / KEYS % 16 == 1)
            set_remove(&set, key % KEYS);
        else
            set_contains(&set, key % KEYS);
    }
}

/* --- under a mutex ---------------------------------------------------------------------------- */

struct plain_node {
    struct plain_node *next;
    uintptr_t value;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct plain_node *plain_top, *plain_first, **plain_last = &plain_first, *plain_set;

static struct plain_node *plain_new(uintptr_t value)
{
    struct plain_node *node = (struct plain_node *)malloc(sizeof(*node));

    if (!node)
        abort();
    node->value = value;
    node->next = NULL;
    return node;
}

static void mutex_stack_pair(unsigned long count)
{
    struct plain_node *node;

    while (count--) {
        node = plain_new(count);
        pthread_mutex_lock(&mutex);
        node->next = plain_top;
        plain_top = node;
        pthread_mutex_unlock(&mutex);

        pthread_mutex_lock(&mutex);
        node = plain_top;
        plain_top = node->next;
        pthread_mutex_unlock(&mutex);
        free(node);
    }
}

static void mutex_queue_pair(unsigned long count)
{
    struct plain_node *node;

    while (count--) {
        node = plain_new(count);
        pthread_mutex_lock(&mutex);
        *plain_last = node;
        plain_last = &node->next;
        pthread_mutex_unlock(&mutex);

        pthread_mutex_lock(&mutex);
        node = plain_first;
        plain_first = node->next;
        if (!plain_first)
            plain_last = &plain_first;
        pthread_mutex_unlock(&mutex);
        free(node);
    }
}

static void mutex_set_mix(unsigned long count)
{
    static __thread unsigned int random;

    while (count--) {
        unsigned int key = next_key(&random), what = key / KEYS % 16;
        struct plain_node **link = &plain_set, *other = what == 0 ? plain_new(key % KEYS) : NULL;

        pthread_mutex_lock(&mutex);
        while (*link && (*link)->value < key % KEYS)
            link = &(*link)->next;
        if (what == 0 && (!*link || (*link)->value != key % KEYS)) {
            other->next = *link;
            *link = other;
            other = NULL;
        } else if (what == 1 && *link && (*link)->value == key % KEYS) {
            other = *link;
            *link = other->next;
        }
        pthread_mutex_unlock(&mutex);
        free(other);
    }
}

#endif /* STRUCTURES_H */
