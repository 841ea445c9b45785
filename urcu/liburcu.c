// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * liburcu.so.8 for programs that were built for liburcu's own: its functions' names, for those of
 * libhazptr-urcu. It has no state. The read side is here in full, which spares it a jump.
 */
#define HAZPTR_INLINE
#define HAZPTR_RCU_OWN_TYPES
#include <hazptr/urcu.h>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NAME(result, name, parameters, arguments)                                                  \
	result urcu_memb_##name parameters;                                                        \
	result urcu_memb_##name parameters                                                         \
	{                                                                                          \
		return hazptr_rcu_##name arguments;                                                \
	}

typedef void callback(struct rcu_head *head);

NAME(void, init, (void), ())
NAME(void, read_lock, (void), ())
NAME(void, read_unlock, (void), ())
NAME(int, read_ongoing, (void), ())
NAME(void, register_thread, (void), ())
NAME(void, unregister_thread, (void), ())
NAME(void, synchronize_rcu, (void), ())
NAME(void, call_rcu, (struct rcu_head *head, callback *func), (head, func))
NAME(void, barrier, (void), ())
NAME(struct call_rcu_data *, create_call_rcu_data, (unsigned long flags, int cpu), (flags, cpu))
NAME(void, call_rcu_data_free, (struct call_rcu_data *worker), (worker))
NAME(struct call_rcu_data *, get_default_call_rcu_data, (void), ())
NAME(struct call_rcu_data *, get_cpu_call_rcu_data, (int cpu), (cpu))
NAME(struct call_rcu_data *, get_thread_call_rcu_data, (void), ())
NAME(struct call_rcu_data *, get_call_rcu_data, (void), ())
NAME(pthread_t, get_call_rcu_thread, (struct call_rcu_data *worker), (worker))
NAME(void, set_thread_call_rcu_data, (struct call_rcu_data *worker), (worker))
NAME(int, set_cpu_call_rcu_data, (int cpu, struct call_rcu_data *worker), (cpu, worker))
NAME(int, create_all_cpu_call_rcu_data, (unsigned long flags), (flags))
NAME(void, free_all_cpu_call_rcu_data, (void), ())
NAME(void, call_rcu_before_fork, (void), ())
NAME(void, call_rcu_after_fork_parent, (void), ())
NAME(void, call_rcu_after_fork_child, (void), ())
NAME(void, register_rculfhash_atfork, (struct urcu_atfork *atfork), (atfork))
NAME(void, unregister_rculfhash_atfork, (struct urcu_atfork *atfork), (atfork))
NAME(void, defer_rcu, (void (*func)(void *p), void *p), (func, p))
NAME(int, defer_register_thread, (void), ())
NAME(void, defer_unregister_thread, (void), ())
NAME(void, defer_barrier, (void), ())
NAME(void, defer_barrier_thread, (void), ())

void urcu_memb_defer_exit(void);
void urcu_memb_defer_exit(void)
{
}

static void nothing(void)
{
}

/* No function, but as good: liburcu-cds takes it from programs that call all they need. */
extern const struct rcu_flavor_struct urcu_memb_flavor;
const struct rcu_flavor_struct urcu_memb_flavor = {
	.read_lock = urcu_memb_read_lock,
	.read_unlock = urcu_memb_read_unlock,
	.read_ongoing = urcu_memb_read_ongoing,
	.read_quiescent_state = nothing,
	.update_call_rcu = urcu_memb_call_rcu,
	.update_synchronize_rcu = urcu_memb_synchronize_rcu,
	.update_defer_rcu = urcu_memb_defer_rcu,
	.thread_offline = nothing,
	.thread_online = nothing,
	.register_thread = urcu_memb_register_thread,
	.unregister_thread = urcu_memb_unregister_thread,
	.barrier = urcu_memb_barrier,
	.register_rculfhash_atfork = urcu_memb_register_rculfhash_atfork,
	.unregister_rculfhash_atfork = urcu_memb_unregister_rculfhash_atfork,
};

/* --- pointers that readers use ------------------------------------------------------------------- */

void *rcu_dereference_sym(void *p);
void *rcu_dereference_sym(void *p)
{
	return p;
}

void *rcu_set_pointer_sym(void **p, void *v);
void *rcu_set_pointer_sym(void **p, void *v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
	return v;
}

void *rcu_xchg_pointer_sym(void **p, void *v);
void *rcu_xchg_pointer_sym(void **p, void *v)
{
	return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}

void *rcu_cmpxchg_pointer_sym(void **p, void *old, void *v);
void *rcu_cmpxchg_pointer_sym(void **p, void *old, void *v)
{
	__atomic_compare_exchange_n(p, &old, v, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return old;
}

/* --- where there is no futex(2), which is nowhere -------------------------------------------------- */

int compat_futex_noasync(int32_t *word, int op, int32_t value, const struct timespec *timeout,
			 int32_t *word2, int32_t value3);
int compat_futex_noasync(int32_t *word, int op, int32_t value, const struct timespec *timeout,
			 int32_t *word2, int32_t value3)
{
	return (int)syscall(SYS_futex, word, op, value, timeout, word2, value3);
}

int compat_futex_async(int32_t *word, int op, int32_t value, const struct timespec *timeout,
		       int32_t *word2, int32_t value3);
int compat_futex_async(int32_t *word, int op, int32_t value, const struct timespec *timeout,
		       int32_t *word2, int32_t value3)
{
	return (int)syscall(SYS_futex, word, op, value, timeout, word2, value3);
}
