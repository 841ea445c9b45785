/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Callbacks, from those who enqueue to a worker: anybody pushes, one takes all. As nobody takes a single
 * one, an address that comes again does no harm.
 */
#ifndef HAZPTR_URCU_QUEUE_H
#define HAZPTR_URCU_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

/* A struct rcu_head, whose first member liburcu's headers hide. */
struct queue_node {
	struct queue_node *next;
	void (*func)(struct rcu_head *head);
};

_Static_assert(sizeof(struct queue_node) == sizeof(struct rcu_head) &&
		       offsetof(struct queue_node, func) == offsetof(struct rcu_head, func),
	       "struct rcu_head is not what it was");

struct queue {
	struct queue_node *newest;
};

static inline bool queue_is_empty(const struct queue *queue)
{
	return !__atomic_load_n(&queue->newest, __ATOMIC_SEQ_CST);
}

/* Sequentially consistent, as is what the worker does before it sleeps: see hazptr_rcu_worker_wake(). */
static inline void queue_push(struct queue *queue, struct queue_node *node)
{
	struct queue_node *newest = __atomic_load_n(&queue->newest, __ATOMIC_RELAXED);

	do
		node->next = newest;
	while (!__atomic_compare_exchange_n(&queue->newest, &newest, node, true, __ATOMIC_SEQ_CST,
					    __ATOMIC_RELAXED));
}

/* Everything, the oldest first. */
static inline struct queue_node *queue_take_all(struct queue *queue)
{
	struct queue_node *node = __atomic_exchange_n(&queue->newest, NULL, __ATOMIC_ACQUIRE);
	struct queue_node *oldest = NULL;

	while (node) {
		struct queue_node *next = node->next;

		node->next = oldest;
		oldest = node;
		node = next;
	}
	return oldest;
}

#endif /* HAZPTR_URCU_QUEUE_H */
