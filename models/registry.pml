/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/*
 * registry.pml - taking, swapping and parking lines, the mark, and the scan.
 *
 * Modelled: two CPUs with store buffers, preemption without limit, three lines of
 * two slots, two threads, of which the second migrates. Line 2 is at first either
 * unused or parked and empty. Thread 0 swaps the line of its CPU and acquires;
 * thread 1 swaps, acquires, swaps; both release in the end. A thread may swap at
 * any time, not only when its line is full: the engine parks early, too. When no
 * line can be had the swap is given up (the engine would use a backup slot).
 *
 *	take: for each line below the mark:
 *		if PARKED and each slot was seen empty, one after the other,
 *			CAS its state from PARKED to CURRENT -> taken
 *	      m = mark; CAS mark from m to m + 1; state[m] = CURRENT -> taken
 *	swap: sequence on cpu: if this is cpu and current[cpu] == old
 *			current[cpu] = new
 *	      state[swapped ? old : new] = PARKED
 *
 * The waiter loads the mark, reads every slot of every line below it, whatever its
 * state, and poisons the object. I5 is taken from publication.pml: unpublish, fence
 * and barrier are one step here, and so are load and commit.
 *
 * Covers I1 to I4 and I6; scenarios 1, 5 (a handler is a thread that preempts
 * another and ends before it goes on), 7 (swap), 15. Does not cover: backup slots
 * (backup.pml), growth of the chunk table, memory models weaker than TSO, where
 * the mark must also be loaded after the barrier (under TSO: after the fence).
 *
 * Asserted:
 *   - a line is current for one CPU at most;
 *   - an address is written only into an empty slot (I3), and never into a line
 *     that is parked (I4);
 *   - a hazard stays in its slot until its holder releases it (I1);
 *   - nobody who holds the object finds it poisoned (I6).
 *
 * Variants that hold:
 *   (none)             the protocol
 *   LOWER_MARK         a third party lowers the mark once: locks the top line
 *                      (PARKED -> UNUSED), reads all its slots again, lowers
 *   SHARED_LINE        line 2 of four is SHARED, and thread 0 acquires in it by CAS
 *
 * Witness, an assertion that must be reached:
 *   DRAINED_TWICE      a line that was seen empty is taken, filled and parked by
 *                      others before the CAS of the first succeeds: a line with
 *                      a hazard in it becomes current. It is part of every variant
 *                      above; that they hold shows that it is harmless
 *
 * Mutants, and what each shows:
 *   PLAIN_SWAP         swap stores current[cpu] without a sequence or a check
 *   CHECKED_SWAP       swap checks cpu and old line, but is not a sequence
 *   ANY_CPU            swap is a sequence, but does not look which CPU it is on
 *   PARK_FIRST         the old line is parked before current[cpu] leaves it
 *   TAKE_CURRENT       a line is taken although it is CURRENT
 *   TAKE_SHARED        (with SHARED_LINE) a line is taken although it is SHARED
 *   MARK_LOADED_EARLY  the waiter loads the mark before it has unpublished
 *   MARK_RAISED_LATE   current[cpu] names a line before the mark covers it
 *   NO_REREAD          (with LOWER_MARK) scenario 15: a line that was seen empty
 *                      before it was locked may have been used since
 *   SKIP_PARKED        a scan that leaves parked lines out
 *   MOVE_ON_PARK       scenario 1: who parks a line moves its hazard to the new one;
 *                      the scan has passed there, and comes too late here
 *
 * Bounds: SOLO (thread 0 does nothing), ACQUIRER (it does not swap) and SWAPPER
 * (it does not acquire) make the search shorter where this is enough: what is
 * caught with less is caught with all. DEEP lets thread 0 migrate, too.
 */

#define NCPU	2
#define NTHREAD	2
#ifdef SHARED_LINE
#define LINES	4
#else
#define LINES	3
#endif

/* Each thread takes the steps from FROM to TO: even ones swap, odd ones acquire. */
#if defined(SOLO)
#define FROM0	0
#define TO0	0
#elif defined(ACQUIRER)
#define FROM0	1
#define TO0	2
#elif defined(SWAPPER)
#define FROM0	0
#define TO0	1
#else
#define FROM0	0
#define TO0	2
#endif
#define FROM	(me == 0 -> FROM0 : 0)
#define TO	(me == 0 -> TO0 : 3)

