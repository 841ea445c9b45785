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
 *   forks      from before a fork to after it, if the program says so; while workers come to rest
 *   workers    changes of the list of workers. Short, but held over such a fork
 *   epochs     one waiter at a time; while readers are waited for
 * No reader takes the first two: call_rcu starts threads without them. Nor does a fork by itself, for then
 * the forking thread may hold anything: the list is whole at any instant, as its changes are one store each.
 */
#ifndef HAZPTR_URCU_INTERNAL_H
#define HAZPTR_URCU_INTERNAL_H

#include <errno.h>
#include <stdbool.h>

/* What is exported does not depend on which liburcu is installed where this is built. */
#define HAZPTR_RCU_OWN_TYPES
#include <hazptr/urcu.h>

#include "queue.h"

#define HIDDEN __attribute__((__visibility__("hidden")))

/* What somebody wants of a worker. */
#define WORKER_PAUSE 1u
#define WORKER_STOP 2u

/* What a worker is at, as long as it has a thread. */
enum worker_phase { WORKER_RUNS, WORKER_PAUSED, WORKER_STOPPED };

/*
 * Who calls its callbacks: nobody; a thread that is on its way; its thread; a thread that waits for them, as
 * there is none to be had.
 */
enum worker_owner { OWNED_BY_NOBODY, OWNED_BY_STARTER, OWNED_BY_THREAD, OWNED_BY_HELPER };

struct call_rcu_data {
	struct queue queue;
	/* 1 from before the worker's last look at its queue until somebody wakes it; a futex. */
	uint32_t asleep;
	/* Changed under `workers`; a futex while the worker is paused. */
	uint32_t request;
	/* enum worker_phase, changed by the worker; a futex. */
	uint32_t phase;
	/* enum worker_owner, by compare-and-swap from nobody; back by who it was. */
	uint32_t owner;
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
/* The calling thread's, if it has one; and the one whose callbacks it calls, if it does. */
HIDDEN extern __thread struct call_rcu_data *hazptr_rcu_own_worker;
HIDDEN extern __thread struct call_rcu_data *hazptr_rcu_calling_worker;
HIDDEN void hazptr_rcu_workers_lock(void);
HIDDEN void hazptr_rcu_workers_unlock(void);
HIDDEN void hazptr_rcu_workers_lock_anew(void);
/* Under the lock, or in a child that has one thread. */
HIDDEN struct call_rcu_data *hazptr_rcu_workers_first(void);
HIDDEN struct call_rcu_data *hazptr_rcu_workers_next(const struct call_rcu_data *worker);
HIDDEN void hazptr_rcu_worker_request(struct call_rcu_data *worker, uint32_t set, uint32_t clear);
/* What new workers begin with: WORKER_PAUSE while the process forks. Under the lock. */
HIDDEN extern uint32_t hazptr_rcu_first_request;
/* See that there is somebody who calls its callbacks. Returns 0, or the error of pthread_create(3). */
HIDDEN int hazptr_rcu_worker_start(struct call_rcu_data *worker);
HIDDEN void hazptr_rcu_worker_wake(struct call_rcu_data *worker);
/* Whether it has callbacks and nobody to call them; then it is the caller's to serve. Under the lock, */
HIDDEN bool hazptr_rcu_worker_claim(struct call_rcu_data *worker);
/* and then without: start its thread, or where none is to be had, do once what that would. */
HIDDEN void hazptr_rcu_worker_serve(struct call_rcu_data *worker);

/* fork.c: a constructor. */
HIDDEN void hazptr_rcu_watch_forks(void);

/* complete.c: one line on standard error. errno is preserved. */
HIDDEN void hazptr_rcu_complain(const char *line);

#endif /* HAZPTR_URCU_INTERNAL_H */
