/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/*
 * urcu.pml - RCU upon hazard pointers: two epochs that take turns, readers that hold
 * the present one, grace periods that swap them and wait for the old one.
 *
 * Modelled: a reader, whose section may contain another, and a signal handler that runs
 * a section of its own between any two steps of the reader's; or two readers without
 * handlers. Two updaters, each with a pointer of its own, and a mutex, to take and give
 * back by locked instructions. Readers and updaters each have a CPU with a store
 * buffer; a signal does not empty it.
 *
 *	lock:	 if the thread's word is 0: acquire the epoch, then word = slot | 1;
 *		 else word++
 *	unlock:	 if the depth in the word is 1: word = 0, then *slot = NULL; else word--
 *	acquire: load the epoch and publish it, in one restartable sequence
 *	update:	 store the new pointer; synchronize; poison the old object
 *	synchronize: enough = fetch_add(begun, 0) + 1; lock { unless over >= enough:
 *		 mine = ++begun; old = epoch; epoch = the other one; heavy barrier; wait
 *		 until no slot holds old; over = mine }
 *
 * Both cases. A reader whose hazard is on the old epoch is waited for, or has been
 * restarted by the barrier and finds the new one. A reader with the new epoch found it
 * after the swap, so it also finds what was stored before the swap; and the next grace
 * period waits for it. Nobody who came before the swap holds the new epoch: the grace
 * period before this one has waited for them, and it is over, for the mutex is ours.
 *
 * Sharing: who reads begun before it is raised has stored its pointer before that, and
 * so before the swap.
 *
 * Does not cover: the claim of a slot (publication.pml; here each section has one of
 * its own) and the contexts of urcu/reader.c, context switches (publication.pml), the
 * sleep for a slot and the check for sleepers in unlock (waiter.pml), mode switches
 * (mode.pml), a handler that a handler interrupts, fork, call_rcu(), memory models
 * weaker than TSO. There it takes a read-modify-write of begun, even one that adds
 * nothing: the one that raises begun has read from it.
 *
 * Asserted: what is read is not poisoned; every process ends.
 *
 * Variants that hold:
 *   (none)             the protocol, a reader and its handler
 *   TWO_READERS        two readers
 *   PORTABLE           the acquire by CAS, re-load, overwrite on change; the updater
 *                      issues no membarrier, its own fence is the heavy barrier. The
 *                      epoch may change and change back before the re-load: then the
 *                      section counts from the re-load
 *   PATIENT            two readers. A section that begins while a grace period is
 *                      under way, its swap visible, does not end before that grace
 *                      period does: new readers do not keep it from ending. (Without
 *                      handlers: one that waits keeps an older section from ending.)
 *   PORTABLE PATIENT   the same
 *   NO_SWAP            one epoch is as safe: the other is there for grace periods to
 *                      end (NO_SWAP PATIENT)
 *
 * Mutants, and what each shows:
 *   NO_WAIT            poisoning needs the wait
 *   NO_BARRIER         the hazard is in a store buffer when the scan passes
 *   DRAIN_ONLY         an ordinary membarrier: a sequence that is not restarted
 *                      publishes an epoch that nobody waits for before the grace
 *                      period after the next
 *   BARRIER_FIRST      a barrier before the swap: a restarted sequence finds the old
 *                      epoch again
 *   NO_FENCE           the swap is in the updater's store buffer during the barrier:
 *                      the same
 *   PORTABLE NO_RELOAD as DRAIN_ONLY
 *   PORTABLE NO_FENCE  the scan overtakes the swap
 *   NO_SWAP PATIENT    a grace period waits for readers that came after it
 *   SHARE_EARLY        enough = begun: shares a grace period that does not wait for
 *                      readers since its swap
 *   BEGUN_LATE         begun is raised after the swap: the same
 *   PLAIN_LOOK         begun is loaded, before the new pointer is visible: the same.
 *                      The mutex is a fence, too late
 *   NOT_SERIALISED     two grace periods at a time: the second goes back to the epoch
 *                      whose readers the first still waits for, and does not wait
 *   WAIT_UNLOCKED      swaps one at a time, but waiting outside the mutex: the same
 *   WORD_FIRST         a handler finds the word set, and nothing protected
 *   ZERO_LAST          a handler finds the word set, and nothing protected any more
 *   TWO_WORDS          the depth in a word of its own, stored after the slot: a handler
 *                      in between leaves its slot there, and the thread's own is
 *                      never released
 *   UNCOUNTED          an inner unlock ends the outer section
 *   NOT_RELEASED       the updater waits for what is held
 *
 * Bounds: three grace periods, so that an epoch goes and comes back; a section each for
 * reader and handler. DEEP: four, and two sections for each reader.
 */

