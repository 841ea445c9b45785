/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/*
 * retire.pml - retirement: lists, passes, left-overs, barriers by phases, cohorts.
 *
 * Modelled: a reader on a CPU with a store buffer acquires twice by restartable
 * sequence; a thread unpublishes and retires nodes 1 and 2, may help, and runs a
 * barrier; another thread runs a barrier of its own; the worker. The callback of
 * node 1 retires node 3. Two shards. What is under the lock is a few atomic steps, with
 * sets of nodes where the engine has lists and counts. Passes of several threads
 * overlap freely. The worker sleeps UNTIMED: whatever is not reclaimed in the end
 * is a deadlock, which the search reports as an invalid end state.
 *
 *	retire:	 unpublish; mark the shard used; push by CAS; if the shard was
 *		 empty, wake the worker
 *	pass:	 lock { take all shards that are used, and the left-overs; count
 *		 what is fresh in the phase }; if anything is fresh: heavy
 *		 barrier; look at all slots; lock { put back what is protected };
 *		 wake the worker if that is anything; callbacks; lock { count }
 *	barrier: a pass; mine = phase; close it once the one before is drained;
 *		 wait until it is closed and drained
 *	cohort:	 raise before the push, lower after the callback; its barrier makes
 *		 passes for its own members until the count is zero
 *	worker:	 passes, while anything is there; idle = 1; if nothing is there
 *		 still, sleep until idle == 0
 *
 * Both cases. A node that is taken was unpublished before the take, and so before
 * the heavy barrier visits the reader's CPU: the reader has committed, and the look
 * sees it, or it begins anew and loads another pointer. A push comes before the
 * worker's second look, and it sees it; or after, and then so does the look whether
 * it sleeps.
 *
 * Covers I8, I9; scenario 18; the worker's sleep. Does not cover: the filter, the
 * bound, fork, the taking over of what another batch offers (src/batch.rs; unit test),
 * memory models weaker than TSO. Retirers have no store buffer: all that they do ends in
 * a locked instruction.
 *
 * Asserted: nobody holds what is reclaimed; nothing is taken or reclaimed twice; when
 * a barrier ends all that was retired before it is reclaimed; in the end all is.
 *
 * Variants that hold:
 *   (none)             two shards
 *   ONE_SHARD          both threads push to one
 *   COHORT             node 2 is in a cohort, whose barrier the second thread runs
 *   NO_WORKER          a program that reclaims by itself; barriers do, too
 *   PATIENT            readers that release only what every barrier under way has to
 *                      wait for: that must be enough for them to end
 *   CLOSED_AT_TAKE     the phase is closed in the same locked section as the take
 *
 * Mutants, and what each shows:
 *   RESTARTABLE_PUSH   scenario 18: a push that stores to the head, restarted by
 *                      barriers, but not by a take: the same node twice
 *   BARRIER_BY_TOTALS  later nodes make up for earlier ones
 *   SCAN_BEFORE_TAKE, BARRIER_BEFORE_TAKE  nodes retired in between are not covered
 *   NO_HEAVY_BARRIER, DRAIN_ONLY  a hazard is not visible yet, or committed later
 *   UNPUBLISH_LATE     readers find what is retired
 *   LEFT_OVER_LOST     put back without the lock
 *   PHASE_NOT_DRAINED  two phases with one number
 *   TAKE_UNREGISTERED, UNREGISTERED_EARLY  nodes that no phase counts for a moment
 *   LEFT_OVER_RENEWED  left-overs move to the present phase
 *   CLOSED_EARLY       the phase is read before the pass
 *   NO_TAKE            a barrier that takes nothing itself
 *   MARKED_LATE        the shard is marked used after the push: who pushed there second
 *                      has retired, and a barrier does not look there
 *   WAKE_FIRST, IDLE_LATE, KEPT_IN_SILENCE  the worker sleeps, and something is there
 *   LOWERED_EARLY, RAISED_LATE  (with COHORT) the count is zero, and a member pending
 *   GIVEN_BACK_EARLY   (with COHORT) strangers are put back before they have been
 *                      through the barrier
 */

#ifdef PATIENT
#define ONE_SHARD
#define TWO_READERS
#endif

#ifdef TWO_READERS
#define NREADER		2
#define ACQUIRES	1
#else
#define NREADER		1
#define ACQUIRES	2
#endif
#define NCPU		NREADER

/* Locations */
#define P		1
#define SLOT(r)		(2 + (r))
#define NLOC		SLOT(NREADER)

