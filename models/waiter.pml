/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/*
 * waiter.pml - a waiter that goes to sleep, and the release that wakes it.
 *
 * Modelled: three releasing threads, each on a CPU of its own with a store
 * buffer and a slot, and two waiters, for A and for B, that go from slot to slot
 * and sleep on the futex word of the slot's bucket. Releasers 0 and 1 hold A and
 * B. Releaser 2 acquires portably: CAS, re-load, overwrite on change, and again; p
 * goes from A to B to NULL under it. A futex wait is one atomic step and UNTIMED: a lost wake-up is
 * a deadlock, which the search reports as an invalid end state.
 *
 *	release: *slot = NULL; compiler barrier; if waiters, and the bucket's
 *		 sleepers are after this slot or after several, and the futex
 *		 word is odd: make it even, wake all
 *	waiter:  for each slot that holds addr: enter the bucket; waiters++;
 *		 loop { if *slot != addr leave; make the futex word odd; if that
 *		 is not the value of the last time: membarrier, else
 *		 futex_wait(it) }; waiters--; leave it
 *
 * Both cases. The store of NULL reaches memory before the membarrier visits its
 * CPU: the waiter's re-read sees NULL. It is executed after the visit: then the
 * releaser's load of waiters comes after the raise, and it finds the futex word
 * odd and changes it, or changed already; so the waiter does not sleep on the value
 * that it armed, or is asleep and woken.
 *
 * Covers I7; scenarios 8, 12, 13. Does not cover: preemption (it only empties
 * store buffers: fewer behaviours), a release that longjmp() cuts short (the
 * reason for the 100 ms cap), spinning, mode switches, wrap-around of the futex
 * word, memory models weaker than TSO.
 *
 * Asserted: when a wait ends nobody holds the address; every process ends.
 *
 * Variants that hold:
 *   (none)             mode rseq and mode membarrier
 *   FENCE_MODE         no membarrier anywhere; a full fence in every release,
 *                      between its store and its load of waiters
 *   FEWER              releaser 1 is not there: fewer states
 *   ONE_BUCKET         all slots share a bucket; else slots 0 and 2 do
 *
 * Mutants, and what each shows:
 *   NO_MEMBARRIER      the release's store is still in its buffer when the waiter
 *                      looks, and its load saw no waiters
 *   BARRIER_FIRST      membarrier before the raise: the same
 *   RAISED_LATE        waiters raised after the re-read: the release in between
 *                      wakes nobody
 *   ARMED_LATE         futex word made odd after the re-read: a release in between
 *                      wakes nobody
 *   NO_REBARRIER       no barrier when the word had been changed: the same
 *   NO_BUMP            a wake alone is lost on a waiter that is about to sleep
 *   NO_CHECK_ON_OVERWRITE  scenario 12: overwriting an address releases it
 *   WAKE_BY_ADDRESS    scenario 13: sleepers are looked for by an address, which
 *                      names another slot
 *   TAG_STAYS          (with ONE_BUCKET) who comes second to a bucket, after another
 *                      slot, is not looked for
 *   WAKE_ONE           (with ONE_BUCKET) the one woken may wait for another slot
 *   NO_RELEASE_FENCE   (with FENCE_MODE) the releaser's load overtakes its store
 */

#define NCPU		3
#define NWAITER		2

#define A		1
#define B		2

/* Locations */
#define P		1
#define WAITERS		2
#define SLOT(r)		(3 + (r))
#define FUTEX(b)	(3 + NCPU + (b))
#define SLEEPERS(b)	(3 + NCPU + 2 + (b))	/* their number and whom they are after */
#define NLOC		SLEEPERS(2)

#ifdef ONE_BUCKET
#define BUCKET(r)	0
#else
#define BUCKET(r)	((r) % 2)
#endif

#ifdef FENCE_MODE
#define NO_MEMBARRIER
#endif

/* In SLEEPERS: the slot's tag, or MIXED, below the number. */
#define MIXED		0
#define AFTER(word)	((word) % 4)
#define ONE		4
#define TAG(r)		((r) + 1)

#include "tso.pml"

#define AWAKE		255
byte sleeps_on[NWAITER];	/* bucket, or AWAKE */
byte holds[NCPU];		/* what each releaser may use */

inline bump_and_wake(bucket)
{
	if
	:: d_step {		/* RMW */
		mem[FUTEX(bucket)] % 2 == 1 ->
		drain(me);
#ifndef NO_BUMP
		mem[FUTEX(bucket)] = mem[FUTEX(bucket)] + 1
#endif
	   }
	   wake_all(bucket)
	:: mem[FUTEX(bucket)] % 2 == 0
	fi
}

inline wake_all(bucket)
{
	d_step {
		if
		:: sleeps_on[0] == bucket ->
			sleeps_on[0] = AWAKE
#ifndef WAKE_ONE
			;
			if
			:: sleeps_on[1] == bucket ->
				sleeps_on[1] = AWAKE
			:: else
			fi
#endif
		:: sleeps_on[0] != bucket && sleeps_on[1] == bucket ->
			sleeps_on[1] = AWAKE
		:: else
		fi
	}
}

/* The waiter check: I7. */
inline wake(r)
{
#if defined(FENCE_MODE) && !defined(NO_RELEASE_FENCE)
	d_step { drain(me) }
#endif
	if
	:: LOAD(me, WAITERS) != 0 ->
		sleepers = LOAD(me, SLEEPERS(BUCKET(r)));
		if
		:: sleepers != 0 && (AFTER(sleepers) == MIXED || AFTER(sleepers) == TAG(r)) ->
			sleepers = 0;
			bump_and_wake(BUCKET(r))
		:: else ->
			sleepers = 0
		fi
	:: LOAD(me, WAITERS) == 0
	fi
}

