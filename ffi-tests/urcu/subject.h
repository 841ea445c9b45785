/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What is tortured: the calls of the RCU library under test, each of which a control replaces by
 * something that does not do. A run with a control must end in FAILURE: if it does not, the
 * torture sees nothing.
 */
#ifndef SUBJECT_H
#define SUBJECT_H

#include "stress.h"

#include <urcu.h>

/* --broken: in the order of broken_names. */
enum { SOUND, BROKEN_NOWAIT, BROKEN_EARLY, BROKEN_NOLOCK, BROKEN_BARRIER };
static const char *const broken_names[] = {"nothing", "nowait", "early", "nolock", "barrier", NULL};

/* --workers, --update. */
enum { WORKERS_DEFAULT, WORKERS_PERCPU, WORKERS_THREAD, WORKERS_RT };
static const char *const workers_names[] = {"default", "percpu", "thread", "rt", NULL};
enum { UPDATE_BOTH, UPDATE_SYNC, UPDATE_CALL };
static const char *const update_names[] = {"both", "sync", "call", NULL};

static struct {
    long duration, readers, updaters, nested, signal_us, births, broken, workers, churn_ms, update;
    long join_workers, fork, fork_handlers, fork_quiet, progress, patience, seed;
    bool no_register;
} options = {
    .duration = 10,
    .readers = 3,
    .updaters = 2,
    .nested = 4,
    .signal_us = 100,
    .births = 1,
    .churn_ms = 200,
    .join_workers = 1,
    .fork_handlers = 1,
    .patience = 60,
};

static const struct stress_option option_table[] = {
    {"duration", &options.duration, 1, 1000000, NULL, "seconds"},
    {"readers", &options.readers, 1, 1000, NULL, "threads that read all the time"},
    {"updaters", &options.updaters, 1, 64, NULL, "threads that replace, each its own pointer"},
    {"nested", &options.nested, 1, 100, NULL, "read-side sections in each other, at most"},
    {"update", &options.update, 0, 0, update_names, "synchronize_rcu(), call_rcu(), or at random"},
    {"workers", &options.workers, 0, 0, workers_names,
     "call_rcu() threads: the default one, one for each CPU, one for each updater, that with "
     "URCU_CALL_RCU_RT"},
    {"churn-ms", &options.churn_ms, 0, 1000000, NULL,
     "workers other than the default one are replaced so often; 0: not before the end"},
    {"join-workers", &options.join_workers, 0, 1, NULL,
     "join the threads of freed workers: needed where call_rcu_data_free() does not (0.13), wrong "
     "where it does"},
    {"signal-us", &options.signal_us, 0, 1000000, NULL,
     "time between signals whose handlers read; 0: none"},
    {"births", &options.births, 0, 1, NULL, "readers that live for a few rounds only"},
    {"fork", &options.fork, 0, 1000, NULL, "children a second, at most; 0: none"},
    {"fork-handlers", &options.fork_handlers, 0, 1, NULL,
     "call_rcu_before_fork() and so on; without them the child only reads and synchronizes"},
    {"fork-quiet", &options.fork_quiet, 0, 1, NULL,
     "halt and unregister all other threads for each fork: liburcu needs that, as its children "
     "would wait for readers that they do not have"},
    {"broken", &options.broken, 0, 0, broken_names, "control that must end in FAILURE"},
    {"progress", &options.progress, 0, 1000000, NULL, "tell of it every so many seconds; 0: never"},
    {"patience", &options.patience, 1, 1000000, NULL,
     "it is a FAILURE if no grace period ends in so many seconds"},
    {"seed", &options.seed, 0, INT32_MAX, NULL, "of the random numbers; 0: another each time"},
};

/* --- readers --------------------------------------------------------------------------------- */

static inline void subject_lock(void)
{
    if (options.broken != BROKEN_NOLOCK)
        rcu_read_lock();
}

static inline void subject_unlock(void)
{
    if (options.broken != BROKEN_NOLOCK)
        rcu_read_unlock();
}

/* The control must be seen by what goes wrong, not by this. */
static inline void subject_check_ongoing(bool expected)
{
    if (options.broken != BROKEN_NOLOCK && (rcu_read_ongoing() != 0) != expected)
        fail("rcu_read_ongoing() does not say what is (expected, -)", expected, 0);
}