#ifndef DEEP
#define MAY_RUN(t, c)	((t) == 1 || (c) == 0)
#endif

/* Locations */
#define P		1
#define MARK		2
#define CURRENT_OF(c)	(3 + (c))
#define STATE(l)	(3 + NCPU + (l))
#define SLOT(l, i)	(3 + NCPU + LINES + 2 * (l) + (i))
#define NLOC		SLOT(LINES, 0)

#define LINE_OF(s)	(((s) - SLOT(0, 0)) / 2)
#define IS_EMPTY(s)	(LOAD(CPU, s) == 0)

/* States of a line */
#define UNUSED		0
#define CURRENT		1
#define PARKED		2
#define SHARED		3

#define NONE		255
#define OBJECT		1

#define ON_WRITE(l, v) \
	assert(l < SLOT(0, 0) || v == 0 || mem[l] == 0);	/* I3 */ \
	assert(l < SLOT(0, 0) || v == 0 || mem[STATE(LINE_OF(l))] != PARKED) /* I4 */

#include "tso.pml"
#include "sched.pml"

bit poisoned[OBJECT + 1];

/*
 * The fast path, in two steps. Any empty slot will do: publication.pml looks for
 * the first, one by one.
 */
inline acquire()
{
	do
	:: {
		atomic {
			RUNS -> enter_sequence();
			if
			:: IS_EMPTY(SLOT(LOAD(CPU, CURRENT_OF(CPU)), 0)) ->
				slot = SLOT(LOAD(CPU, CURRENT_OF(CPU)), 0)
			:: IS_EMPTY(SLOT(LOAD(CPU, CURRENT_OF(CPU)), 1)) ->
				slot = SLOT(LOAD(CPU, CURRENT_OF(CPU)), 1)
			:: else -> leave_sequence(); break
			fi
		}
		d_step {
			RUNS -> addr = LOAD(CPU, P);
			store(CPU, slot, addr);
			leave_sequence();
			slot = (addr == 0 -> 0 : slot)
		}
		break
	   } unless {
		d_step { RESTARTED -> abort_handler(); slot = 0 }
	   }
	od
}

#ifdef SHARED_LINE
/* What has changed when it looks again it gives up. */
inline acquire_portably()
{
	d_step { RUNS -> addr = LOAD(CPU, P) }
	d_step {			/* CAS, a full fence */
		RUNS -> drain(CPU);
		if
		:: addr != 0 && mem[SLOT(2, 0)] == 0 ->
			slot = SLOT(2, 0);
			mem[slot] = addr
		:: else -> addr = 0
		fi
	}
	if
	:: slot != 0 ->
		d_step {
			RUNS ->
			if
			:: LOAD(CPU, P) != addr ->
				store(CPU, slot, 0);
				slot = 0;
				addr = 0
			:: else
			fi
		}
	:: else
	fi
}
#endif

inline release()
{
	d_step {
		RUNS ->
		assert(!poisoned[addr]);
		assert(LOAD(CPU, slot) == addr);	/* I1 */
		store(CPU, slot, 0);
		slot = 0;
		addr = 0
	}
}

#if defined(TAKE_CURRENT)
#define MAY_TAKE(state)	((state) != UNUSED)
#elif defined(TAKE_SHARED)
#define MAY_TAKE(state)	((state) == PARKED || (state) == SHARED)
#else
#define MAY_TAKE(state)	((state) == PARKED)
#endif

#define LOOK_AT(l) \
	:: atomic { \
		RUNS && MAY_TAKE(LOAD(CPU, STATE(l))) && IS_EMPTY(SLOT(l, 0)) -> \
		line = l \
	   }

/*
 * new = a line whose state is CURRENT, but which is current nowhere; or NONE.
 * The engine goes from the lowest line to the highest; this looks at any line,
 * at any time, or at none: more behaviours, and fewer states.
 */
