/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * In place of liburcu's header of this name: the flavour whose threads need no registration on hazard
 * pointers. What is included first brings its types; see <hazptr/urcu.h>.
 */
#ifndef HAZPTR_URCU_BP_H
#define HAZPTR_URCU_BP_H

#include <stdlib.h>

#include <urcu/pointer.h>

#include <urcu/hazptr-names.h>

#define urcu_bp_read_lock hazptr_rcu_read_lock
#define urcu_bp_read_unlock hazptr_rcu_read_unlock
#define urcu_bp_read_ongoing hazptr_rcu_read_ongoing
#define urcu_bp_register_thread hazptr_rcu_register_thread
#define urcu_bp_unregister_thread hazptr_rcu_unregister_thread
#define urcu_bp_init hazptr_rcu_init
#define urcu_bp_synchronize_rcu hazptr_rcu_synchronize_rcu
#define urcu_bp_call_rcu hazptr_rcu_call_rcu
#define urcu_bp_barrier hazptr_rcu_barrier
#define urcu_bp_create_call_rcu_data hazptr_rcu_create_call_rcu_data
#define urcu_bp_call_rcu_data_free hazptr_rcu_call_rcu_data_free
#define urcu_bp_get_default_call_rcu_data hazptr_rcu_get_default_call_rcu_data
#define urcu_bp_get_cpu_call_rcu_data hazptr_rcu_get_cpu_call_rcu_data
#define urcu_bp_get_thread_call_rcu_data hazptr_rcu_get_thread_call_rcu_data
#define urcu_bp_get_call_rcu_data hazptr_rcu_get_call_rcu_data
#define urcu_bp_get_call_rcu_thread hazptr_rcu_get_call_rcu_thread
#define urcu_bp_set_thread_call_rcu_data hazptr_rcu_set_thread_call_rcu_data
#define urcu_bp_set_cpu_call_rcu_data hazptr_rcu_set_cpu_call_rcu_data
#define urcu_bp_create_all_cpu_call_rcu_data hazptr_rcu_create_all_cpu_call_rcu_data
#define urcu_bp_free_all_cpu_call_rcu_data hazptr_rcu_free_all_cpu_call_rcu_data
#define urcu_bp_call_rcu_before_fork hazptr_rcu_call_rcu_before_fork
#define urcu_bp_call_rcu_after_fork_parent hazptr_rcu_call_rcu_after_fork_parent
#define urcu_bp_call_rcu_after_fork_child hazptr_rcu_call_rcu_after_fork_child
#define urcu_bp_register_rculfhash_atfork hazptr_rcu_register_rculfhash_atfork
#define urcu_bp_unregister_rculfhash_atfork hazptr_rcu_unregister_rculfhash_atfork
#define urcu_bp_defer_rcu hazptr_rcu_defer_rcu
#define urcu_bp_defer_register_thread hazptr_rcu_defer_register_thread
#define urcu_bp_defer_unregister_thread hazptr_rcu_defer_unregister_thread
#define urcu_bp_defer_barrier hazptr_rcu_defer_barrier
#define urcu_bp_defer_barrier_thread hazptr_rcu_defer_barrier_thread
#define urcu_bp_flavor hazptr_rcu_flavor

#define urcu_bp_dereference rcu_dereference
#define urcu_bp_set_pointer rcu_set_pointer
#define urcu_bp_xchg_pointer rcu_xchg_pointer
#define urcu_bp_cmpxchg_pointer rcu_cmpxchg_pointer

/* Nothing to tell, in this flavour. */
static inline void urcu_bp_quiescent_state(void)
{
}

static inline void urcu_bp_thread_offline(void)
{
}

static inline void urcu_bp_thread_online(void)
{
}

/* A fork is seen to by the library. */
static inline void urcu_bp_before_fork(void)
{
}

static inline void urcu_bp_after_fork_parent(void)
{
}

static inline void urcu_bp_after_fork_child(void)
{
}

#define rcu_bp_before_fork urcu_bp_before_fork
#define rcu_bp_after_fork_parent urcu_bp_after_fork_parent
#define rcu_bp_after_fork_child urcu_bp_after_fork_child

#endif /* HAZPTR_URCU_BP_H */
