/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Read-copy update on hazard pointers: the interface of userspace RCU (liburcu 0.13, its "memb"
 * flavour), in libhazptr-urcu. Each function is named after the one of liburcu that it stands for:
 * urcu_memb_NAME() is hazptr_rcu_NAME(). Programs that say rcu_read_lock() compile unchanged with the
 * headers of the directory hazptr-urcu before all others: docs/urcu.md.
 *
 * All readers protect one object, the current epoch; who waits puts another in its place and waits until
 * nobody protects the one before. So a waiter waits for all readers, and what is not freed yet has no
 * bound while one sleeps, as with RCU everywhere. hazptr_retire() has a bound.
 *
 * With HAZPTR_INLINE defined before, read sides are inlined, as in <hazptr.h>; then link with both libraries.
 */
#ifndef HAZPTR_URCU_H
#define HAZPTR_URCU_H

#include <hazptr.h>
#include <pthread.h>

/*
 * The types are those of liburcu's own headers where they are installed, so that a program can use its
 * lists and hash tables besides. Otherwise these, which are the same to a linker.
 */
#if defined(__has_include) && !defined(HAZPTR_RCU_OWN_TYPES)
#if __has_include(<urcu/call-rcu.h>) && __has_include(<urcu/flavor.h>)
#include <urcu/call-rcu.h>
#include <urcu/flavor.h>
#endif
#endif

#ifndef _URCU_CALL_RCU_H
/** A place in the queue of hazptr_rcu_call_rcu(), usually a member of what is to be freed. */
struct rcu_head {
    /** The queue's. */
    struct rcu_head *next;
    /** The callback. */
    void (*func)(struct rcu_head *head);
};

/** Of hazptr_rcu_create_call_rcu_data(): whoever enqueues makes no system call; the worker polls. */
#define URCU_CALL_RCU_RT (1U << 0)
#endif

#ifndef _URCU_FLAVOR_H
/** What a library that has threads of its own, as that of hash tables, wants called around a fork. */
struct urcu_atfork {
    /** In hazptr_rcu_call_rcu_before_fork(), before the workers are stopped. */
    void (*before_fork)(void *priv);
    /** In the parent, after they run again. */
    void (*after_fork_parent)(void *priv);
    /** In the child, likewise. */
    void (*after_fork_child)(void *priv);
    /** Given to each. */
    void *priv;
};

/** The functions of a flavour, for libraries that take any. */
struct rcu_flavor_struct {
    /** hazptr_rcu_read_lock() */
    void (*read_lock)(void);
    /** hazptr_rcu_read_unlock() */
    void (*read_unlock)(void);
    /** hazptr_rcu_read_ongoing() */
    int (*read_ongoing)(void);
    /** Nothing, in this flavour. */
    void (*read_quiescent_state)(void);
    /** hazptr_rcu_call_rcu() */
    void (*update_call_rcu)(struct rcu_head *head, void (*func)(struct rcu_head *head));
    /** hazptr_rcu_synchronize_rcu() */
    void (*update_synchronize_rcu)(void);
    /** hazptr_rcu_defer_rcu() */
    void (*update_defer_rcu)(void (*func)(void *p), void *p);
    /** Nothing. */
    void (*thread_offline)(void);
    /** Nothing. */
    void (*thread_online)(void);
    /** hazptr_rcu_register_thread() */
    void (*register_thread)(void);
    /** hazptr_rcu_unregister_thread() */
    void (*unregister_thread)(void);
    /** hazptr_rcu_barrier() */
    void (*barrier)(void);
    /** hazptr_rcu_register_rculfhash_atfork() */
    void (*register_rculfhash_atfork)(struct urcu_atfork *atfork);
    /** hazptr_rcu_unregister_rculfhash_atfork() */
    void (*unregister_rculfhash_atfork)(struct urcu_atfork *atfork);
};
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** A worker: a queue of callbacks, and a thread that calls them. */
struct call_rcu_data;