inline take()
{
	line = 0;
look:	if
	LOOK_AT(0)
	LOOK_AT(1)
	LOOK_AT(2)
	:: goto fresh
	fi;
	atomic {
		RUNS ->
		if
		:: IS_EMPTY(SLOT(line, 1))
		:: else -> line = 0; goto look
		fi
	}
	atomic {			/* CAS */
		RUNS -> drain(CPU);
		if
		:: MAY_TAKE(mem[STATE(line)]) ->
#ifdef DRAINED_TWICE
			assert(mem[SLOT(line, 0)] == 0 && mem[SLOT(line, 1)] == 0);
#endif
			mem[STATE(line)] = CURRENT;
			new = line;
			line = 0;
			goto taken
		:: else -> line = 0; goto look
		fi
	}
fresh:	atomic {
		RUNS -> mark = LOAD(CPU, MARK);
		if
		:: mark == LINES -> mark = 0; new = NONE; goto taken
		:: else
		fi
	}
#ifdef MARK_RAISED_LATE
	atomic {			/* CAS on the state: the line is ours */
		RUNS -> drain(CPU);
		if
		:: mem[STATE(mark)] == UNUSED ->
			mem[STATE(mark)] = CURRENT;
			new = mark;
			raise = true
		:: else -> new = NONE
		fi;
		mark = 0
	}
#else
	atomic {			/* CAS */
		RUNS -> drain(CPU);
		if
		:: mem[MARK] == mark -> mem[MARK] = mark + 1; new = mark; mark = 0
		:: else -> mark = 0; goto fresh
		fi
	}
	d_step { RUNS -> store(CPU, STATE(new), CURRENT) }
#endif
taken:	skip
}

inline name_new_line()
{
	store(CPU, CURRENT_OF(cpu), new);
	assert(LOAD(0, CURRENT_OF(0)) != LOAD(1, CURRENT_OF(1)))
}

inline swap()
{
	/* One step: both are only guesses, the sequence checks them. */
	d_step { RUNS -> cpu = CPU; old = LOAD(CPU, CURRENT_OF(CPU)) }
	take();
	if
	:: new != NONE ->
#ifdef PARK_FIRST
		d_step { RUNS -> store(CPU, STATE(old), PARKED) }
#endif
#if defined(PLAIN_SWAP)
		d_step { RUNS -> name_new_line() }
#elif defined(CHECKED_SWAP)
		atomic {
			RUNS ->
			if
			:: CPU == cpu && LOAD(CPU, CURRENT_OF(cpu)) == old
			:: else -> old = new; goto swapped
			fi
		}
		d_step { RUNS -> name_new_line() }
#else
		do
		:: {
			atomic {
				RUNS -> enter_sequence();
				if
#ifdef ANY_CPU
				:: LOAD(CPU, CURRENT_OF(cpu)) == old
#else
				:: CPU == cpu && LOAD(CPU, CURRENT_OF(cpu)) == old
#endif
				:: else -> leave_sequence(); old = new; break
				fi
			}
			d_step { RUNS -> name_new_line(); leave_sequence() }
			break
		   } unless {
			d_step { RESTARTED -> abort_handler() }
		   }
		od;
#endif
#ifdef MARK_RAISED_LATE
		atomic {
			RUNS -> drain(CPU);
			mem[MARK] = (raise -> new + 1 : mem[MARK]);
			raise = false
		}
#endif
swapped:	atomic { RUNS -> store(CPU, STATE(old), PARKED); old = 0; cpu = 0 }
	:: else
	fi;
	atomic { new = 0; old = 0; cpu = 0 }
}

#ifdef MOVE_ON_PARK
/* As an acquire does, but the address comes from the old slot. */
inline move_hazard()
{
	old = slot;
	do
	:: {
		atomic {
			RUNS -> enter_sequence();
			if
			:: IS_EMPTY(SLOT(LOAD(CPU, CURRENT_OF(CPU)), 0)) ->
				slot = SLOT(LOAD(CPU, CURRENT_OF(CPU)), 0)
			:: else -> slot = old; leave_sequence(); break
			fi
		}
		d_step { RUNS -> store(CPU, slot, addr); leave_sequence() }
		d_step { RUNS -> store(CPU, old, 0) }
		break
	   } unless {
		d_step { RESTARTED -> abort_handler(); slot = old }
	   }
	od;
	old = 0
}
#endif

