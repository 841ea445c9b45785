// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Grace periods. There are two epochs, one of which is current; a reader protects it by a hazard pointer.
 * Who waits makes the other one current and waits until nobody protects the one before.
 *
 * Take a reader and a wait. If the wait has seen the reader's hazard, it has waited for its release. Else
 * either it was released before, or the reader's load of the epoch, which counts, came after the wait's
 * barrier (docs/algorithm.md): so it found the new epoch, and with it all that the waiter had written
 * before.
 *
 * That there are only two, used in turn, does no harm. A reader may have loaded an epoch which has been
 * replaced, waited for, and made current again; then it protects the current one, all the same. And as
 * waits come one after the other, nobody protects the one that becomes current but such readers.
 *
 * models/urcu.pml is this, with what would go wrong if any part of it were left out.
 */
#include "internal.h"

/* The engine's. */
extern const struct hazptr_control hazptr_control_1;

/* The addresses are all that matters. They differ in the lines they are in, for debuggers' sake only. */
static const char epochs[2][64] __attribute__((__aligned__(64)));

struct hazptr_rcu_shared hazptr_rcu_shared_1 = {(void *)epochs[0], &hazptr_control_1};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Grace periods begun, and of those over; `over` is under the lock. */
static uint64_t begun, over;

static void grace_period(void)
{
	const void *before = hazptr_rcu_shared_1.epoch;
	const void *after = before == epochs[0] ? epochs[1] : epochs[0];
	const uint64_t number = __atomic_add_fetch(&begun, 1, __ATOMIC_ACQ_REL);

	/* Release: a reader that finds it finds what all waiters of this grace period have written before. */
	__atomic_store_n(&hazptr_rcu_shared_1.epoch, (void *)after, __ATOMIC_RELEASE);
	hazptr_synchronize(before);
	over = number;
}

void hazptr_rcu_synchronize_rcu(void)
{
	/*
	 * Any grace period that begins from here on will do. An addition of nothing, not a load: if it comes
	 * before another's addition, that one has read from it, and so knows what we have written.
	 */
	const uint64_t enough = __atomic_fetch_add(&begun, 0, __ATOMIC_ACQ_REL) + 1;

	pthread_mutex_lock(&lock);
	if (over < enough)
		grace_period();
	pthread_mutex_unlock(&lock);
}

/* Who had the lock, and was waiting, is not in the child. */
void hazptr_rcu_epoch_after_fork(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

void hazptr_rcu_init(void)
{
	hazptr_init();
}
