/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/*
 * barrier.pml - one membarrier shared by several waiters, without a mutex.
 *
 * Modelled: three waiters and two readers. One waiter has an object that the
 * readers acquire in a restartable sequence, use and release; it unpublishes,
 * synchronizes, scans and poisons. The other two synchronize for objects that
 * nobody looks at: what they do to the first is all that matters, and it may be
 * any of the three in every role. Each reader and the first waiter has a CPU of
 * its own with a store buffer; the others store nothing that could wait in theirs
 * and share one.
 *
 *	started: number of barriers begun, and a busy bit; done: the highest
 *	number of a barrier that has ended
 *
 *	waiter:	unpublish; full fence; s = started
 *		loop:	if done > s: return
 *			if not busy: CAS to {started + 1, busy}; run; clear busy; return
 *			if busy: wait; or, when that takes too long, raise started
 *			and run a barrier without leading; return
 *	run(k):	full fence; membarrier; done = max(done, k)
 *
 * Both cases. Barrier k was begun before our load of started: then k <= s, and we
 * do not rely on it. It was begun after: then its membarrier began after our
 * full fence, so each CPU it visits sees our unpublish from then on.
 *
 * A membarrier visits CPU after CPU, those of the readers in any order, and the
 * first waiter's last. (That it drains the waiter's buffer helps no variant that
 * holds: the buffer is empty from the fence on.) A leader may vanish at two
 * points, as if longjmp() took it away: the busy bit then stays set for good.
 *
 * Covers I5 where the barrier is somebody else's; scenario 14. Does not cover:
 * preemption and migration (publication.pml), wrap-around of the counters, a
 * membarrier that fails, memory models weaker than TSO.
 *
 * Asserted: nobody who holds an object finds it poisoned; every process ends
 * (leaders that vanish excepted), that is, nobody is blocked by one.
 *
 * Variants that hold:
 *   (none)             the protocol
 *   PLAIN_DONE         done = k, without the maximum: done may fall, which costs
 *                      sharing, and nothing else
 *   TIMEOUT_CLEARS     who timed out clears the busy bit when its own barrier is over,
 *                      whoever set it: so a leader that vanished costs one time-out,
 *                      not one for each wait. The bit is only advice
 *
 * Mutants, and what each shows:
 *   NO_FENCE           scenario 14: arrival without a full fence; the barrier we
 *                      rely on restarts a reader that then sees the old pointer
 *   DONE_NOT_LESS      relying on done >= s: that barrier may have passed the
 *                      reader before we unpublished
 *   STARTED_LATE       started raised when the membarrier is under way: same
 *   DONE_EARLY         done stored before the membarrier has ended
 *   CLEAR_BY_STORE     the leader clears the busy bit by storing {k, not busy}: started
 *                      falls, and two barriers have the same number
 *   NO_TIMEOUT         a leader that vanishes blocks the rest for ever
 */

#define NREADER	2
#define FIRST	NREADER		/* the CPU of the first waiter */
#define OTHERS	(NREADER + 1)
#define NCPU	(NREADER + 2)

/* Locations */
#define P		1
#define SLOT(r)		(2 + (r))
#define NLOC		SLOT(NREADER)

#define OBJECT		1

#include "tso.pml"

byte started, done;
bit busy;
bit loaded[NREADER];		/* a sequence has loaded OBJECT, not committed */
bit poisoned;

proctype reader(byte me)
{
	do
	:: d_step { !loaded[me] && LOAD(me, P) == OBJECT -> loaded[me] = true }
	:: !loaded[me] && LOAD(me, P) == 0 -> break
	:: d_step { loaded[me] -> loaded[me] = false; store(me, SLOT(me), OBJECT) }
		d_step { assert(!poisoned); store(me, SLOT(me), 0) }
		break
	od
}

/* An IPI to the CPU of a reader. */
inline visit_reader(r)
{
	drain(r);
	loaded[r] = false		/* restart */
}

inline finish(k)
{
#ifdef PLAIN_DONE
	done = k
#else
	done = (done > k -> done : k)		/* RMW */
#endif
}

/* The runner's own full fence would come first; but it got here by an RMW. */
inline run_barrier()
{
#ifdef DONE_EARLY
	finish(k);
#endif
	if
	:: d_step { visit_reader(0); first = 0 }
	:: d_step { visit_reader(1); first = 1 }
	fi;
#ifdef STARTED_LATE
	d_step { started++; k = started }
#endif
	d_step { visit_reader(1 - first); first = 0 }
	d_step { drain(FIRST) }
#ifndef DONE_EARLY
	finish(k)
#else
	skip
#endif
}

/* An RMW: started and the busy bit share a word. */
inline begin_barrier()
{
	drain(me);
#ifndef STARTED_LATE
	started++;
	k = started
#endif
	skip
}

inline synchronize()
{
	s = started;
	do
#ifdef DONE_NOT_LESS
	:: done >= s && done != 0 -> break
#else
	:: done > s -> break
#endif
	:: d_step { !busy -> busy = true; begin_barrier() }
		if
		:: goto vanished
		:: run_barrier()
		fi;
		if
		:: goto vanished
		:: d_step {
			busy = false;
#ifdef CLEAR_BY_STORE
			started = k
#endif
		   }
			break
		fi
#ifndef NO_TIMEOUT
	:: d_step { busy -> begin_barrier() }
		run_barrier();
#ifdef TIMEOUT_CLEARS
		busy = false;
#endif
		break
#endif
	od
}

proctype first_waiter(byte me)
{
	byte s, k, r, first;

	d_step { store(me, P, 0) }
#ifndef NO_FENCE
	d_step { drain(me) }
#endif
	synchronize();
	atomic { s = 0; k = 0 }
	do
	:: d_step { r < NREADER && mem[SLOT(r)] != OBJECT -> r++ }
	:: r == NREADER -> break
	od;
	poisoned = true;
vanished:
	atomic { s = 0; k = 0; r = 0 }
}

proctype other_waiter(byte me)
{
	byte s, k, first;

	synchronize();
vanished:
	atomic { s = 0; k = 0 }
}

init
{
	atomic {
		mem[P] = OBJECT;
		run reader(0);
		run reader(1);
		run first_waiter(FIRST);
		run other_waiter(OTHERS);
		run other_waiter(OTHERS)
	}
}