#if defined(PATIENT) && !defined(TWO_READERS)
#define TWO_READERS
#endif

#ifdef TWO_READERS
#define NREADER		2
#define NCONTEXT	1
#else
#define NREADER		1
#define NCONTEXT	2	/* thread and handler */
#endif
#define NUPDATER	2
#define NCPU		(NREADER + NUPDATER)

/* by updater u */
#ifdef DEEP
#define UPDATES(u)	2
#define SECTIONS	2
#else
#define UPDATES(u)	(2 - (u))
#define SECTIONS	1
#endif

#ifdef PORTABLE
#define NO_BARRIER
#endif

/* Locations */
#define EPOCH		1
#define BEGUN		2
#define DATA(u)		(3 + (u))
#define FIRST_SLOT	DATA(NUPDATER)
#define SLOT(r, k)	(FIRST_SLOT + NCONTEXT * (r) + (k))
#define NLOC		SLOT(NREADER, 0)

#include "tso.pml"

/* The epochs; their number, not zero. */
#define FIRST_EPOCH	1
#define OTHER(e)	(3 - (e))

/* A thread's word: its slot, and how many sections it is in. No other thread looks. */
#define WORD(slot)	(4 * (slot) + 1)
#define DEPTH(w)	((w) % 4)
#define SLOT_OF(w)	((w) / 4)
#ifdef TWO_WORDS
#define ZEROED(w)	((w) / 4 * 4)
#else
#define ZEROED(w)	0
#endif

byte word[NREADER];
byte running[NREADER];		/* the context: thread, or handler */
byte loaded[NREADER];		/* the epoch, by a sequence that has not committed */

/* Under the mutex. */
bit locked;
byte over;			/* the last grace period that is */

/* Objects: the values of DATA(u), which only rise. Those up to this are poisoned. */
byte poisoned[NUPDATER];

#ifdef PATIENT
byte under_way;			/* the grace period, its swap visible; or 0 */
#define MAY_UNLOCK	(since == 0 || since != under_way)
#else
#define MAY_UNLOCK	true
#endif

/* Context k of reader r; its CPU is r. */
#define RUNS	(running[r] == k)

#ifdef PORTABLE
inline acquire()
{
	d_step { RUNS -> epoch = LOAD(r, EPOCH) }
	d_step { RUNS -> drain(r); mem[SLOT(r, k)] = epoch }	/* CAS */
#ifndef NO_RELOAD
	do
	:: atomic { RUNS && LOAD(r, EPOCH) == epoch -> break }
	:: d_step {
		RUNS && LOAD(r, EPOCH) != epoch ->
		epoch = LOAD(r, EPOCH)
	   }
		d_step { RUNS -> drain(r); mem[SLOT(r, k)] = epoch }	/* RMW */
	od;
#endif
	epoch = 0
}
#else
/* Whoever zeroes loaded[r] restarts the sequence. */
inline acquire()
{
	do
	:: d_step { RUNS && loaded[r] == 0 -> loaded[r] = LOAD(r, EPOCH) }
	:: d_step {
		RUNS && loaded[r] != 0 ->
		store(r, SLOT(r, k), loaded[r]);
		loaded[r] = 0
	   }
		break
	od
}
#endif

inline lock()
{
	d_step {
		RUNS -> w = word[r];
#ifdef PATIENT
		if
		:: DEPTH(w) == 0 -> since = under_way
		:: else
		fi
#endif
	}
	if
	:: DEPTH(w) != 0 ->
		d_step { RUNS -> word[r] = w + 1; w = 0 }
	:: else ->
#ifdef WORD_FIRST
		d_step { RUNS -> word[r] = WORD(SLOT(r, k)) }
#endif
		acquire();
#ifdef TWO_WORDS
		atomic { RUNS -> word[r] = WORD(SLOT(r, k)) - 1 }
		d_step { RUNS -> word[r] = word[r] + 1 }
#endif
#if !defined(WORD_FIRST) && !defined(TWO_WORDS)
		atomic { RUNS -> word[r] = WORD(SLOT(r, k)) }
#endif
	fi
}

/* Only inside d_step: a release store. */
inline release()
{
#ifndef NOT_RELEASED
	store(r, SLOT_OF(w), 0)
#endif
	skip
}

inline unlock()
{
	d_step { RUNS && MAY_UNLOCK -> w = word[r] }
	if
	:: DEPTH(w) > 1 ->
		d_step {
			RUNS -> word[r] = w - 1;
#ifdef UNCOUNTED
			store(r, SLOT_OF(w), 0);
#endif
			w = 0
		}
	:: else ->
#ifdef ZERO_LAST
		d_step { RUNS -> release() }
		d_step { RUNS -> word[r] = 0; w = 0 }
#else
		d_step { RUNS -> word[r] = ZEROED(w) }
		d_step { RUNS -> release(); w = 0 }
#endif
	fi
}