inline wake_for_own_slot(address)
{
#ifdef WAKE_BY_ADDRESS
	wake(address - A)
#else
	wake(me)
#endif
}

inline release(address)
{
	d_step {
		holds[me] = 0;
		store(me, SLOT(me), 0)
	}
	wake_for_own_slot(address)
}

proctype releaser(byte me)
{
	byte was, sleepers;

	was = holds[me];
	release(was);
	was = 0
}

proctype retrier(byte me)
{
	byte addr, was, sleepers;

	addr = LOAD(me, P);
	if
	:: addr != 0 ->
		d_step { drain(me); mem[SLOT(me)] = addr }	/* CAS */
		do
		:: atomic { LOAD(me, P) == addr -> holds[me] = addr; break }
		:: d_step { LOAD(me, P) != addr -> was = addr; addr = LOAD(me, P) }
			d_step { store(me, SLOT(me), addr) }
#ifndef NO_CHECK_ON_OVERWRITE
			wake_for_own_slot(was);
#endif
			was = 0;
			if
			:: addr == 0 -> break
			:: else
			fi;
			d_step { drain(me) }			/* full fence */
		od;
		if
		:: addr != 0 -> release(addr)
		:: else
		fi
	:: else
	fi;
	addr = 0
}

inline membarrier()
{
#ifndef NO_MEMBARRIER
	d_step { drain(0) }
	d_step { drain(1) }
	d_step { drain(2) }
#endif
	skip
}

inline raise_waiters()
{
	d_step {				/* RMW */
		if
		:: mem[SLEEPERS(BUCKET(r))] == 0 ->
			mem[SLEEPERS(BUCKET(r))] = ONE + TAG(r)
		:: mem[SLEEPERS(BUCKET(r))] != 0 &&
		   AFTER(mem[SLEEPERS(BUCKET(r))]) == TAG(r) ->
			mem[SLEEPERS(BUCKET(r))] = mem[SLEEPERS(BUCKET(r))] + ONE
		:: else ->
#ifdef TAG_STAYS
			mem[SLEEPERS(BUCKET(r))] = mem[SLEEPERS(BUCKET(r))] + ONE
#else
			mem[SLEEPERS(BUCKET(r))] =
				mem[SLEEPERS(BUCKET(r))] / ONE * ONE + ONE + MIXED
#endif
		fi
	}
	mem[WAITERS] = mem[WAITERS] + 1		/* RMW */
}

inline lower_waiters()
{
	mem[WAITERS] = mem[WAITERS] - 1;	/* RMW */
	d_step {				/* RMW */
		if
		:: mem[SLEEPERS(BUCKET(r))] / ONE == 1 ->
			mem[SLEEPERS(BUCKET(r))] = 0
		:: else ->
			mem[SLEEPERS(BUCKET(r))] = mem[SLEEPERS(BUCKET(r))] - ONE
		fi
	}
}

inline arm()
{
	d_step {				/* RMW */
		mem[FUTEX(BUCKET(r))] = mem[FUTEX(BUCKET(r))] / 2 * 2 + 1;
		value = mem[FUTEX(BUCKET(r))]
	}
}

#if defined(ARMED_LATE) || defined(NO_REBARRIER)
#define NEEDS_BARRIER	(armed == 0)
#else
#define NEEDS_BARRIER	(value != armed)
#endif

/* Until slot r holds addr no more. */
inline wait_for_slot()
{
#ifdef BARRIER_FIRST
	membarrier();
#endif
#ifndef RAISED_LATE
	raise_waiters();
#endif
	do
	:: d_step { mem[SLOT(r)] != addr -> value = 0; armed = 0 }
		break
	:: mem[SLOT(r)] == addr ->
#ifndef ARMED_LATE
		arm();
#endif
		if
		:: NEEDS_BARRIER ->
			d_step {
				armed = (value -> value : 1);
				value = 0
			}
#ifndef BARRIER_FIRST
			membarrier()
#endif
		:: !NEEDS_BARRIER ->
#ifdef ARMED_LATE
			arm();
#endif
#ifdef RAISED_LATE
			raise_waiters();
#endif
			if
			:: d_step {
				mem[FUTEX(BUCKET(r))] == value ->
				sleeps_on[addr - A] = BUCKET(r);
				value = 0
			   }
			   sleeps_on[addr - A] == AWAKE		/* untimed */
			:: d_step { mem[FUTEX(BUCKET(r))] != value -> value = 0 }
			fi
#ifdef RAISED_LATE
			;
			lower_waiters()
#endif
		fi
	od;
#ifndef RAISED_LATE
	lower_waiters();
#endif
	skip
}

/* Has a CPU of its own, with an empty store buffer. */
proctype waiter(byte addr)
{
	byte value, armed, r;

	/* unpublish, full fence */
	atomic { mem[P] == addr -> mem[P] = (addr == A -> B : 0) }

	do
	:: d_step { r < NCPU && mem[SLOT(r)] != addr -> r++ }
	:: r < NCPU && mem[SLOT(r)] == addr ->
		wait_for_slot();
		r++
	:: r == NCPU -> break
	od;
	assert(holds[0] != addr && holds[1] != addr && holds[2] != addr);
	r = 0
}

init
{
	atomic {
		mem[P] = A;
		mem[SLOT(0)] = A;
		holds[0] = A;
#ifndef FEWER
		mem[SLOT(1)] = B;
		holds[1] = B;
		run releaser(1);
#endif
		sleeps_on[0] = AWAKE;
		sleeps_on[1] = AWAKE;
		run releaser(0);
		run retrier(2);
		run waiter(A);
		run waiter(B)
	}
}
