/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/*
 * mode.pml - the way down from mode rseq, under restartable sequences; and the parts
 * together: publication, line swap, two waiters, a shared barrier, and a hazard
 * that another thread releases than acquired it.
 *
 * Modelled: two CPUs with store buffers, unlimited preemption and migration. A
 * reader swaps a line of its own in, or does not; acquires an object in the line of
 * its CPU, or, where there is no line or no slot, portably; uses it, and releases
 * it. CPU 1 has no line at first. Lines have one slot. Two waiters each unpublish an
 * object, wait, and poison it. Each membarrier is granted or refused, as it comes: a
 * filter may be one thread's. Who is refused changes the mode, or waits until
 * another has:
 *
 *	waiter:	unpublish; full fence; if the mode is RSEQ or TRANS: a barrier; scan
 *	barrier: another's that is begun after we arrived, and has ended; or our own:
 *		membarrier; if refused: lock; if the mode is RSEQ: {
 *			mode = TRANS; nr_cpus = 0; sweep;
 *			current[each] = none; sweep; mode = LOWER
 *		}; unlock
 *	swap:	sequence: if this is cpu, cpu < nr_cpus, and current[cpu] == old
 *			current[cpu] = new
 *	sweep:	full fence; be on CPU 0; be on CPU 1
 *
 * A sweep is nothing but that its caller was on each CPU: whoever was there before
 * has been switched out. A membarrier does as publication.pml's. Nobody has to wait
 * for another's barrier: more behaviours than the engine has.
 *
 * Both cases. A swap has read nr_cpus before it was zero: the first sweep finds it
 * committed, or restarts it. So what is taken out of the table stays out. An acquire
 * has found a line before that was taken out: the second sweep finds it committed,
 * visibly, or restarts it. So there are no sequences when the mode is LOWER.
 *
 * Covers I1, I3, I5, I6 (fixed set of lines) while the mode changes; scenarios 6, 7,
 * 9, 14. Does not cover: taking and parking lines (registry.pml), sleeping
 * (waiter.pml), the step from MEMBARRIER to FENCE, CPUs that come or go during a
 * sweep, fork, memory models weaker than TSO, more than two outstanding stores a CPU.
 *
 * Asserted:
 *   - nobody who holds an object finds it poisoned;
 *   - a hazard stays in its slot until it is released (I1);
 *   - no address is written over an address (I3);
 *   - no waiter finds its object in a slot when all readers have ended.
 *
 * Variants that hold:
 *   (none)             one reader, two waiters
 *   RELEASER           another thread releases what the reader acquires
 *   SWAPPER            another thread swaps, and not the reader
 *   PORTABLE           another thread acquires portably, beside
 *   HELD               the reader has a held hazard, as held.pml's
 *   MOVED              the reader is bound to one CPU, which the sweep visits, and then
 *                      to the other, which it does not
 * and some that show what is not needed:
 *   LOOKED_EARLY, LOOKED_UNFENCED  the waiter looks at the mode before it unpublishes,
 *                      or before its fence: the mode only goes down, so that an older
 *                      one asks for no less. (If it rose: TWO_WAY in held.pml)
 *   TRANS_LEFT_OUT     RSEQ until the second sweep is over: waiters do the same in RSEQ
 *                      and TRANS, and sequences look at neither. Held hazards do
 *
 * Mutants, and what each shows:
 *   TWO_VALUED         scenario 9: LOWER at once, and the waiter that finds it skips its
 *                      barrier while a sequence has yet to commit
 *   TRANS_IS_LOWER     the same, by a waiter that needs no barrier in TRANS
 *   HELD TRANS_LEFT_OUT  who found RSEQ behind the sweep has its store in its buffer when
 *                      waiters go without a barrier
 *   HELD TRANS_UNFENCED  the same, by a holder that does not fence in TRANS
 *   NO_SWEEP           sequences go on in LOWER; (with HELD) stores stay in buffers
 *   FIRST_SWEEP_ONLY   so does an acquire that has found a line
 *   SECOND_SWEEP_ONLY  a swap puts a line back into the table, for good
 *   SWEPT_LATE         LOWER before the second sweep: as FIRST_SWEEP_ONLY
 *   NO_SWEEP_FENCE     (with MOVED) the table, not cleared visibly before the sweep reads
 *                      where it must go, is used on a CPU that it does not visit.
 *                      Where all CPUs are visited the visits are fence enough
 *   NR_CPUS_STAYS      swaps fill the table again
 *   NR_CPUS_UNSEEN     the same, by swaps that do not look
 *   NR_CPUS_BEFORE     the same, by swaps that look before their sequence only
 *   TABLE_STAYS        acquires find lines as ever
 *   TABLE_FIRST        the table cleared before nr_cpus is zero: a swap in between
 *   TABLE_FIRST SWEPT_BETWEEN  with a sweep after each, it is the same
 *   NO_LOCK            who is refused while another changes the mode does not wait
 *   NO_FENCE           no fence in the waiter
 *   SHARES_ANY         scenario 14: relying on a barrier that was begun before
 *   NOT_RELEASED       the waiter waits for what is held
 *
 * Bounds: one acquire for each reader; RELEASER DEEP: the reader acquires one object,
 * which the other thread releases, and then the other object. ONE_WAITER: the other
 * waiter never comes. Most mutants need it: to who changes the mode any sweep is a
 * barrier; what goes wrong in it is found by who comes after.
 */

