/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A queue without locks (M. M. Michael and M. L. Scott, 1996) for any number of threads at either
 * end. Dequeued nodes are retired, so that nobody waits.
 *
 * Where these functions may be called: wherever hazptr_retire() may. A dequeue can run callbacks of
 * whatever else the program has retired: do not dequeue while holding a lock that one of those takes.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include <hazptr.h>
#include <stdbool.h>

/* The list begins with a node whose value has been dequeued already, or never was. */
struct queue {
    struct queue_node *_Atomic first;
    /* The dequeued nodes that are not freed yet. In the middle, so that the two ends of the queue
     * are on different cache lines. */
    struct hazptr_cohort cohort;
    struct queue_node *_Atomic last; /* or one before */
};

/* False if there is no memory; then the queue may not be used. */
bool queue_init(struct queue *queue);

/* No thread is in any of these calls any more, nor comes. Frees what is left. Not in a callback. */
void queue_destroy(struct queue *queue);

/* False if there is no memory. */
bool queue_enqueue(struct queue *queue, uintptr_t value);

/* False if the queue is empty. */
bool queue_dequeue(struct queue *queue, uintptr_t *value);

#endif /* QUEUE_H */
