// SPDX-License-Identifier: MIT OR Apache-2.0
// What knotd calls of liburcu.so.8, in the simplest way that is right; and, for test.sh to notice:
// LACKS a function, LEAKS some memory with each callback, FORGETS to call them, is in a HURRY and waits
// for no reader.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct rcu_head {
	void *next;
	void (*func)(struct rcu_head *);
};

void urcu_memb_register_thread(void);
void urcu_memb_unregister_thread(void);
void urcu_memb_read_lock(void);
void urcu_memb_read_unlock(void);
void urcu_memb_synchronize_rcu(void);
void urcu_memb_call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *));
void *rcu_xchg_pointer_sym(void **p, void *v);

// Readers go first, by default, so they may nest.
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;

void urcu_memb_register_thread(void) {}
void urcu_memb_unregister_thread(void) {}

void urcu_memb_read_lock(void) { pthread_rwlock_rdlock(&lock); }
void urcu_memb_read_unlock(void) { pthread_rwlock_unlock(&lock); }

void urcu_memb_synchronize_rcu(void)
{
#ifndef HURRY
	pthread_rwlock_wrlock(&lock);
	pthread_rwlock_unlock(&lock);
#endif
}

#ifndef LACKS
#ifdef FORGETS
void urcu_memb_call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *))
{
	head->func = func;
}
#elif defined HURRY
void urcu_memb_call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *)) { func(head); }
#else
// A thread for each: a reader may call this.
static void *wait_and_call(void *argument)
{
	struct rcu_head *head = argument;
	urcu_memb_synchronize_rcu();
#ifdef LEAKS
	// As much as the zones, on average.
	enum { SIZE = 3 << 19 };
	void *volatile lost = malloc(SIZE);
	if (lost)
		memset(lost, 1, SIZE);
#endif
	head->func(head);
	return NULL;
}

void urcu_memb_call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *))
{
	pthread_t thread;
	head->func = func;
	if (pthread_create(&thread, NULL, wait_and_call, head) == 0)
		pthread_detach(thread);
}
#endif
#endif

void *rcu_xchg_pointer_sym(void **p, void *v)
{
	return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}
