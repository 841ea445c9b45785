// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Waiting until callbacks have been called; and deferred calls, which are callbacks without a struct
 * rcu_head.
 */
#include "internal.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "futex.h"

/* How often a waiter looks whether there is something to be done that nobody does. */
#define LOOK_NS 10000000

void hazptr_rcu_complain(const char *line)
{
	const int error = errno;
	ssize_t ignored = write(STDERR_FILENO, line, strlen(line));

	(void)ignored;
	errno = error;
}

/* --- the barrier --------------------------------------------------------------------------------- */

/* A callback at the end of each queue; the last one to be called wakes the waiter, who frees all. */
struct barrier {
	uint32_t left;
	struct barrier_node {
		struct rcu_head head;
		struct barrier *barrier;
	} nodes[];
};

static void arrive(struct rcu_head *head)
{
	struct barrier *barrier = ((struct barrier_node *)head)->barrier;

	if (__atomic_sub_fetch(&barrier->left, 1, __ATOMIC_ACQ_REL) == 0)
		futex_wake(&barrier->left);
}

/* Under the lock. */
static uint32_t count_workers(void)
{
	struct call_rcu_data *worker = hazptr_rcu_workers_first();
	uint32_t count = 0;

	for (; worker; worker = hazptr_rcu_workers_next(worker))
		count++;
	return count;
}

static uint32_t count_workers_now(void)
{
	uint32_t count;

	hazptr_rcu_workers_lock();
	count = count_workers();
	hazptr_rcu_workers_unlock();
	return count;
}

/* To all workers, or if there are more than @room of them, to none. Returns which. */
static bool post(struct barrier *barrier, uint32_t room)
{
	struct call_rcu_data *worker;
	uint32_t i = 0;

	hazptr_rcu_workers_lock();
	barrier->left = count_workers();
	if (barrier->left > room) {
		hazptr_rcu_workers_unlock();
		return false;
	}
	for (worker = hazptr_rcu_workers_first(); worker; worker = hazptr_rcu_workers_next(worker)) {
		struct queue_node *node = (struct queue_node *)&barrier->nodes[i].head;

		barrier->nodes[i++].barrier = barrier;
		node->func = arrive;
		queue_push(&worker->queue, node);
		hazptr_rcu_worker_wake(worker);
	}
	hazptr_rcu_workers_unlock();
	return true;
}

/* Memory is asked for without the lock, for who gives it may have locks of its own. */
static struct barrier *post_to_all(void)
{
	for (;;) {
		const uint32_t room = count_workers_now() + 1;
		struct barrier *barrier = malloc(sizeof(*barrier) + room * sizeof(*barrier->nodes));

		if (barrier && post(barrier, room))
			return barrier;
		free(barrier);
		/* Callbacks may be freeing some. */
		if (!barrier)
			poll(NULL, 0, 10);
	}
}

/* Some worker whose callbacks nobody calls; it is then the caller's to serve. */
static struct call_rcu_data *claim_one(void)
{
	struct call_rcu_data *worker;

	hazptr_rcu_workers_lock();
	worker = hazptr_rcu_workers_first();
	while (worker && !hazptr_rcu_worker_claim(worker))
		worker = hazptr_rcu_workers_next(worker);
	hazptr_rcu_workers_unlock();
	return worker;
}

static bool is_impossible(void)
{
	static int said;
	const char *line;

	if (hazptr_rcu_read_ongoing())
		line = "hazptr: rcu_barrier() in a read-side critical section "
		       "would wait for itself: not waiting\n";
	else if (hazptr_rcu_calling_worker)
		line = "hazptr: rcu_barrier() in a callback would wait for itself: not waiting\n";
	else
		return false;
	if (!__atomic_exchange_n(&said, 1, __ATOMIC_RELAXED))
		hazptr_rcu_complain(line);
	return true;
}

void hazptr_rcu_barrier(void)
{
	const int error = errno;
	struct call_rcu_data *worker;
	struct barrier *barrier;
	uint32_t left;

	if (is_impossible())
		return;
	barrier = post_to_all();
	while ((left = __atomic_load_n(&barrier->left, __ATOMIC_ACQUIRE))) {
		worker = claim_one();
		if (worker)
			hazptr_rcu_worker_serve(worker);
		else
			futex_wait(&barrier->left, left, LOOK_NS);
	}
	free(barrier);
	errno = error;
}

/* --- deferred calls ------------------------------------------------------------------------------ */

struct deferred {
	struct rcu_head head;
	void (*func)(void *p);
	void *p;
};

static void call_deferred(struct rcu_head *head)
{
	struct deferred *deferred = (struct deferred *)head;

	deferred->func(deferred->p);
	free(deferred);
}

void hazptr_rcu_defer_rcu(void (*func)(void *p), void *p)
{
	const int error = errno;
	struct deferred *deferred = malloc(sizeof(*deferred));

	if (deferred) {
		deferred->func = func;
		deferred->p = p;
		hazptr_rcu_call_rcu(&deferred->head, call_deferred);
	} else {
		hazptr_rcu_synchronize_rcu();
		func(p);
	}
	errno = error;
}

int hazptr_rcu_defer_register_thread(void)
{
	return 0;
}

void hazptr_rcu_defer_unregister_thread(void)
{
	hazptr_rcu_barrier();
}

void hazptr_rcu_defer_barrier(void)
{
	hazptr_rcu_barrier();
}

void hazptr_rcu_defer_barrier_thread(void)
{
	hazptr_rcu_barrier();
}
