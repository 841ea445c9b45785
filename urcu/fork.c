// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Around a fork. What this library itself needs happens by itself, by pthread_atfork(3), in the child:
 * locks are new, and a reader goes on reading. That workers rest, so that nothing is lost which one of
 * them was calling, is asked for by the program. Before the fork nothing happens by itself, so that a fork
 * anywhere, also in a signal handler, waits for nobody.
 */
#include "internal.h"

#include "futex.h"

/* One process forks at a time; the same thread may say so twice, for it may use two flavours. */
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
/* How often it has; and whether no child has begun since, which one of _Fork(3) does not by itself. */
static __thread unsigned int depth;
static __thread bool awaits_child;
/* Under the lock. */
static struct urcu_atfork *registered;
static unsigned int registrations;

/* Only the forking thread is here; if it calls callbacks of a worker, it goes on doing so. */
static void begin_in_child(void)
{
	struct call_rcu_data *worker = hazptr_rcu_workers_first();

	lock = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
	hazptr_rcu_workers_lock_anew();
	hazptr_rcu_epoch_after_fork();
	hazptr_rcu_first_request = 0;
	for (; worker; worker = hazptr_rcu_workers_next(worker)) {
		if (worker != hazptr_rcu_calling_worker)
			worker->owner = OWNED_BY_NOBODY;
		worker->request = 0;
		worker->asleep = 0;
		worker->phase = WORKER_RUNS;
	}
	awaits_child = false;
	hazptr_rcu_reader_after_fork();
}

__attribute__((__constructor__)) void hazptr_rcu_watch_forks(void)
{
	pthread_atfork(NULL, NULL, begin_in_child);
}

/*
 * Some worker that still has to come to rest, or NULL. The phase it was in goes to @phase. Behind the
 * request, and both sequentially consistent, as they are the other way round in the worker: it enters a
 * phase, then looks at the request. So either it is seen to run here, or it sees that it is to rest.
 */
static struct call_rcu_data *restless(uint32_t *phase)
{
	struct call_rcu_data *worker = hazptr_rcu_workers_first();

	for (; worker; worker = hazptr_rcu_workers_next(worker)) {
		const uint32_t owner = __atomic_load_n(&worker->owner, __ATOMIC_SEQ_CST);

		*phase = __atomic_load_n(&worker->phase, __ATOMIC_SEQ_CST);
		if (worker != hazptr_rcu_calling_worker &&
		    (owner == OWNED_BY_HELPER || (owner == OWNED_BY_THREAD && *phase == WORKER_RUNS)))
			break;
	}
	return worker;
}

/* Under the lock. */
static void request_of_all(uint32_t set, uint32_t clear)
{
	struct call_rcu_data *worker = hazptr_rcu_workers_first();

	hazptr_rcu_first_request = set;
	for (; worker; worker = hazptr_rcu_workers_next(worker))
		hazptr_rcu_worker_request(worker, set, clear);
}

void hazptr_rcu_call_rcu_before_fork(void)
{
	struct call_rcu_data *worker;
	uint32_t phase;

	pthread_mutex_lock(&lock);
	if (depth++)
		return;
	if (registered)
		registered->before_fork(registered->priv);
	hazptr_rcu_workers_lock();
	request_of_all(WORKER_PAUSE, 0);
	while ((worker = restless(&phase))) {
		/* A callback may need the lock to come to its end. What is freed meanwhile wakes nobody. */
		hazptr_rcu_workers_unlock();
		futex_wait(&worker->phase, phase, 1000000);
		hazptr_rcu_workers_lock();
	}
	awaits_child = true;
	/* It stays locked: what goes from one worker to another is not to be on its way. */
}

void hazptr_rcu_call_rcu_after_fork_parent(void)
{
	if (--depth == 0) {
		awaits_child = false;
		request_of_all(0, WORKER_PAUSE);
		hazptr_rcu_workers_unlock();
		if (registered)
			registered->after_fork_parent(registered->priv);
	}
	pthread_mutex_unlock(&lock);
}

void hazptr_rcu_call_rcu_after_fork_child(void)
{
	struct call_rcu_data *worker;

	if (awaits_child)
		begin_in_child();
	if (--depth)
		return;
	if (registered)
		registered->after_fork_child(registered->priv);
	for (worker = hazptr_rcu_workers_first(); worker; worker = hazptr_rcu_workers_next(worker))
		if (!queue_is_empty(&worker->queue))
			hazptr_rcu_worker_start(worker);
}

void hazptr_rcu_register_rculfhash_atfork(struct urcu_atfork *atfork)
{
	pthread_mutex_lock(&lock);
	if (registrations++ == 0)
		registered = atfork;
	pthread_mutex_unlock(&lock);
}

void hazptr_rcu_unregister_rculfhash_atfork(struct urcu_atfork *atfork)
{
	(void)atfork;
	pthread_mutex_lock(&lock);
	if (registrations && --registrations == 0)
		registered = NULL;
	pthread_mutex_unlock(&lock);
}