#define NCPU	2
#if defined(RELEASER) || defined(PORTABLE) || defined(SWAPPER)
#define NTHREAD	4
#else
#define NTHREAD	3
#endif
/* Threads; waiters are 0 and 1. */
#define READER	2
#define BESIDE	3

/* While only one thread acquires, it may be object 0 always: the waiters are alike. */
#if defined(PORTABLE) && !defined(ONE_WAITER)
#define MAY_CHOOSE(t)	((t) == READER)
#else
#define MAY_CHOOSE(t)	false
#endif

/* Modes */
#define RSEQ	0
#define TRANS	1
#define LOWER	2

/* Locations. P(i) is the pointer to object i, for waiter i to unpublish. */
#define P(i)		(1 + (i))
#define NR_CPUS		3
#define CURRENT(c)	(4 + (c))
#define MAIL		6	/* from reader to releaser: a slot, or KEPT */
#define SLOT(l)		(6 + (l))	/* of line 1, which is current, and 2, a spare one */
#define OWN(t)		(7 + (t))	/* in a SHARED line */
#define NLOC		OWN(NTHREAD)

#define NONE		0	/* no line, in the table */
#define SPARE		2
#define KEPT		255

/* Objects are 1 and 2; what a held slot holds when it protects none. */
#define OBJECT(i)	(1 + (i))
#define NOTHING		3

#define ON_WRITE(l, v) \
	assert((l) < SLOT(1) || (l) >= OWN(READER) || v == 0 || mem[l] == 0)

#ifdef MOVED
/* A thread's mask: the reader is bound to one CPU, waiters to 0 unless they visit. */
bit bound_to;
bit roams[2];
#define MAY_RUN(t, c) \
	((t) == READER -> (c) == bound_to : (c) == 0 || roams[(t) % 2])
#endif

#include "tso.pml"
#include "sched.pml"

bit poisoned[NOTHING + 1];

/* Changed by read-modify-writes only. */
byte mode;
bit locked;
bit begun[2];		/* the barrier that each waiter runs */
bit done[2];

/* Out: slot == 0 if there is none to be had here. */
inline acquire_in_sequence()
{
	do
	:: {
		atomic {
			RUNS -> enter_sequence();
			slot = LOAD(CPU, CURRENT(CPU));
			slot = (slot == NONE -> 0 : SLOT(slot));
			if
			:: slot != 0 && LOAD(CPU, slot) == 0
			:: else -> slot = 0; leave_sequence(); break
			fi
		}
		d_step { RUNS -> addr = LOAD(CPU, P(which)) }
		d_step { RUNS -> store(CPU, slot, addr); leave_sequence() }
		break
	   } unless {
		d_step { RESTARTED -> abort_handler(); slot = 0; addr = 0 }
	   }
	od
}

/* In a slot that nobody else uses: publication.pml has acquires compete. */
inline acquire_portably(own)
{
	d_step { RUNS -> addr = LOAD(CPU, P(which)) }
	if
	:: addr != 0 ->
		d_step { RUNS -> drain(CPU); slot = own; mem[slot] = addr }	/* CAS */
		d_step {
			RUNS ->
			if
			:: LOAD(CPU, P(which)) != addr ->
				addr = 0;
				store(CPU, slot, 0)
			:: else
			fi
		}
	:: else
	fi
}

inline swap()
{
	d_step { RUNS -> cpu = CPU; old = LOAD(CPU, CURRENT(CPU)) }
#ifdef NR_CPUS_BEFORE
	if
	:: d_step { RUNS && LOAD(CPU, NR_CPUS) <= cpu -> cpu = OFF }
	:: RUNS && LOAD(CPU, NR_CPUS) > cpu
	fi;
#endif
	do
	:: {
		atomic {
			RUNS -> enter_sequence();
			if
#if defined(NR_CPUS_BEFORE) || defined(NR_CPUS_UNSEEN)
			:: CPU == cpu
#else
			:: CPU == cpu && cpu < LOAD(CPU, NR_CPUS)
#endif
			:: else -> leave_sequence(); break
			fi
		}
		atomic {
			RUNS ->
			if
			:: LOAD(CPU, CURRENT(cpu)) == old
			:: else -> leave_sequence(); break
			fi
		}
		d_step { RUNS -> store(CPU, CURRENT(cpu), SPARE); leave_sequence() }
		break
	   } unless {
		d_step { RESTARTED -> abort_handler() }
	   }
	od;
	atomic { cpu = 0; old = 0 }
}

