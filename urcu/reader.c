// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A reader's state: one word, see <hazptr/urcu-inline.h>, and contexts for where a slot alone will not do.
 * These are used as a stack: a signal handler, which may interrupt anything here, gives back what it has
 * taken before it returns. As it only counts once the word is not 0, it needs a context of its own only
 * between the taking of one and the writing of the word, or between the clearing of the word and the giving
 * back. When the last context is taken, signals are blocked there; so there are always enough.
 */
#define HAZPTR_INLINE
#define HAZPTR_RCU_CONTROL() hazptr_control_block()
#include "internal.h"

#include <hazptr/urcu-inline.h>
#include <signal.h>
#include <string.h>

#define CONTEXTS 4

struct context {
	struct hazptr_ctx ctx;
	/* What it protects, which its release has to name. */
	void *epoch;
};

__thread uint64_t hazptr_rcu_reader_1;
static __thread struct context contexts[CONTEXTS];
static __thread unsigned int taken;

/* So that it comes along out of an archive, too. */
__attribute__((__used__)) static void (*const watch_forks)(void) = hazptr_rcu_watch_forks;

static uint64_t reader(void)
{
	return __atomic_load_n(&hazptr_rcu_reader_1, __ATOMIC_RELAXED);
}

/* Between what handlers of the same thread must find in this order. */
static void set_reader(uint64_t word)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&hazptr_rcu_reader_1, word, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void set_taken(unsigned int count)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&taken, count, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void block_signals(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

static void protect(struct context *context)
{
	context->epoch = (hazptr_acquire)(&context->ctx, &hazptr_rcu_shared_inlined()->epoch);
	set_reader(HAZPTR_RCU_READER_WORD(context) | HAZPTR_RCU_READER_CONTEXT | 1);
}

static void unprotect(struct context *context)
{
	set_reader(0);
	(hazptr_release)(&context->ctx, context->epoch);
}

void hazptr_rcu_read_lock_slow_1(void)
{
	const unsigned int mine = __atomic_load_n(&taken, __ATOMIC_RELAXED);
	sigset_t before;

	if (mine == CONTEXTS - 1)
		block_signals(&before);
	set_taken(mine + 1);
	protect(&contexts[mine]);
	if (mine == CONTEXTS - 1)
		pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void hazptr_rcu_read_unlock_slow_1(void)
{
	const uint64_t word = reader();
	struct context *context = HAZPTR_RCU_READER_ADDRESS(word);
	const unsigned int mine = (unsigned int)(context - contexts);
	sigset_t before;

	if (!word) {
		hazptr_rcu_complain("hazptr: rcu_read_unlock() without rcu_read_lock()\n");
		return;
	}
	if (mine == CONTEXTS - 1)
		block_signals(&before);
	unprotect(context);
	set_taken(mine);
	if (mine == CONTEXTS - 1)
		pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Of this library's engine, whatever the caller has. */
void hazptr_rcu_wake_1(const struct hazptr_slot *slot)
{
	hazptr_wake(slot);
}

void(hazptr_rcu_read_lock)(void)
{
	hazptr_rcu_read_lock_inlined();
}

void(hazptr_rcu_read_unlock)(void)
{
	hazptr_rcu_read_unlock_inlined();
}

int(hazptr_rcu_read_ongoing)(void)
{
	return hazptr_rcu_read_ongoing_inlined();
}

/*
 * In a forked child what the parent's thread protected is protected no more: protect it anew. Nobody
 * waits here yet, so nothing has been freed in between.
 */
void hazptr_rcu_reader_after_fork(void)
{
	const uint64_t word = reader();
	const uint64_t depth = word & HAZPTR_RCU_READER_DEPTH;

	if (!depth)
		return;
	if (word & HAZPTR_RCU_READER_CONTEXT) {
		struct context *context = HAZPTR_RCU_READER_ADDRESS(word);

		/* Of a hazard that is not there a release would be reported, in debug mode. */
		memset(&context->ctx, 0, sizeof(context->ctx));
		protect(context);
	} else {
		set_reader(0);
		hazptr_rcu_read_lock_inlined();
	}
	set_reader(reader() + depth - 1);
}
