// SPDX-License-Identifier: MIT OR Apache-2.0
#include "internal.h"

static void nothing(void)
{
}

void hazptr_rcu_register_thread(void)
{
}

void hazptr_rcu_unregister_thread(void)
{
}

const struct rcu_flavor_struct hazptr_rcu_flavor = {
	.read_lock = hazptr_rcu_read_lock,
	.read_unlock = hazptr_rcu_read_unlock,
	.read_ongoing = hazptr_rcu_read_ongoing,
	.read_quiescent_state = nothing,
	.update_call_rcu = hazptr_rcu_call_rcu,
	.update_synchronize_rcu = hazptr_rcu_synchronize_rcu,
	.update_defer_rcu = hazptr_rcu_defer_rcu,
	.thread_offline = nothing,
	.thread_online = nothing,
	.register_thread = hazptr_rcu_register_thread,
	.unregister_thread = hazptr_rcu_unregister_thread,
	.barrier = hazptr_rcu_barrier,
	.register_rculfhash_atfork = hazptr_rcu_register_rculfhash_atfork,
	.unregister_rculfhash_atfork = hazptr_rcu_unregister_rculfhash_atfork,
};