inline use_and_release()
{
	d_step {
		RUNS ->
		assert(!poisoned[addr]);
		assert(LOAD(CPU, slot) == addr);	/* I1 */
#ifndef NOT_RELEASED
		store(CPU, slot, 0);
#endif
		slot = 0;
		addr = 0
	}
}

/* The slow path, where need be; a context of NULL names no slot. */
inline settle(own)
{
	if
	:: slot == 0 -> acquire_portably(own)
	:: slot != 0
	fi;
	atomic {
		which = 0;
		if
		:: addr == 0 -> slot = 0
		:: else
		fi
	}
}

proctype reader(byte me)
{
	byte slot, addr, cpu, old;
	bit which;

	if
	:: true
	:: MAY_CHOOSE(me) -> which = 1
	fi;
#if !defined(SWAPPER) && !defined(MOVED)
	if
	:: me == READER -> swap()
	:: true
	fi;
#endif
	if
	:: me == READER -> acquire_in_sequence()
	:: else
	fi;
	settle(OWN(me));
#ifdef RELEASER
	d_step { RUNS -> store(CPU, MAIL, (slot == 0 -> KEPT : slot)) }
	atomic { slot = 0; addr = 0 }
#ifdef DEEP
	which = 1;
	acquire_in_sequence();
	settle(OWN(BESIDE));
#endif
#endif
#if !defined(RELEASER) || defined(DEEP)
	if
	:: slot != 0 -> use_and_release()
	:: slot == 0
	fi;
#endif
	atomic { RUNS -> thread_ends() }
}

#ifdef RELEASER
proctype releaser(byte me)
{
	byte slot, addr;

	d_step { RUNS && LOAD(CPU, MAIL) != 0 -> slot = LOAD(CPU, MAIL) }
	if
	:: slot != KEPT ->
		d_step { RUNS -> addr = LOAD(CPU, slot) }
		use_and_release()
	:: else
	fi;
	atomic { RUNS -> slot = 0; thread_ends() }
}
#endif

#ifdef SWAPPER
proctype swapper(byte me)
{
	byte cpu, old;

	swap();
	atomic { RUNS -> thread_ends() }
}
#endif

#ifdef MOVED
/* Somebody binds the reader to the other CPU, where it is not now. */
proctype mover()
{
	d_step {
		bound_to = 1;
		if
		:: on[READER] != OFF -> switch_out(READER)
		:: else
		fi
	}
}
#endif

#ifdef HELD
/* As held.pml's, once. */
proctype holder(byte me)
{
	byte addr, now, found;

	d_step { RUNS -> addr = LOAD(CPU, P(0)) }
	do
	:: d_step { RUNS -> store(CPU, OWN(me), (addr == 0 -> NOTHING : addr)) }
		d_step { RUNS -> found = mode }
#ifdef TRANS_UNFENCED
		if
		:: found == LOWER -> d_step { RUNS -> drain(CPU) }
		:: else
		fi;
#else
		if
		:: found != RSEQ -> d_step { RUNS -> drain(CPU) }
		:: else
		fi;
#endif
		d_step { RUNS -> now = LOAD(CPU, P(0)); found = 0 }
		if
		:: now == addr -> break
		:: else -> addr = now
		fi
	od;
	atomic {
		RUNS ->
		assert(!poisoned[addr]);
		store(CPU, OWN(me), NOTHING);
		addr = 0;
		now = 0
	}
	atomic { RUNS -> thread_ends() }
}
#endif

/* The IPI to CPU c; the kernel sends none to the CPU of the caller. */
inline visit(c)
{
	d_step {
		RUNS ->
		if
		:: CPU != c ->
			drain(c);
			if
			:: on[0] == c -> restart(0)
			:: on[1] == c -> restart(1)
			:: on[READER] == c -> restart(READER)
#if NTHREAD == 4
			:: on[BESIDE] == c -> restart(BESIDE)
#endif
			:: else
			fi
		:: else
		fi
	}
}

inline membarrier()
{
	if
	:: RUNS && IDLE(1 - CPU)	/* the early return */
	::
		visit(0);
		visit(1)
	fi
}

inline sweep()
{
#ifndef NO_SWEEP_FENCE
	d_step { RUNS -> drain(CPU) }
#endif
#ifdef MOVED
	d_step { RUNS -> roams[me] = bound_to }
#endif
	on[me] == 0;
#ifdef MOVED
	if
	:: d_step { on[me] == 1 -> roams[me] = false; switch_out(me) }
	:: !roams[me]
	fi
#else
	on[me] == 1
#endif
}

