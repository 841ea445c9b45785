// SPDX-License-Identifier: MIT OR Apache-2.0
/* Which worker is whose: a thread's own, else that of its CPU, else the default one. */
#define HAZPTR_INLINE
#include "internal.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

/* One for each CPU there may be, made when the first one gets a worker; it stays. */
struct table {
	int count;
	struct call_rcu_data *workers[];
};

static struct table *table;

static struct table *existing_table(void)
{
	return __atomic_load_n(&table, __ATOMIC_ACQUIRE);
}

static struct table *table_to_fill(void)
{
	struct table *mine, *others = existing_table();
	const long count = sysconf(_SC_NPROCESSORS_CONF);

	if (others)
		return others;
	mine = calloc(1, sizeof(*mine) + (size_t)count * sizeof(*mine->workers));
	if (!mine)
		return NULL;
	mine->count = (int)count;
	if (__atomic_compare_exchange_n(&table, &others, mine, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return mine;
	free(mine);
	return others;
}

static int fail(int error)
{
	errno = error;
	return -error;
}

struct call_rcu_data *hazptr_rcu_get_cpu_call_rcu_data(int cpu)
{
	struct table *all = existing_table();

	if (!all || cpu < 0 || cpu >= all->count)
		return NULL;
	return __atomic_load_n(&all->workers[cpu], __ATOMIC_ACQUIRE);
}

int hazptr_rcu_set_cpu_call_rcu_data(int cpu, struct call_rcu_data *worker)
{
	struct table *all = table_to_fill();
	struct call_rcu_data *nobody = NULL;

	if (!all)
		return fail(ENOMEM);
	if (cpu < 0 || cpu >= all->count)
		return fail(EINVAL);
	if (!worker)
		__atomic_store_n(&all->workers[cpu], NULL, __ATOMIC_RELEASE);
	else if (!__atomic_compare_exchange_n(&all->workers[cpu], &nobody, worker, false,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return fail(EEXIST);
	return 0;
}

int hazptr_rcu_create_all_cpu_call_rcu_data(unsigned long flags)
{
	struct table *all = table_to_fill();

	if (!all)
		return fail(ENOMEM);
	for (int cpu = 0; cpu < all->count; cpu++) {
		struct call_rcu_data *worker;

		if (hazptr_rcu_get_cpu_call_rcu_data(cpu))
			continue;
		worker = hazptr_rcu_create_call_rcu_data(flags, cpu);
		if (!worker)
			return fail(errno);
		/* Somebody else's will do. */
		if (hazptr_rcu_set_cpu_call_rcu_data(cpu, worker))
			hazptr_rcu_call_rcu_data_free(worker);
	}
	return 0;
}

void hazptr_rcu_free_all_cpu_call_rcu_data(void)
{
	struct table *all = existing_table();
	struct call_rcu_data **taken;

	if (!all)
		return;
	taken = calloc((size_t)all->count, sizeof(*taken));
	for (int cpu = 0; cpu < all->count; cpu++) {
		struct call_rcu_data *worker =
			__atomic_exchange_n(&all->workers[cpu], NULL, __ATOMIC_ACQ_REL);

		if (taken) {
			taken[cpu] = worker;
		} else if (worker) { /* Without memory one after the other. */
			hazptr_rcu_synchronize_rcu();
			hazptr_rcu_call_rcu_data_free(worker);
		}
	}
	if (!taken)
		return;
	hazptr_rcu_synchronize_rcu();
	for (int cpu = 0; cpu < all->count; cpu++)
		hazptr_rcu_call_rcu_data_free(taken[cpu]);
	free(taken);
}

struct call_rcu_data *hazptr_rcu_get_thread_call_rcu_data(void)
{
	return hazptr_rcu_own_worker;
}

void hazptr_rcu_set_thread_call_rcu_data(struct call_rcu_data *worker)
{
	hazptr_rcu_own_worker = worker;
}

struct call_rcu_data *hazptr_rcu_get_default_call_rcu_data(void)
{
	hazptr_rcu_worker_start(&hazptr_rcu_default_worker);
	return &hazptr_rcu_default_worker;
}

static struct call_rcu_data *nearest(void)
{
	struct call_rcu_data *worker = hazptr_rcu_own_worker;

	if (!worker && existing_table())
		worker = hazptr_rcu_get_cpu_call_rcu_data(sched_getcpu());
	return worker ? worker : &hazptr_rcu_default_worker;
}

struct call_rcu_data *hazptr_rcu_get_call_rcu_data(void)
{
	struct call_rcu_data *worker = nearest();

	hazptr_rcu_worker_start(worker);
	return worker;
}

static void enqueue(struct call_rcu_data *worker, struct rcu_head *head,
		    void (*func)(struct rcu_head *head))
{
	struct queue_node *node = (struct queue_node *)head;

	node->func = func;
	queue_push(&worker->queue, node);
	/* If that fails, it is tried again next time, and by hazptr_rcu_barrier(). */
	hazptr_rcu_worker_start(worker);
	if (!worker->polls)
		hazptr_rcu_worker_wake(worker);
}

void hazptr_rcu_call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	const int error = errno;

	/* So that the worker of a CPU is not freed in the meantime. */
	hazptr_rcu_read_lock();
	enqueue(nearest(), head, func);
	hazptr_rcu_read_unlock();
	errno = error;
}
