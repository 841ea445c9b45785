/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Two things are true at all times, and all arguments rest on them:
 *
 *   (1) queue->last is never behind queue->first. A dequeue moves `last` off a node before it moves
 *       `first` off it.
 *   (2) Retired are the nodes behind queue->first, and no others: whoever moves `first` off a node
 *       retires it, afterwards.
 *
 * A third is the hazard's doing: an address that is held does not come back as another node. So if
 * `first` or `last` is found where it was, it has been there all the time.
 */
#include "queue.h"

#include <stdatomic.h>
#include <stdlib.h>

struct queue_node {
    struct hazptr_head hazptr;       /* first: free_node() relies on it */
    struct queue_node *_Atomic next; /* NULL, until it is set once */
    uintptr_t value;
};

static void free_node(struct hazptr_head *hazptr)
{
    free(hazptr);
}

static struct queue_node *new_node(uintptr_t value)
{
    struct queue_node *node = malloc(sizeof(*node));

    if (node) {
        node->value = value;
        atomic_init(&node->next, NULL);
    }
    return node;
}

/* Release: who acquires the new pointer sees what is in its node. Acquire: what we know of that node
 * from others, they learn by way of us. */
static bool replace(struct queue_node *_Atomic *pointer, struct queue_node *old,
                    struct queue_node *new)
{
    return atomic_compare_exchange_strong_explicit(pointer, &old, new, memory_order_acq_rel,
                                                   memory_order_relaxed);
}

bool queue_init(struct queue *queue)
{
    struct queue_node *node = new_node(0);

    atomic_init(&queue->first, node);
    atomic_init(&queue->last, node);
    queue->cohort = (struct hazptr_cohort)HAZPTR_COHORT_INIT;
    return node != NULL;
}

bool queue_enqueue(struct queue *queue, uintptr_t value)
{
    struct queue_node *node = new_node(value), *last, *next;
    struct hazptr_ctx ctx;
    bool linked;

    if (!node)
        return false;
    do {
        /* It was `last` when it was loaded, so it was not behind `first` (1) and not retired (2):
         * from then on it waits for us. */
        last = HAZPTR_ACQUIRE(&ctx, &queue->last);
        linked = replace(&last->next, NULL, node);
        /*
         * If somebody else was first, move `last` on for them, or we would wait for them. The new
         * `last`, theirs or ours, is not looked at here, and need not be protected: if `last` is
         * still where it was, then what comes after it is not behind `first` (1).
         */
        next = linked ? node : atomic_load_explicit(&last->next, memory_order_acquire);
        replace(&queue->last, last, next);
        hazptr_release(&ctx, last);
    } while (!linked);
    return true;
}

bool queue_dequeue(struct queue *queue, uintptr_t *value)
{
    struct hazptr_ctx first_ctx, next_ctx;
    struct queue_node *first, *next;
    bool dequeued;

    do {
        /* It was `first` when it was loaded, so it was not retired (2). It is never NULL. */
        first = HAZPTR_ACQUIRE(&first_ctx, &queue->first);
        /*
         * This one need not be protected by being acquired: if `first` has moved on in the meantime,
         * the next node may have been retired before this load, and be gone. So it is not looked at
         * before we know better.
         */
        next = HAZPTR_ACQUIRE(&next_ctx, &first->next);
        if (!next) {
            /* A node without a next is the last one, and nobody moves `first` off it: the queue was
             * empty when this was loaded. */
            hazptr_release(&first_ctx, first);
            return false;
        }
        /* Keeps (1). `last` was not behind `first` when we loaded that, nor is it since; so if it is
         * not here it is ahead. (The acquire of `first` has ordered this load behind it.) */
        if (atomic_load_explicit(&queue->last, memory_order_relaxed) == first)
            replace(&queue->last, first, next);
        /*
         * If this succeeds, `first` has been there all the time, so that next was not retired when it
         * was acquired; since then it waits for us, and may be read even if others have moved on.
         */
        dequeued = replace(&queue->first, first, next);
        if (dequeued)
            *value = next->value;
        hazptr_release(&next_ctx, next);
        hazptr_release(&first_ctx, first);
    } while (!dequeued);

    /* Off `first`, and `last` is ahead. Its predecessor's next pointer still leads here, which whoever
     * holds that may acquire: see above. */
    hazptr_retire_in(&queue->cohort, &first->hazptr, first, free_node, 0);
    return true;
}

void queue_destroy(struct queue *queue)
{
    struct queue_node *node = atomic_load_explicit(&queue->first, memory_order_relaxed), *next;

    /* Never retired (2), and nobody is there to hold them. */
    for (; node; node = next) {
        next = atomic_load_explicit(&node->next, memory_order_relaxed);
        free(node);
    }
    /* The others: afterwards no callback of ours is running, and the cohort may go too. */
    hazptr_cohort_barrier(&queue->cohort, HAZPTR_FOREVER);
}