#include "tso.pml"

/* Nodes, which are the objects too, and sets of them. Nobody ever acquires the last. */
#define NNODE		3
#define BIT(n)		(1 << ((n) - 1))
#define ALL		7

/* What a pass is for. */
#define RECLAIM		0
#define LEFT_OVERS	1
#define BARRIER		2
#define COHORT_BARRIER	3

#define NPHASE		2

byte head[2];			/* the shards */
byte next[NNODE + 1];

/* Under the lock. Sets, where the engine has a list and counts. */
bit locked;
byte left_over;
byte pending[NPHASE];
byte phase = NPHASE;

byte used;			/* shards that takers look at */
bit idle;			/* the worker sleeps, or is about to */
byte ended;			/* retirers and barrier callers */
byte loaded[NREADER];		/* by a sequence that has not committed */
byte retired, taken, reclaimed;	/* sets, for assertions */

#ifdef COHORT
#define MEMBERS		BIT(2)
byte cohort;			/* its count */
#endif

#ifdef PATIENT
byte covered[2];		/* what each barrier waits for */
bit waits[2];
#define MAY_RELEASE(n) \
	((!waits[0] || (covered[0] & BIT(n))) && (!waits[1] || (covered[1] & BIT(n))))
#else
#define MAY_RELEASE(n)	true
#endif

#ifdef BARRIER_BY_TOTALS
byte total_retired, total_reclaimed;
#endif

#ifdef RESTARTABLE_PUSH
byte restarts;			/* membarriers that visited the pushing thread's CPU */
#define COMMITS	(restart == restarts)
#else
#define COMMITS	(head[shard] == old)
#endif

/* The number of the CPU that the thread happens to be on. */
#ifdef ONE_SHARD
#define SHARD(n)	0
#else
#define SHARD(n)	((n) != 1)
#endif

#define SHARDS_EMPTY	(head[0] == 0 && head[1] == 0)
#define TO_TAKE		(left_over != 0 || !SHARDS_EMPTY)

proctype reader(byte me)
{
	byte held, n;

	do
	:: d_step {
		n < ACQUIRES && loaded[me] == 0 && mem[P] != 0 ->
		loaded[me] = mem[P]
	   }
	:: n == ACQUIRES || (loaded[me] == 0 && mem[P] == 0) -> break
	:: d_step {
		loaded[me] != 0 ->
		held = loaded[me];
		loaded[me] = 0;
		store(me, SLOT(me), held)
	   }
		d_step {
			MAY_RELEASE(held) ->
			assert(!(reclaimed & BIT(held)));
			store(me, SLOT(me), 0);
			held = 0;
			n++
		}
	od;
	n = 0
}

inline wake_worker()
{
	d_step { idle = 0 }
}

inline push(n)
{
	shard = SHARD(n);
#ifdef WAKE_FIRST
	if
	:: head[shard] == 0 -> wake_worker()
	:: else
	fi;
#endif
	do
	:: d_step {
#ifndef MARKED_LATE
		used = used | 1 << shard;
#endif
		old = head[shard];
		next[n] = old;
#ifdef RESTARTABLE_PUSH
		restart = restarts
#endif
	   }
	   if
	   :: atomic {				/* CAS, a full fence */
		COMMITS ->
		head[shard] = n;
		break
	      }
	   :: !COMMITS
	   fi
	od;
#ifdef MARKED_LATE
	used = used | (old == 0 -> 1 << shard : 0);
#endif
	atomic {
#ifndef WAKE_FIRST
		if
		:: old == 0 -> idle = 0
		:: else
		fi;
#endif
		retired = retired | BIT(n);
#ifdef BARRIER_BY_TOTALS
		total_retired++;
#endif
		old = 0;
		shard = 0
	}
}

/* Only inside d_step: the exchange, and a walk along what is now the caller's. */
inline take_shard(s)
{
	do
	:: head[s] != 0 && (used & 1 << s) ->
		assert(!(taken & BIT(head[s])));
		taken = taken | BIT(head[s]);
		batch = batch | BIT(head[s]);
		head[s] = next[head[s]]
	:: else -> break
	od
}

/* Only inside d_step. */
inline join(set)
{
	pending[phase % NPHASE] = pending[phase % NPHASE] | (set)
}

/* Only inside d_step. */
inline leave(set)
{
	pending[0] = pending[0] & ~(set);
	pending[1] = pending[1] & ~(set)
}