proctype thread(byte me)
{
	byte slot, addr, line, mark, new, old, cpu, step;
#ifdef MARK_RAISED_LATE
	bit raise;
#endif

	step = FROM;
	do
	:: step < TO ->
		if
#ifdef SHARED_LINE
		:: me == 0 -> step = TO; acquire_portably()
		:: me == 1 && step % 2 == 0 -> step++; swap()
		:: me == 1 && step % 2 == 1 -> step++; acquire()
#else
		:: step % 2 == 0 ->
			step++;
			swap();
#ifdef MOVE_ON_PARK
			if
			:: slot != 0 -> move_hazard()
			:: else
			fi
#endif
		:: step % 2 == 1 -> step++; acquire()
#endif
		fi
	:: else -> break
	od;
	if
	:: slot != 0 -> release()
	:: else
	fi;
	atomic { RUNS -> step = 0; thread_ends() }
}

inline visit(c)
{
	d_step {
		drain(c);
		if
		:: on[0] == c -> restart(0)
		:: on[1] == c -> restart(1)
		:: else
		fi
	}
}

/* Runs on a CPU of its own, and has nothing in its store buffer. */
proctype waiter()
{
	byte mark, s;

#ifdef MARK_LOADED_EARLY
	mark = mem[MARK];
#endif
	atomic { mem[P] = 0; visit(0); visit(1) }
#ifndef MARK_LOADED_EARLY
	mark = mem[MARK];
#endif
	s = SLOT(0, 0);
	do
	:: d_step {
		s < SLOT(mark, 0) && (
#ifdef SKIP_PARKED
		mem[STATE(LINE_OF(s))] == PARKED ||
#endif
		(mem[s] != OBJECT && mem[s + 1] != OBJECT)) -> s = s + 2
	   }
	:: s == SLOT(mark, 0) -> break
	od;
	atomic { poisoned[OBJECT] = 1; mark = 0; s = 0 }
}

#ifdef LOWER_MARK
/* Like the waiter, elsewhere; a thread that does this between other things. */
proctype lower_mark()
{
	byte top;

	/* A first look; one step, for what it sees may be outdated at once. */
	if
	:: atomic {
		mem[MARK] > 2 -> top = mem[MARK] - 1;
		if
		:: mem[STATE(top)] == PARKED &&
		   mem[SLOT(top, 0)] == 0 && mem[SLOT(top, 1)] == 0
		:: else -> goto out
		fi
	   }
	fi;
	/* CAS: nobody takes an UNUSED line below the mark, so this is a lock. */
	if
	:: atomic { mem[STATE(top)] == PARKED -> mem[STATE(top)] = UNUSED }
	:: atomic { mem[STATE(top)] != PARKED -> goto out }
	fi;
#ifndef NO_REREAD
	if
	:: atomic { mem[SLOT(top, 0)] != 0 -> goto unlock }
	:: mem[SLOT(top, 0)] == 0
	fi;
	if
	:: atomic { mem[SLOT(top, 1)] != 0 -> goto unlock }
	:: mem[SLOT(top, 1)] == 0
	fi;
#endif
	/* CAS; from here on the line belongs to whoever raises the mark. */
	if
	:: atomic { mem[MARK] == top + 1 -> mem[MARK] = top; goto out }
	:: mem[MARK] != top + 1
	fi;
unlock:
	mem[STATE(top)] = PARKED;
out:
	top = 0
}
#endif

init
{
	atomic {
		mem[P] = OBJECT;
		mem[MARK] = 2;
		mem[CURRENT_OF(0)] = 0;
		mem[CURRENT_OF(1)] = 1;
		mem[STATE(0)] = CURRENT;
		mem[STATE(1)] = CURRENT;
#ifdef SHARED_LINE
		mem[STATE(2)] = SHARED;
		mem[MARK] = 3;
#else
		if
		:: mem[STATE(2)] = PARKED; mem[MARK] = 3
		:: skip
		fi;
#endif
		on[0] = OFF;
		on[1] = OFF;
		run thread(0);
		run thread(1);
		run waiter();
#ifdef LOWER_MARK
		run lower_mark()
#endif
	}
}