/** This flavour, for liburcu-cds: cds_lfht_new_flavor(..., &hazptr_rcu_flavor, ...). */
extern const struct rcu_flavor_struct hazptr_rcu_flavor;

/**
 * Optional, as hazptr_init().
 */
HAZPTR_API void hazptr_rcu_init(void);

/**
 * Begin a read-side critical section: what is reachable from now on stays until the section's end, if it is
 * freed only after hazptr_rcu_synchronize_rcu() or in a callback of hazptr_rcu_call_rcu(). Sections nest,
 * up to 524,287 deep.
 *
 * Threads: any, without registration; it ends in the thread in which it began. Signal handlers: safe, at
 * any instruction of what they interrupt, if they end what they begin. One that leaves by longjmp(3) may
 * leak what it has interrupted here: then who waits for readers waits for ever.
 * Fork: a section goes on in a child of fork(3) of the thread that is in it. After _Fork(3), clone(2), or a
 * fork by a handler that interrupts this very call, it protects nothing there; and if a handler's fork
 * interrupts the unlock that ends it, who waits for readers in the child may wait for ever.
 * Cost: about a nanosecond inlined, two by call; some in other modes than rseq (hazptr_mode()). Never
 * waits, except as hazptr_acquire(). errno is preserved. Since 0.1.
 */
HAZPTR_API void hazptr_rcu_read_lock(void);

/**
 * End a read-side critical section. One that was not begun is reported on standard error.
 *
 * Threads, signal handlers, fork, cost: as hazptr_rcu_read_lock(); a system call if this wakes somebody
 * who waits. errno is preserved. Since 0.1.
 */
HAZPTR_API void hazptr_rcu_read_unlock(void);

/**
 * How deep the calling thread is in read-side critical sections: 0 outside.
 *
 * Threads, signal handlers, fork: safe. Since 0.1.
 */
HAZPTR_API int hazptr_rcu_read_ongoing(void);

/**
 * Nothing: threads need no registration. So do all of this kind.
 */
HAZPTR_API void hazptr_rcu_register_thread(void);
HAZPTR_API void hazptr_rcu_unregister_thread(void);

/**
 * Wait until every read-side critical section that had begun before is over. Waiters share: of those
 * that call while another waits, one waits for all.
 *
 * Threads: any; in a read-side critical section it waits for itself, for ever (HAZPTR_DEBUG and, after
 * HAZPTR_STALL_MS, a report say so). No cancellation point. Signal handlers: not safe. Fork: safe.
 * Cost: a membarrier system call, and the longest of those sections. errno is preserved. Since 0.1.
 */
HAZPTR_API void hazptr_rcu_synchronize_rcu(void);

/**
 * Have @func(@head) called, in a worker's thread, when every read-side critical section that has begun by
 * now is over: within a millisecond of that, if a CPU is free. The callbacks that one thread enqueues with
 * one worker come in their order. The worker is the calling thread's own, else that of its CPU, else the
 * default one, which is started by the first call.
 *
 * Callbacks may enqueue, read and wait for readers, but not call hazptr_rcu_barrier().
 *
 * Threads: any. Signal handlers: not safe. Fork: see hazptr_rcu_call_rcu_before_fork().
 * Ownership: @head is the worker's until the callback. Needs no memory. If no thread can be started, that
 * is tried again with each call, and hazptr_rcu_barrier() calls the callbacks itself.
 * Cost: some ten nanoseconds; a system call if the worker sleeps. errno is preserved. Since 0.1.
 */
HAZPTR_API void hazptr_rcu_call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));

/**
 * Wait until all callbacks that were enqueued before, with any worker, by any thread, have returned.
 *
 * Threads: any, but in a read-side critical section or a callback it would wait for itself: then it says so
 * on standard error, once, and returns. Where no thread can be started for a worker, it calls the callbacks. Signal handlers: not safe. Fork: as for callbacks.
 * Cost: a hazptr_rcu_synchronize_rcu() of each worker, and the callbacks. errno is preserved. Since 0.1.
 */