inline use(u)
{
	d_step { RUNS -> object = LOAD(r, DATA(u)) }
	d_step { RUNS -> assert(object > poisoned[u]); object = 0 }
}

inline read()
{
	if
	:: use(0)
	:: use(1)
	fi
}

#define LOCALS	byte w, epoch, object, since

proctype reader(byte r; byte k)
{
	LOCALS;
	byte n;

	do
	:: n < SECTIONS ->
		lock();
#ifndef TWO_READERS
		if
		:: RUNS -> lock(); unlock()
		:: RUNS
		fi;
#endif
		read();
		unlock();
		atomic { since = 0; n++ }
	:: else -> break
	od;
	n = 0
}

#ifndef TWO_READERS
proctype handler(byte r; byte k)
{
	LOCALS;

	/* A signal restarts a sequence. */
	d_step { running[r] == 0 -> running[r] = k; loaded[r] = 0 }
	lock();
	read();
	unlock();
	d_step { running[r] = 0 }
}
#endif

/* The IPI to the CPU of a reader. */
inline visit(r)
{
	d_step {
		drain(r);
#ifndef DRAIN_ONLY
		loaded[r] = 0			/* restart */
#endif
	}
}

inline heavy_barrier()
{
	d_step {
#ifndef NO_FENCE
		drain(me);
#endif
#ifdef PATIENT
		under_way = mem[BEGUN];
#endif
		skip
	}
#ifndef NO_BARRIER
	visit(0);
#ifdef TWO_READERS
	visit(1);
#endif
#endif
	skip
}

inline wait_for_epoch()
{
#ifndef NO_WAIT
	do
	:: d_step { slot < NLOC && LOAD(me, slot) != old -> slot++ }
	:: slot == NLOC -> break
	od;
#endif
	skip
}

inline raise_begun()
{
	d_step {				/* RMW */
		drain(me);
		mem[BEGUN] = mem[BEGUN] + 1;
		mine = mem[BEGUN]
	}
}

inline swap_epochs()
{
	d_step {
		old = LOAD(me, EPOCH);
#ifndef NO_SWAP
		store(me, EPOCH, OTHER(old))
#endif
	}
}

inline lock_mutex()
{
#ifdef NOT_SERIALISED
	d_step { drain(me) }
#else
	d_step { !locked -> locked = 1; drain(me) }
#endif
}

inline unlock_mutex()
{
	d_step { drain(me); locked = 0 }
}

inline grace_period()
{
#ifndef BEGUN_LATE
	raise_begun();
#endif
#ifdef BARRIER_FIRST
	heavy_barrier();
#endif
	swap_epochs();
#ifdef BEGUN_LATE
	raise_begun();
#endif
#ifndef BARRIER_FIRST
	heavy_barrier();
#endif
#ifdef WAIT_UNLOCKED
	unlock_mutex();
#endif
	wait_for_epoch();
#ifdef WAIT_UNLOCKED
	lock_mutex();
#endif
	atomic {
		slot = FIRST_SLOT;
		over = (mine > over -> mine : over);
		old = 0;
		mine = 0;
#ifdef PATIENT
		under_way = 0
#endif
	}
}

#ifdef SHARE_EARLY
#define ENOUGH	mem[BEGUN]
#else
#define ENOUGH	(mem[BEGUN] + 1)
#endif

inline synchronize()
{
	d_step {				/* RMW, which adds nothing */
#ifndef PLAIN_LOOK
		drain(me);
#endif
		enough = ENOUGH
	}
	lock_mutex();
	if
	:: over >= enough		/* somebody's that began after we came */
	:: else -> grace_period()
	fi;
	unlock_mutex()
}

proctype updater(byte u; byte me)
{
	byte n = 1, enough, old, mine, slot = FIRST_SLOT;

	do
	:: n <= UPDATES(u) ->
		d_step { store(me, DATA(u), n + 1) }
		synchronize();
		d_step { poisoned[u] = n; n++; enough = 0 }
	:: else -> break
	od;
	n = 0
}

init
{
	atomic {
		mem[EPOCH] = FIRST_EPOCH;
		mem[DATA(0)] = 1;
		mem[DATA(1)] = 1;
		run reader(0, 0);
#ifdef TWO_READERS
		run reader(1, 0);
#else
		run handler(0, 1);
#endif
		run updater(0, NREADER);
		run updater(1, NREADER + 1)
	}
}