inline set_mode(m)
{
	d_step { RUNS -> drain(CPU); mode = m }
}

inline zero_nr_cpus()
{
#ifndef NR_CPUS_STAYS
	d_step { RUNS -> store(CPU, NR_CPUS, 0) }
#else
	skip
#endif
}

inline clear_table()
{
#ifndef TABLE_STAYS
	d_step { RUNS -> store(CPU, CURRENT(0), NONE) }
	d_step { RUNS -> store(CPU, CURRENT(1), NONE) }
#else
	skip
#endif
}

inline leave_rseq()
{
#ifdef NO_LOCK
	atomic {
		RUNS ->
		if
		:: locked -> goto left
		:: else -> drain(CPU); locked = true
		fi
	}
#else
	d_step { RUNS && !locked -> drain(CPU); locked = true }
#endif
	if
	:: mode == RSEQ ->
#if defined(TWO_VALUED)
		set_mode(LOWER);
#elif !defined(TRANS_LEFT_OUT)
		set_mode(TRANS);
#endif
#ifdef TABLE_FIRST
		clear_table();
#ifdef SWEPT_BETWEEN
		sweep();
#endif
		zero_nr_cpus();
		sweep();
#ifndef SWEPT_BETWEEN
		sweep();
#endif
#else
		zero_nr_cpus();
#if !defined(NO_SWEEP) && !defined(SECOND_SWEEP_ONLY)
		sweep();
#endif
		clear_table();
#ifdef SWEPT_LATE
		set_mode(LOWER);
#endif
#if !defined(NO_SWEEP) && !defined(FIRST_SWEEP_ONLY)
		sweep();
#endif
#endif
		set_mode(LOWER)
	:: mode != RSEQ
	fi;
	d_step { RUNS -> drain(CPU); locked = false }
left:	skip
}

inline look_at_mode()
{
	d_step { RUNS -> found = mode }
}

#ifdef TRANS_IS_LOWER
#define NEEDS_BARRIER	(found == RSEQ)
#else
#define NEEDS_BARRIER	(found != LOWER)
#endif

#ifdef SHARES_ANY
#define MAY_RELY	done[1 - me]
#else
#define MAY_RELY	(!late && done[1 - me])
#endif

inline barrier()
{
	d_step { RUNS -> late = begun[1 - me] }
	if
	:: d_step { RUNS && MAY_RELY -> late = 0 }
	:: d_step { RUNS -> late = 0; drain(CPU); begun[me] = true }
		if
		:: membarrier()
		:: leave_rseq()
		fi;
		d_step { RUNS -> drain(CPU); done[me] = true }
	fi
}

#define READERS_ENDED \
	(ended[READER] && ended[NTHREAD - 1] && !BUFFERED(0) && !BUFFERED(1))

proctype waiter(byte me)
{
	byte found, s;
	bit late;

#ifdef LOOKED_EARLY
	look_at_mode();
#endif
	d_step { RUNS -> store(CPU, P(me), 0) }
#ifdef LOOKED_UNFENCED
	look_at_mode();
#endif
#ifndef NO_FENCE
	d_step { RUNS -> drain(CPU) }
#endif
#if !defined(LOOKED_EARLY) && !defined(LOOKED_UNFENCED)
	look_at_mode();
#endif
	if
	:: NEEDS_BARRIER -> found = 0; barrier()
	:: else -> found = 0
	fi;
	s = SLOT(1);
	do
	:: d_step { s < NLOC && RUNS && LOAD(CPU, s) != OBJECT(me) -> s++ }
	:: d_step {
		s < NLOC && RUNS && READERS_ENDED && mem[s] == OBJECT(me) ->
		assert(false)
	   }
	:: s == NLOC -> break
	od;
	atomic { RUNS -> poisoned[OBJECT(me)] = true; s = 0; thread_ends() }
}

init
{
	atomic {
		mem[P(0)] = OBJECT(0);
		mem[P(1)] = OBJECT(1);
		mem[NR_CPUS] = NCPU;
		mem[CURRENT(0)] = 1;
#ifdef MOVED
		mem[CURRENT(1)] = SPARE;
		run mover();
#endif
		on[0] = OFF;
		on[1] = OFF;
		on[READER] = OFF;
		run waiter(0);
#ifdef ONE_WAITER
		ended[1] = true;
#else
		run waiter(1);
#endif
#ifdef HELD
		mem[OWN(READER)] = NOTHING;
		run holder(READER)
#else
		run reader(READER)
#endif
#if NTHREAD == 4
		;
		on[BESIDE] = OFF;
#if defined(RELEASER)
		run releaser(BESIDE)
#elif defined(SWAPPER)
		run swapper(BESIDE)
#else
		run reader(BESIDE)
#endif
#endif
	}
}