#ifdef PHASE_NOT_DRAINED
#define MAY_CLOSE	(phase == mine)
#else
#define MAY_CLOSE	(phase == mine && pending[(phase + 1) % NPHASE] == 0)
#endif

#define DRAINED(p)	(phase - (p) >= NPHASE || pending[(p) % NPHASE] == 0)
#define OVER		(phase > mine && DRAINED(mine))

inline take(kind)
{
	d_step {
		!locked ->
		locked = 1;
		if
		:: kind == BARRIER -> barrier_begins()
		:: else
		fi;
		if
		:: kind == LEFT_OVERS
#ifdef NO_TAKE
		:: kind == BARRIER
#endif
		:: else -> take_shard(0)
		fi
	}
	d_step {
		if
		:: kind == LEFT_OVERS
#ifdef NO_TAKE
		:: kind == BARRIER
#endif
		:: else -> take_shard(1)
		fi;
		fresh = batch != 0;
#ifndef TAKE_UNREGISTERED
		join(batch);
#endif
#ifdef LEFT_OVER_RENEWED
		leave(left_over);
		join(left_over);
#endif
		batch = batch | left_over;
		left_over = 0;
#ifdef GIVEN_BACK_EARLY
		if
		:: kind == COHORT_BARRIER -> left_over = batch & ~MEMBERS; batch = batch & MEMBERS
		:: else
		fi;
#endif
#ifdef CLOSED_AT_TAKE
		if
		:: kind == BARRIER ->
			mine = phase;
			if
			:: MAY_CLOSE -> phase++
			:: else
			fi
		:: else
		fi;
#endif
		locked = 0
	}
#ifdef TAKE_UNREGISTERED
	d_step {
		!locked ->
		if
		:: fresh -> join(batch)
		:: else
		fi
	}
#endif
}

/* Only inside d_step. */
inline barrier_begins()
{
	must = retired;
#ifdef BARRIER_BY_TOTALS
	total = total_retired
#endif
}

/* An IPI to the CPU of a reader. */
inline visit(r)
{
	d_step {
		drain(r);
#ifndef DRAIN_ONLY
		loaded[r] = 0;			/* restart */
#endif
#ifdef RESTARTABLE_PUSH
		restarts++
#endif
	}
}

inline heavy_barrier()
{
#ifndef NO_HEAVY_BARRIER
	visit(0);
#if NREADER > 1
	visit(1);
#endif
#endif
	skip
}

inline look_at(r)
{
	d_step {
		if
		:: mem[SLOT(r)] != 0 -> protected = protected | BIT(mem[SLOT(r)])
		:: else
		fi
	}
}

inline scan()
{
	look_at(0);
#if NREADER > 1
	look_at(1);
#endif
	skip
}

inline put_back(kind)
{
#ifdef COHORT
	if
	:: kind == COHORT_BARRIER -> protected = protected | (ALL & ~MEMBERS)
	:: else
	fi;
#endif
#ifdef LEFT_OVER_LOST
	old = left_over;
	left_over = old | (batch & protected);
#endif
	d_step {
		!locked ->
#ifndef LEFT_OVER_LOST
		left_over = left_over | (batch & protected);
#endif
		kept = (batch & protected) != 0;
		batch = batch & ~protected;
		todo = batch;
		protected = 0;
		fresh = 0;
		old = 0;
#ifdef UNREGISTERED_EARLY
		leave(batch);
#endif
	}
#ifndef KEPT_IN_SILENCE
	if
	:: kept -> d_step { idle = 0; kept = 0 }
	:: else
	fi
#endif
}

/* Only inside d_step: the end of a callback. */
inline reclaim(n)
{
	assert(!(reclaimed & BIT(n)));
	reclaimed = reclaimed | BIT(n);
	todo = todo & ~BIT(n)
}

inline callbacks()
{
	do
	:: todo & BIT(1) ->
		push(3);
		d_step { reclaim(1) }
	:: !(todo & BIT(1)) && (todo & BIT(2)) ->
#ifdef LOWERED_EARLY
		d_step { cohort-- };
#endif
		d_step { reclaim(2) }
#if defined(COHORT) && !defined(LOWERED_EARLY)
		d_step { cohort-- };
#endif
	:: todo == BIT(3) ->
		d_step { reclaim(3) }
	:: todo == 0 -> break
	od
}

inline unregister()
{
	d_step {
		!locked ->
		leave(batch);
#ifdef BARRIER_BY_TOTALS
		total_reclaimed = total_reclaimed + (batch & 1) + (batch / 2 & 1) + batch / 4;
#endif
		batch = 0
	}
}