HAZPTR_API void hazptr_rcu_barrier(void);

/**
 * Start a worker; @flags: 0 or URCU_CALL_RCU_RT; @cpu: where its thread is to run, or -1.
 *
 * Workers' threads have all signals blocked but those of faults, and are joinable. With URCU_CALL_RCU_RT
 * the worker wakes a thousand times a second, whether there is something to do or not.
 * Returns the worker; NULL with errno EINVAL for other flags, ENOMEM, EAGAIN as pthread_create(3).
 * Threads: any. Signal handlers: not safe. Since 0.1.
 */
HAZPTR_API struct call_rcu_data *hazptr_rcu_create_call_rcu_data(unsigned long flags, int cpu);

/**
 * Stop a worker, after the callbacks that it is calling, and free it. Its other callbacks go to the default
 * worker. @worker is nobody's any more: no thread's, no CPU's. NULL or the default worker: nothing is done.
 *
 * The thread is not joined: pthread_join(3) with what hazptr_rcu_get_call_rcu_thread() gave before, or its
 * stack stays.
 *
 * Threads: any, but not in a read-side critical section, nor in a callback of this worker. Signal handlers:
 * not safe. Since 0.1.
 */
HAZPTR_API void hazptr_rcu_call_rcu_data_free(struct call_rcu_data *worker);

/**
 * The worker that is everybody's who has no other; started if it is not running. Never NULL. Since 0.1.
 */
HAZPTR_API struct call_rcu_data *hazptr_rcu_get_default_call_rcu_data(void);

/**
 * The worker of that CPU, or NULL. To be used in a read-side critical section. Since 0.1.
 */
HAZPTR_API struct call_rcu_data *hazptr_rcu_get_cpu_call_rcu_data(int cpu);

/**
 * The calling thread's own worker, or NULL. In a callback it is the one that calls it. Since 0.1.
 */
HAZPTR_API struct call_rcu_data *hazptr_rcu_get_thread_call_rcu_data(void);

/**
 * The worker with which hazptr_rcu_call_rcu() would enqueue now. Since 0.1.
 */
HAZPTR_API struct call_rcu_data *hazptr_rcu_get_call_rcu_data(void);

/**
 * A worker's thread. Since 0.1.
 */
HAZPTR_API pthread_t hazptr_rcu_get_call_rcu_thread(struct call_rcu_data *worker);

/**
 * Give the calling thread a worker of its own, or with NULL take it away. Since 0.1.
 */
HAZPTR_API void hazptr_rcu_set_thread_call_rcu_data(struct call_rcu_data *worker);

/**
 * Give a CPU a worker, or with NULL take it away: that one may be freed after a hazptr_rcu_synchronize_rcu().
 *
 * Returns 0; -EINVAL if there is no such CPU, -EEXIST if it has a worker, -ENOMEM: with errno set as well,
 * as liburcu does. Since 0.1.
 */
HAZPTR_API int hazptr_rcu_set_cpu_call_rcu_data(int cpu, struct call_rcu_data *worker);

/**
 * Give each CPU that has none a worker, on that CPU. @flags: as for hazptr_rcu_create_call_rcu_data().
 *
 * Returns 0; or an error as hazptr_rcu_set_cpu_call_rcu_data(), also -EAGAIN: then some have theirs. Since
 * 0.1.
 */
HAZPTR_API int hazptr_rcu_create_all_cpu_call_rcu_data(unsigned long flags);

/**
 * Take every CPU's worker away, wait for readers, and free them: see hazptr_rcu_call_rcu_data_free(). Since
 * 0.1.
 */
HAZPTR_API void hazptr_rcu_free_all_cpu_call_rcu_data(void);

