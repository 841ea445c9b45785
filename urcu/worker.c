// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Workers. A worker takes all that is in its queue, waits for readers, and calls it; between two such
 * batches it looks what is wanted of it. If there is nothing to do it sleeps, at once: callbacks are called
 * as soon as readers allow.
 *
 * Who enqueues pushes, then looks whether the worker is asleep; a worker says that it is asleep, then looks
 * at its queue. Both are sequentially consistent, so one of them sees the other.
 */
#include "internal.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "futex.h"

/* How often a worker looks whom nobody wakes. */
#define POLL_NS 1000000

struct call_rcu_data hazptr_rcu_default_worker = {.cpu = -1};
__thread struct call_rcu_data *hazptr_rcu_own_worker;
__thread struct call_rcu_data *hazptr_rcu_calling_worker;
uint32_t hazptr_rcu_first_request;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct call_rcu_data *workers = &hazptr_rcu_default_worker;

void hazptr_rcu_workers_lock(void)
{
	pthread_mutex_lock(&lock);
}

void hazptr_rcu_workers_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

void hazptr_rcu_workers_lock_anew(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

struct call_rcu_data *hazptr_rcu_workers_first(void)
{
	return workers;
}

/* --- the thread --------------------------------------------------------------------------------- */

void hazptr_rcu_worker_drain(struct call_rcu_data *worker)
{
	struct queue_node *node = queue_take_all(&worker->queue);

	if (!node)
		return;
	hazptr_rcu_synchronize_rcu();
	while (node) {
		struct queue_node *next = node->next;

		node->func((struct rcu_head *)node);
		node = next;
	}
}

static uint32_t request(const struct call_rcu_data *worker)
{
	return __atomic_load_n(&worker->request, __ATOMIC_SEQ_CST);
}

static void enter(struct call_rcu_data *worker, enum worker_phase phase)
{
	__atomic_store_n(&worker->phase, phase, __ATOMIC_RELEASE);
	futex_wake(&worker->phase);
}

static void rest(struct call_rcu_data *worker)
{
	uint32_t now;

	enter(worker, WORKER_PAUSED);
	while ((now = request(worker)) & WORKER_PAUSE)
		futex_wait(&worker->request, now, 0);
	enter(worker, WORKER_RUNS);
}

static void sleep_if_idle(struct call_rcu_data *worker)
{
	__atomic_store_n(&worker->asleep, 1, __ATOMIC_SEQ_CST);
	if (queue_is_empty(&worker->queue) && !request(worker))
		futex_wait(&worker->asleep, 1, worker->polls ? POLL_NS : 0);
	__atomic_store_n(&worker->asleep, 0, __ATOMIC_RELAXED);
}

static void go_to_cpu(int cpu)
{
	cpu_set_t set;

	/* If it is offline, or not to be had, anywhere is better than nowhere. */
	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *run(void *argument)
{
	struct call_rcu_data *worker = argument;

	prctl(PR_SET_NAME, "hazptr-rcu");
	go_to_cpu(worker->cpu);
	/* What callbacks enqueue is called by the same worker. */
	hazptr_rcu_own_worker = worker;
	hazptr_rcu_calling_worker = worker;
	for (;;) {
		const uint32_t wanted = request(worker);

		if (wanted & WORKER_PAUSE)
			rest(worker);
		else if (wanted & WORKER_STOP)
			break;
		else if (queue_is_empty(&worker->queue))
			sleep_if_idle(worker);
		else
			hazptr_rcu_worker_drain(worker);
	}
	/* From here on it may be freed. */
	enter(worker, WORKER_STOPPED);
	return NULL;
}

/* Signals are the program's business, but for faults, which a blocked signal would make fatal. */
static void block_signals(sigset_t *before)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};
	sigset_t blocked;

	sigfillset(&blocked);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		sigdelset(&blocked, faults[i]);
	pthread_sigmask(SIG_SETMASK, &blocked, before);
}