static inline void subject_register(void)
{
    if (!options.no_register)
        rcu_register_thread();
}

static inline void subject_unregister(void)
{
    if (!options.no_register)
        rcu_unregister_thread();
}

/* --- updaters -------------------------------------------------------------------------------- */

/* Of all callbacks, those enqueued again by themselves included. */
static atomic_ulong nr_enqueued, nr_called;

static inline void subject_synchronize(void)
{
    if (options.broken != BROKEN_NOWAIT)
        synchronize_rcu();
}

/* Each callback begins with subject_called(). */
static inline void subject_call(struct rcu_head *head, void (*function)(struct rcu_head *))
{
    if (options.broken == BROKEN_EARLY)
        function(head);
    else
        call_rcu(head, function);
    /* Only now: whoever reads the number knows of so many that a barrier has to wait for. */
    atomic_fetch_add(&nr_enqueued, 1);
}

static inline void subject_called(void)
{
    atomic_fetch_add(&nr_called, 1);
}

static inline void subject_barrier(void)
{
    if (options.broken != BROKEN_BARRIER)
        rcu_barrier();
}

/* --- call_rcu() threads ---------------------------------------------------------------------- */

static inline void worker_join(pthread_t thread)
{
    if (options.join_workers)
        MUST(pthread_join(thread, NULL));
}

static inline struct call_rcu_data *worker_create(unsigned long flags, int cpu)
{
    struct call_rcu_data *worker = create_call_rcu_data(flags, cpu);

    if (!worker) {
        fprintf(stderr, "create_call_rcu_data: no worker\n");
        _exit(2);
    }
    return worker;
}

/* Nobody enqueues there any more. What was enqueued is called all the same. */
static inline void worker_free(struct call_rcu_data *worker)
{
    /* The id is gone with the worker. */
    const pthread_t thread = get_call_rcu_thread(worker);

    call_rcu_data_free(worker);
    worker_join(thread);
}

/* The caller's own, in place of what it had; none with @want false. */
static inline void worker_of_thread(bool want, struct random *random)
{
    const bool rt = options.workers == WORKERS_RT;
    struct call_rcu_data *old = get_thread_call_rcu_data(), *own = NULL;

    if (want)
        own = worker_create(rt ? URCU_CALL_RCU_RT : 0, rt ? cpus_any(random) : -1);
    set_thread_call_rcu_data(own);
    if (get_thread_call_rcu_data() != own || (own && get_call_rcu_data() != own))
        fail("the thread's worker is another than the one set (-, -)", 0, 0);
    if (old)
        worker_free(old);
}

static inline void workers_of_cpus_create(void)
{
    if (create_all_cpu_call_rcu_data(0)) {
        perror("create_all_cpu_call_rcu_data");
        _exit(2);
    }
}

/* The caller is registered. */
static inline void workers_of_cpus_free(void)
{
    const long cpus = sysconf(_SC_NPROCESSORS_CONF);
    pthread_t *threads = allocate((size_t)cpus, sizeof(*threads));
    struct call_rcu_data *worker;
    long cpu, count = 0;

    for (cpu = 0; cpu < cpus; cpu++) {
        rcu_read_lock();
        worker = get_cpu_call_rcu_data((int)cpu);
        if (worker)
            threads[count++] = get_call_rcu_thread(worker);
        rcu_read_unlock();
    }
    free_all_cpu_call_rcu_data();
    while (count > 0)
        worker_join(threads[--count]);
    free(threads);
}

/* The caller is registered, and the only one that changes the CPUs' workers. */
static inline void worker_of_cpu_replace(int cpu)
{
    struct call_rcu_data *old, *own;

    rcu_read_lock();
    old = get_cpu_call_rcu_data(cpu);
    rcu_read_unlock();
    if (set_cpu_call_rcu_data(cpu, NULL))
        fail("set_cpu_call_rcu_data() to none (CPU, error)", (unsigned long)cpu,
             (unsigned long)errno);
    own = worker_create(0, cpu);
    if (set_cpu_call_rcu_data(cpu, own))
        fail("set_cpu_call_rcu_data() to another (CPU, error)", (unsigned long)cpu,
             (unsigned long)errno);
    /* Whoever found the old one may be about to enqueue there. */
    synchronize_rcu();
    if (old)
        worker_free(old);
}

#endif /* SUBJECT_H */
