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
	return __atomic_load_n(&workers, __ATOMIC_ACQUIRE);
}

struct call_rcu_data *hazptr_rcu_workers_next(const struct call_rcu_data *worker)
{
	return __atomic_load_n(&worker->next, __ATOMIC_ACQUIRE);
}

static void add(struct call_rcu_data *worker)
{
	worker->next = workers;
	__atomic_store_n(&workers, worker, __ATOMIC_RELEASE);
}

static void take_away(struct call_rcu_data *worker)
{
	struct call_rcu_data **link = &workers;

	while (*link != worker)
		link = &(*link)->next;
	__atomic_store_n(link, worker->next, __ATOMIC_RELEASE);
}

/* --- the thread --------------------------------------------------------------------------------- */

static uint32_t owner(const struct call_rcu_data *worker)
{
	return __atomic_load_n(&worker->owner, __ATOMIC_SEQ_CST);
}

static bool become_owner(struct call_rcu_data *worker, uint32_t who)
{
	uint32_t nobody = OWNED_BY_NOBODY;

	return __atomic_compare_exchange_n(&worker->owner, &nobody, who, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

static void set_owner(struct call_rcu_data *worker, uint32_t who)
{
	__atomic_store_n(&worker->owner, who, __ATOMIC_SEQ_CST);
}

static void call_all(struct call_rcu_data *worker)
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
	/* Sequentially consistent, as is the look at the request behind it: see restless() in fork.c. */
	__atomic_store_n(&worker->phase, phase, __ATOMIC_SEQ_CST);
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

	__atomic_store_n(&worker->thread, pthread_self(), __ATOMIC_RELAXED);
	set_owner(worker, OWNED_BY_THREAD);
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
			call_all(worker);
	}
	/* From here on it may be freed. */
	enter(worker, WORKER_STOPPED);
	return NULL;
}

/* Signals are the program's business, but for faults, which a blocked signal would make fatal. */
static void block_signals(sigset_t *before)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
	sigset_t others;

	sigfillset(&others);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		sigdelset(&others, faults[i]);
	pthread_sigmask(SIG_BLOCK, &others, before);
}

/* The caller is the owner, and then the thread. */
static int launch(struct call_rcu_data *worker)
{
	sigset_t before;
	pthread_t thread;
	int error;

	__atomic_store_n(&worker->phase, WORKER_RUNS, __ATOMIC_RELAXED);
	block_signals(&before);
	error = pthread_create(&thread, NULL, run, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!error)
		__atomic_store_n(&worker->thread, thread, __ATOMIC_RELAXED);
	return error;
}

int hazptr_rcu_worker_start(struct call_rcu_data *worker)
{
	int error;

	if (owner(worker) != OWNED_BY_NOBODY || !become_owner(worker, OWNED_BY_STARTER))
		return 0;
	error = launch(worker);
	if (error)
		set_owner(worker, OWNED_BY_NOBODY);
	return error;
}

bool hazptr_rcu_worker_claim(struct call_rcu_data *worker)
{
	/* While it is to rest, nobody works for it either. */
	return !queue_is_empty(&worker->queue) && !request(worker) &&
	       become_owner(worker, OWNED_BY_STARTER);
}

void hazptr_rcu_worker_serve(struct call_rcu_data *worker)
{
	struct call_rcu_data *own = hazptr_rcu_own_worker;

	if (!launch(worker))
		return;
	set_owner(worker, OWNED_BY_HELPER);
	/* Again, behind that: who asks it to rest looks at the owner behind that. */
	if (!request(worker)) {
		hazptr_rcu_own_worker = worker;
		hazptr_rcu_calling_worker = worker;
		call_all(worker);
		hazptr_rcu_calling_worker = NULL;
		hazptr_rcu_own_worker = own;
	}
	set_owner(worker, OWNED_BY_NOBODY);
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
	error = hazptr_rcu_worker_start(worker);
	if (error) {
		free(worker);
		errno = error;
		return NULL;
	}
	hazptr_rcu_workers_lock();
	hazptr_rcu_worker_request(worker, hazptr_rcu_first_request, 0);
	add(worker);
	hazptr_rcu_workers_unlock();
	return worker;
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
}

/* Whether somebody calls its callbacks, or is about to. */
static bool is_busy(struct call_rcu_data *worker, uint32_t *phase)
{
	const uint32_t now = owner(worker);

	*phase = __atomic_load_n(&worker->phase, __ATOMIC_ACQUIRE);
	return now != OWNED_BY_NOBODY && !(now == OWNED_BY_THREAD && *phase == WORKER_STOPPED);
}

void hazptr_rcu_call_rcu_data_free(struct call_rcu_data *worker)
{
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
	/* A helper wakes nobody, so look again after a while. */
	while (is_busy(worker, &phase)) {
		hazptr_rcu_workers_unlock();
		futex_wait(&worker->phase, phase, POLL_NS);
		hazptr_rcu_workers_lock();
	}
	/* In one piece with leaving the list: a barrier finds what is pending here or there. */
	hand_over(worker);
	take_away(worker);
	hazptr_rcu_workers_unlock();
	free(worker);
	if (queue_is_empty(&hazptr_rcu_default_worker.queue))
		return;
	/* If it cannot be started: see hazptr_rcu_barrier(). */
	hazptr_rcu_worker_start(&hazptr_rcu_default_worker);
	hazptr_rcu_worker_wake(&hazptr_rcu_default_worker);
}

pthread_t hazptr_rcu_get_call_rcu_thread(struct call_rcu_data *worker)
{
	return __atomic_load_n(&worker->thread, __ATOMIC_RELAXED);
}