bool hazptr_rcu_worker_is_started(const struct call_rcu_data *worker)
{
	return __atomic_load_n(&worker->started, __ATOMIC_ACQUIRE);
}

/* Returns 0, also if it runs already; or the error of pthread_create(3). Under the lock. */
int hazptr_rcu_worker_start(struct call_rcu_data *worker)
{
	sigset_t before;
	int error;

	if (worker->started)
		return 0;
	worker->request = hazptr_rcu_first_request;
	worker->phase = WORKER_RUNS;
	block_signals(&before);
	error = pthread_create(&worker->thread, NULL, run, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!error)
		__atomic_store_n(&worker->started, true, __ATOMIC_RELEASE);
	return error;
}

/* --- what others want of it ---------------------------------------------------------------------- */

void hazptr_rcu_worker_wake(struct call_rcu_data *worker)
{
	if (__atomic_load_n(&worker->asleep, __ATOMIC_SEQ_CST) &&
	    __atomic_exchange_n(&worker->asleep, 0, __ATOMIC_SEQ_CST))
		futex_wake(&worker->asleep);
}

/* Under the lock. */
void hazptr_rcu_worker_request(struct call_rcu_data *worker, uint32_t set, uint32_t clear)
{
	__atomic_store_n(&worker->request, (worker->request & ~clear) | set, __ATOMIC_SEQ_CST);
	futex_wake(&worker->request);
	hazptr_rcu_worker_wake(worker);
}

struct call_rcu_data *hazptr_rcu_create_call_rcu_data(unsigned long flags, int cpu)
{
	struct call_rcu_data *worker;
	int error;

	if (flags & ~(unsigned long)URCU_CALL_RCU_RT) {
		errno = EINVAL;
		return NULL;
	}
	worker = calloc(1, sizeof(*worker));
	if (!worker)
		return NULL;
	worker->cpu = cpu;
	worker->polls = flags & URCU_CALL_RCU_RT;
	hazptr_rcu_workers_lock();
	error = hazptr_rcu_worker_start(worker);
	if (!error) {
		worker->next = workers;
		workers = worker;
	}
	hazptr_rcu_workers_unlock();
	if (!error)
		return worker;
	free(worker);
	errno = error;
	return NULL;
}

/* A whole queue, in its order, behind what the default worker has. */
static void hand_over(struct call_rcu_data *worker)
{
	struct queue_node *node = queue_take_all(&worker->queue);

	while (node) {
		struct queue_node *next = node->next;

		queue_push(&hazptr_rcu_default_worker.queue, node);
		node = next;
	}
	if (queue_is_empty(&hazptr_rcu_default_worker.queue))
		return;
	hazptr_rcu_worker_start(&hazptr_rcu_default_worker);
	hazptr_rcu_worker_wake(&hazptr_rcu_default_worker);
}

void hazptr_rcu_call_rcu_data_free(struct call_rcu_data *worker)
{
	struct call_rcu_data **link = &workers;
	uint32_t phase;

	if (!worker || worker == &hazptr_rcu_default_worker)
		return;
	if (worker == hazptr_rcu_calling_worker) {
		hazptr_rcu_complain("hazptr: call_rcu_data_free() in a callback of that worker "
				    "would wait for itself: not freed\n");
		return;
	}
	hazptr_rcu_workers_lock();
	hazptr_rcu_worker_request(worker, WORKER_STOP, 0);
	hazptr_rcu_workers_unlock();
	while (hazptr_rcu_worker_is_started(worker) &&
	       (phase = __atomic_load_n(&worker->phase, __ATOMIC_ACQUIRE)) != WORKER_STOPPED)
		futex_wait(&worker->phase, phase, 0);

	hazptr_rcu_workers_lock();
	/* In one piece with leaving the list: a barrier finds what is pending here or there. */
	hand_over(worker);
	while (*link != worker)
		link = &(*link)->next;
	*link = worker->next;
	hazptr_rcu_workers_unlock();
	free(worker);
}

pthread_t hazptr_rcu_get_call_rcu_thread(struct call_rcu_data *worker)
{
	return worker->thread;
}
