/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * libhazptr-urcu: the interface of userspace RCU on hazard pointers. From the reader to the callback:
 *
 *   reader.c   a thread's state: what protects the epoch, and how deep it is
 *   epoch.c    the epoch, and waiting for those who protect the one before
 *   queue.h    callbacks on their way to a worker
 *   worker.c   a worker's thread, from its queue by way of the epoch to the callbacks; its start and end
 *   assign.c   which worker is whose; enqueueing
 *   complete.c waiting for all workers; deferred calls
 *   fork.c     how workers rest while the process forks, and what is left in the child
 *   flavor.c   all of it as a structure of functions, for liburcu-cds
 *
 * liburcu.c, a library of its own, gives them the names that unchanged programs ask for.
 *
 * Locks, in their order; none is held while a callback runs:
 *   forks      from before a fork to after it. Held while workers come to rest
 *   workers    the list of workers, and starting their threads. Short; held over the fork itself
 *   epochs     one waiter at a time. Held while readers are waited for
 * so no reader takes `forks` or `epochs`.
 */
#ifndef HAZPTR_URCU_INTERNAL_H
#define HAZPTR_URCU_INTERNAL_H

#include <errno.h>
#include <stdbool.h>

#include <hazptr/urcu.h>

#include "queue.h"

#define HIDDEN __attribute__((__visibility__("hidden")))

/* What somebody wants of a worker. */
#define WORKER_PAUSE 1u
#define WORKER_STOP 2u

enum worker_phase { WORKER_RUNS, WORKER_PAUSED, WORKER_STOPPED };

struct call_rcu_data {
	struct queue queue;
	/* 1 from before the worker's last look at its queue until somebody wakes it; a futex. */
	uint32_t asleep;
	/* Changed under `workers`; a futex while the worker is paused. */
	uint32_t request;
	/* enum worker_phase, changed by the worker; a futex. */
	uint32_t phase;
	/* Whether there is a thread, in this process. Changed under `workers`. */
	bool started;
	bool polls;
	int cpu;
	pthread_t thread;
	struct call_rcu_data *next;
};

/* reader.c */
HIDDEN void hazptr_rcu_reader_after_fork(void);

/* epoch.c */
HIDDEN void hazptr_rcu_epoch_after_fork(void);

/* worker.c */
HIDDEN extern struct call_rcu_data hazptr_rcu_default_worker;
/* The calling thread's, if it has one; and the one whose thread it is, if it is one. */
HIDDEN extern __thread struct call_rcu_data *hazptr_rcu_own_worker;
HIDDEN extern __thread struct call_rcu_data *hazptr_rcu_calling_worker;
HIDDEN void hazptr_rcu_workers_lock(void);
HIDDEN void hazptr_rcu_workers_unlock(void);
HIDDEN void hazptr_rcu_workers_lock_anew(void);
HIDDEN struct call_rcu_data *hazptr_rcu_workers_first(void);
HIDDEN int hazptr_rcu_worker_start(struct call_rcu_data *worker);
HIDDEN bool hazptr_rcu_worker_is_started(const struct call_rcu_data *worker);
HIDDEN void hazptr_rcu_worker_wake(struct call_rcu_data *worker);
HIDDEN void hazptr_rcu_worker_request(struct call_rcu_data *worker, uint32_t set, uint32_t clear);
HIDDEN void hazptr_rcu_worker_drain(struct call_rcu_data *worker);
/* What new workers begin with: WORKER_PAUSE while the process forks. */
HIDDEN extern uint32_t hazptr_rcu_first_request;

/* fork.c: a constructor. */
HIDDEN void hazptr_rcu_watch_forks(void);

/* assign.c: enqueue with one worker, whatever the caller's is. */
HIDDEN void hazptr_rcu_enqueue(struct call_rcu_data *worker, struct rcu_head *head,
			       void (*func)(struct rcu_head *head));

/* complete.c: one line on standard error. errno is preserved. */
HIDDEN void hazptr_rcu_complain(const char *line);

#endif /* HAZPTR_URCU_INTERNAL_H */
