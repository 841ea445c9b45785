/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The names without a flavour, which <urcu.h> and <urcu-bp.h> give (they define URCU_API_MAP). */
#ifdef _LGPL_SOURCE
/* Who says so wants read sides inlined. The licence here is the same either way. */
#undef HAZPTR_INLINE
#define HAZPTR_INLINE
#endif
#include <hazptr/urcu.h>

#if defined(URCU_API_MAP) && !defined(HAZPTR_URCU_NAMES_H)
#define HAZPTR_URCU_NAMES_H

#define rcu_read_lock hazptr_rcu_read_lock
#define rcu_read_unlock hazptr_rcu_read_unlock
#define rcu_read_ongoing hazptr_rcu_read_ongoing
#define rcu_register_thread hazptr_rcu_register_thread
#define rcu_unregister_thread hazptr_rcu_unregister_thread
#define rcu_init hazptr_rcu_init
#define synchronize_rcu hazptr_rcu_synchronize_rcu
#define call_rcu hazptr_rcu_call_rcu
#define rcu_barrier hazptr_rcu_barrier
#define create_call_rcu_data hazptr_rcu_create_call_rcu_data
#define call_rcu_data_free hazptr_rcu_call_rcu_data_free
#define get_default_call_rcu_data hazptr_rcu_get_default_call_rcu_data
#define get_cpu_call_rcu_data hazptr_rcu_get_cpu_call_rcu_data
#define get_thread_call_rcu_data hazptr_rcu_get_thread_call_rcu_data
#define get_call_rcu_data hazptr_rcu_get_call_rcu_data
#define get_call_rcu_thread hazptr_rcu_get_call_rcu_thread
#define set_thread_call_rcu_data hazptr_rcu_set_thread_call_rcu_data
#define set_cpu_call_rcu_data hazptr_rcu_set_cpu_call_rcu_data
#define create_all_cpu_call_rcu_data hazptr_rcu_create_all_cpu_call_rcu_data
#define free_all_cpu_call_rcu_data hazptr_rcu_free_all_cpu_call_rcu_data
#define call_rcu_before_fork hazptr_rcu_call_rcu_before_fork
#define call_rcu_after_fork_parent hazptr_rcu_call_rcu_after_fork_parent
#define call_rcu_after_fork_child hazptr_rcu_call_rcu_after_fork_child
#define urcu_register_rculfhash_atfork hazptr_rcu_register_rculfhash_atfork
#define urcu_unregister_rculfhash_atfork hazptr_rcu_unregister_rculfhash_atfork
#define defer_rcu hazptr_rcu_defer_rcu
#define rcu_defer_register_thread hazptr_rcu_defer_register_thread
#define rcu_defer_unregister_thread hazptr_rcu_defer_unregister_thread
#define rcu_defer_barrier hazptr_rcu_defer_barrier
#define rcu_defer_barrier_thread hazptr_rcu_defer_barrier_thread
#define rcu_flavor hazptr_rcu_flavor

/* Nothing to tell, in this flavour. */
static inline void rcu_quiescent_state(void)
{
}

static inline void rcu_thread_offline(void)
{
}

static inline void rcu_thread_online(void)
{
}

#endif /* HAZPTR_URCU_NAMES_H */