/**
 * For pthread_atfork(3), of programs that fork and go on without exec: between before and after all workers
 * rest between two callbacks, so that in the child, too, all that is pending is called. Without them, what
 * a worker was calling at the fork is lost there, and what was pending waits for the next
 * hazptr_rcu_call_rcu() with that worker, or for a hazptr_rcu_barrier().
 *
 * In the child every worker is there again; each has a thread as soon as it has something to do.
 * Threads: any, but not in a read-side critical section, for which a worker may be waiting; in a callback,
 * if no other worker's does so at the time. May nest. Signal handlers: not safe. Since 0.1.
 */
HAZPTR_API void hazptr_rcu_call_rcu_before_fork(void);
HAZPTR_API void hazptr_rcu_call_rcu_after_fork_parent(void);
HAZPTR_API void hazptr_rcu_call_rcu_after_fork_child(void);

/**
 * Have the functions of @atfork called by those three, too; for the library of hash tables. They may be
 * registered as often as they are unregistered; the first time counts. Since 0.1.
 */
HAZPTR_API void hazptr_rcu_register_rculfhash_atfork(struct urcu_atfork *atfork);
HAZPTR_API void hazptr_rcu_unregister_rculfhash_atfork(struct urcu_atfork *atfork);

/**
 * As hazptr_rcu_call_rcu(), for what has no struct rcu_head: have @func(@p) called. Needs memory; if there
 * is none, it waits for readers and calls @func itself. So never in a read-side critical section.
 *
 * hazptr_rcu_defer_register_thread() has nothing to do, and returns 0; the others are hazptr_rcu_barrier().
 * Since 0.1.
 */
HAZPTR_API void hazptr_rcu_defer_rcu(void (*func)(void *p), void *p);
HAZPTR_API int hazptr_rcu_defer_register_thread(void);
HAZPTR_API void hazptr_rcu_defer_unregister_thread(void);
HAZPTR_API void hazptr_rcu_defer_barrier(void);
HAZPTR_API void hazptr_rcu_defer_barrier_thread(void);

/* --- what inlined read sides use; the names end in their layout's number ------------------------- */

/**
 * The calling thread's state in one word, so that a signal handler finds all of it or nothing: 0 outside
 * of sections, else their depth and what protects the epoch, see below.
 */
extern __thread uint64_t hazptr_rcu_reader_1 __attribute__((__tls_model__("initial-exec")));

/**
 * The current epoch; and the control block of the engine that waits for its readers, which in a program
 * with an engine of its own need not be that one.
 */
extern struct hazptr_rcu_shared {
    /** What readers protect. */
    void *epoch;
    /** See <hazptr/control.h>. */
    const struct hazptr_control *control;
} hazptr_rcu_shared_1;

/** What inlined code leaves to the library. */
HAZPTR_API void hazptr_rcu_read_lock_slow_1(void);
HAZPTR_API void hazptr_rcu_read_unlock_slow_1(void);
HAZPTR_API void hazptr_rcu_wake_1(const struct hazptr_slot *slot);

#ifdef __cplusplus
} // extern "C"
#endif

/* The lower bits count; the next one tells that above it is the address of a context, not of a slot. */
#define HAZPTR_RCU_READER_DEPTH UINT64_C(0x7ffff)
#define HAZPTR_RCU_READER_CONTEXT UINT64_C(0x80000)
#define HAZPTR_RCU_READER_SHIFT 20

/* An address of this process: at most 47 bits, the lowest three of which are 0. */
#define HAZPTR_RCU_READER_WORD(address) ((uint64_t)(uintptr_t)(address) >> 3 << HAZPTR_RCU_READER_SHIFT)
#define HAZPTR_RCU_READER_ADDRESS(word) ((void *)((word) >> HAZPTR_RCU_READER_SHIFT << 3))

#ifdef HAZPTR_INLINED
#include <hazptr/urcu-inline.h>
#endif

#endif /* HAZPTR_URCU_H */
