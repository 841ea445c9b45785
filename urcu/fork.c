// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Around a fork. What this library itself needs happens by itself, by pthread_atfork(3): the list of
 * workers is whole, locks are new in the child, and a reader goes on reading. That workers rest, so that
 * nothing is lost which one of them was calling, is asked for by the program.
 */
#include "internal.h"

#include <unistd.h>

#include "futex.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* The process whose threads are meant. */
static pid_t owner;
/* Under the lock. */
static struct urcu_atfork *registered;
static unsigned int registrations;

/* Only the forking thread is here; if that is a worker, it goes on being one. */
static void begin_in_child(void)
{
	struct call_rcu_data *worker;

	if (owner == getpid())
		return;
	owner = getpid();
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	hazptr_rcu_workers_lock_anew();
	hazptr_rcu_epoch_after_fork();
	hazptr_rcu_first_request = 0;
	for (worker = hazptr_rcu_workers_first(); worker; worker = worker->next) {
		worker->started = worker == hazptr_rcu_calling_worker;
		worker->request = 0;
		worker->asleep = 0;
		worker->phase = WORKER_RUNS;
	}
	hazptr_rcu_reader_after_fork();
}

__attribute__((__constructor__)) void hazptr_rcu_watch_forks(void)
{
	owner = getpid();
	pthread_atfork(hazptr_rcu_workers_lock, hazptr_rcu_workers_unlock, begin_in_child);
}

/* Some worker that still has to come to rest, or NULL. The phase it was in goes to @phase. */
static struct call_rcu_data *restless(uint32_t *phase)
{
	struct call_rcu_data *worker;

	hazptr_rcu_workers_lock();
	for (worker = hazptr_rcu_workers_first(); worker; worker = worker->next) {
		*phase = __atomic_load_n(&worker->phase, __ATOMIC_ACQUIRE);
		if (worker->started && *phase == WORKER_RUNS && worker != hazptr_rcu_calling_worker)
			break;
	}
	hazptr_rcu_workers_unlock();
	return worker;
}

static void request_of_all(uint32_t set, uint32_t clear)
{
	struct call_rcu_data *worker;

	hazptr_rcu_workers_lock();
	hazptr_rcu_first_request = set;
	for (worker = hazptr_rcu_workers_first(); worker; worker = worker->next)
		hazptr_rcu_worker_request(worker, set, clear);
	hazptr_rcu_workers_unlock();
}

void hazptr_rcu_call_rcu_before_fork(void)
{
	struct call_rcu_data *worker;
	uint32_t phase;

	pthread_mutex_lock(&lock);
	if (registered)
		registered->before_fork(registered->priv);
	request_of_all(WORKER_PAUSE, 0);
	/* One that is freed meanwhile wakes nobody: so look again after a while. */
	while ((worker = restless(&phase)))
		futex_wait(&worker->phase, phase, 1000000);
}

void hazptr_rcu_call_rcu_after_fork_parent(void)
{
	request_of_all(0, WORKER_PAUSE);
	if (registered)
		registered->after_fork_parent(registered->priv);
	pthread_mutex_unlock(&lock);
}

void hazptr_rcu_call_rcu_after_fork_child(void)
{
	struct call_rcu_data *worker;

	/* If there was none of pthread_atfork(3)'s: _Fork(3), clone(2). */
	begin_in_child();
	if (registered)
		registered->after_fork_child(registered->priv);
	hazptr_rcu_workers_lock();
	for (worker = hazptr_rcu_workers_first(); worker; worker = worker->next)
		if (!queue_is_empty(&worker->queue))
			hazptr_rcu_worker_start(worker);
	hazptr_rcu_workers_unlock();
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