inline pass(kind)
{
#if defined(SCAN_BEFORE_TAKE) || defined(BARRIER_BEFORE_TAKE)
	heavy_barrier();
#endif
#ifdef SCAN_BEFORE_TAKE
	scan();
#endif
	take(kind);
	if
	:: batch != 0 ->
#if !defined(SCAN_BEFORE_TAKE) && !defined(BARRIER_BEFORE_TAKE)
		if
		:: fresh -> heavy_barrier()
		:: else
		fi;
#endif
#ifndef SCAN_BEFORE_TAKE
		scan();
#endif
		put_back(kind);
		callbacks();
		unregister()
	:: else -> atomic { fresh = 0; protected = 0 }
	fi
}

inline barrier()
{
#ifdef PATIENT
	atomic { covered[me] = retired; waits[me] = 1 }
#endif
#ifdef CLOSED_EARLY
	mine = phase;
#endif
	pass(BARRIER);
#if !defined(CLOSED_EARLY) && !defined(CLOSED_AT_TAKE)
	d_step { !locked -> mine = phase }
#endif
	do
#ifdef BARRIER_BY_TOTALS
	:: total_reclaimed >= total -> break
#else
	:: d_step { !locked && MAY_CLOSE -> phase++ }
	:: !locked && OVER -> break
#endif
#if (defined(NO_WORKER) || defined(DEEP))
	:: left_over != 0 -> pass(LEFT_OVERS)
#endif
	od;
	atomic {
		assert((must & ~reclaimed) == 0);
		must = 0;
		mine = 0;
#ifdef PATIENT
		waits[me] = 0;
#endif
		ended++
	}
}

inline cohort_barrier()
{
	must = retired & MEMBERS;
	do
	:: cohort == 0 -> break
	:: cohort != 0 && TO_TAKE -> pass(COHORT_BARRIER)
	od;
	atomic {
		assert((must & ~reclaimed) == 0);
		must = 0;
		ended++
	}
}

inline unpublish(n)
{
	d_step { mem[P] = (n == 2 -> 0 : n + 1) }
}

inline help()
{
	if
	:: pass(RECLAIM)
	:: true
	fi
}

inline retire(n)
{
#ifndef UNPUBLISH_LATE
	unpublish(n);
#endif
#if defined(COHORT) && !defined(RAISED_LATE)
	if
	:: n == 2 -> cohort++
	:: else
	fi;
#endif
	push(n);
#ifdef UNPUBLISH_LATE
	unpublish(n);
#endif
#ifdef RAISED_LATE
	if
	:: n == 2 -> cohort++
	:: else
	fi;
#endif
}

/* Everybody but the readers. */
#define LOCALS \
	byte old, batch, protected, todo, must, mine, total, restart; \
	bit shard, fresh, kept

proctype retirer(byte me)
{
	LOCALS;

	retire(1);
#ifndef PATIENT
	help();
#endif
	retire(2);
#ifdef DEEP
	help();
#endif
#ifndef PATIENT
	barrier()
#endif
}

proctype barrier_caller(byte me)
{
	LOCALS;

#ifdef COHORT
	cohort_barrier()
#else
	barrier()
#endif
}

/* Ticks whenever there is anything to take: it never waits for time. */
proctype worker()
{
	LOCALS;

	do
	:: TO_TAKE -> pass(RECLAIM)
	:: left_over != 0 -> pass(LEFT_OVERS)
	:: !TO_TAKE ->
#ifndef IDLE_LATE
		idle = 1;
#endif
		if
		:: !locked && left_over == 0 ->
			if
			:: SHARDS_EMPTY ->
#ifdef IDLE_LATE
				idle = 1;
#endif
end:				idle == 0
			:: !SHARDS_EMPTY -> idle = 0
			fi
		:: !locked && left_over != 0 -> idle = 0
		fi
	od
}

#ifdef NO_WORKER
/* A program that calls hazptr_reclaim_here() in the end. */
proctype program()
{
	LOCALS;

	ended == 2;
	do
	:: TO_TAKE -> pass(RECLAIM)
	:: reclaimed == ALL -> break
	od
}
#endif

init
{
	atomic {
		mem[P] = 1;
		run reader(0);
#if NREADER > 1
		run reader(1);
#endif
		run retirer(0);
		run barrier_caller(1);
#ifdef NO_WORKER
		run program()
#else
		run worker()
#endif
	}
	reclaimed == ALL
}
