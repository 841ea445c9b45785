/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/*
 * held.pml - a slot that its holder writes itself: publish, look at the mode,
 * load again; against unpublish, fence, a barrier if the mode asks for one, scan;
 * while the mode changes.
 *
 * Modelled: two CPUs with store buffers, unlimited preemption and migration. A
 * reader holds a slot from the start, protects in it what it loads, uses it, and
 * protects the next one over it or nothing. A writer publishes object 1, object 2,
 * NULL, and poisons the old object after each wait. A third thread takes the mode
 * from RSEQ through TRANS to FENCED, by a sweep that visits CPU after CPU, and
 * with TWO_WAY back again by the same way, though nothing in the library does. A
 * membarrier does as publication.pml's.
 *
 * In RSEQ readers do not fence and waiters need a barrier; in FENCED it is the
 * other way round; in TRANS both do (scenario 9).
 *
 * Covers the held hazards of src/held.rs, scenarios 9, 10 and 11. Does not cover:
 * how the slot was claimed (publication.pml), sleeping for what is overwritten
 * (waiter.pml), memory models weaker than TSO.
 *
 * Asserted: what is used is not poisoned; the slot is never empty; the writer finds
 * no object in it when the reader has ended.
 *
 * Variants that hold:
 *   (none)             the protocol, the mode on its way down
 *   TWO_WAY            and up again
 *   LOOKED_EARLY       see below
 *   RELINKED           the hazard goes from one backup slot to another, in one step
 *                      for a scan that holds the list's lock
 *
 * Mutants, and what each shows:
 *   NO_BARRIER         the store waits in its buffer for longer than the scan
 *   NO_RELOAD          what was loaded may be poisoned before it is published
 *   NO_READER_FENCE    in FENCED nobody else fences for the reader
 *   NO_SWEEP           a reader that has found RSEQ has its store in the buffer
 *                      still, when waiters go on without a barrier
 *   NO_TRANS           scenario 9: FENCED before the sweep is over
 *   TWO_WAY MODE_LAST  scenario 10: the mode, looked at after the second load, may
 *                      be RSEQ again
 *   MODE_FIRST         looked at before the store, it may be RSEQ no more
 *   COPIED             scenario 11: the scan passes the copy before it is made, and
 *                      the original when it is gone
 *   EMPTY              a slot with NULL in it is anybody's
 *   NOT_RESET          the writer waits for what is held
 *   TWO_WAY LOOKED_EARLY  a waiter's look at the mode, before it unpublishes: the mode
 *                      may be RSEQ again, and the waiter has no barrier. While the mode
 *                      only goes down that does no harm (LOOKED_EARLY holds): an older
 *                      mode never asks for less
 */

#define NCPU	2
#define NTHREAD	3
#define READER	0
#define WRITER	1
#define SWITCHER 2

/* by the reader */
#define PROTECTS	2

/* Modes */
#define RSEQ	0
#define TRANS	1
#define FENCED	2

/* Locations */
#define P	1
#define MODE	2
#define COPY	3	/* the slot that a scan passes first */
#define SLOT	4
#define NLOC	5

/* No object. */
#define NOTHING	9

#define ON_WRITE(l, v) assert(l != SLOT || v != 0)

#include "tso.pml"
#include "sched.pml"

#define LAST_OBJECT	2
bit poisoned[NOTHING + 1];

inline look_at_mode()
{
	d_step { RUNS -> mode = LOAD(CPU, MODE) }
}

inline fence_if_asked()
{
#ifndef NO_READER_FENCE
	if
	:: mode != RSEQ -> d_step { RUNS -> drain(CPU) }
	:: else
	fi
#else
	skip
#endif
}

inline protect()
{
	d_step { RUNS -> addr = LOAD(CPU, P) }
	do
	::
#ifdef MODE_FIRST
		look_at_mode();
#endif
#ifdef EMPTY
		d_step { RUNS -> store(CPU, SLOT, addr) }
#else
		d_step { RUNS -> store(CPU, SLOT, (addr == 0 -> NOTHING : addr)) }
#endif
#if !defined(MODE_FIRST) && !defined(MODE_LAST)
		look_at_mode();
#endif
#ifndef MODE_LAST
		fence_if_asked();
#endif
#ifdef NO_RELOAD
		break
#else
		d_step { RUNS -> now = LOAD(CPU, P) }
#ifdef MODE_LAST
		/* A real one would begin anew; a fence is all that this is about. */
		look_at_mode();
		fence_if_asked();
#endif
		if
		:: now == addr -> break
		:: else -> addr = now
		fi
#endif
	od;
	skip
}

inline reset(slot)
{
#ifdef NOT_RESET
	skip
#else
	d_step { RUNS -> store(CPU, slot, NOTHING) }
#endif
}

proctype reader(byte me)
{
	byte addr, now, mode, n;

	do
	:: n < PROTECTS ->
		n++;
		protect();
#if defined(COPIED)
		d_step { RUNS -> store(CPU, COPY, (addr == 0 -> NOTHING : addr)) }
		reset(SLOT);
#elif defined(RELINKED)
		d_step {
			RUNS ->
			drain(CPU);
			mem[COPY] = (addr == 0 -> NOTHING : addr);
			mem[SLOT] = NOTHING
		}
#endif
		d_step { RUNS -> assert(!poisoned[addr]) }
#if defined(COPIED) || defined(RELINKED)
		reset(COPY)
#else
		if
		:: reset(SLOT)
		:: n < PROTECTS		/* what comes next overwrites it */
		fi
#endif
	:: else -> break
	od;
	atomic { RUNS -> addr = 0; now = 0; mode = 0; n = 0; thread_ends() }
}

inline visit(c)
{
	d_step {
		RUNS ->
		if
		:: CPU != c -> drain(c)
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

#define READER_ENDED	(ended[READER] && !BUFFERED(0) && !BUFFERED(1))

proctype writer(byte me)
{
	byte old, mode;

	d_step { RUNS -> store(CPU, P, 1); old = 1 }
	do
	:: old <= LAST_OBJECT ->
#ifdef LOOKED_EARLY
		look_at_mode();
#endif
		d_step {
			RUNS ->
			store(CPU, P, (old == LAST_OBJECT -> 0 : old + 1));
			drain(CPU)
		}
#ifndef LOOKED_EARLY
		look_at_mode();
#endif
#ifndef NO_BARRIER
		if
		:: mode != FENCED -> membarrier()
		:: else
		fi;
#endif
#ifdef RELINKED
		d_step {	/* with the list's lock */
			RUNS && LOAD(CPU, COPY) != old && LOAD(CPU, SLOT) != old
		}
#else
		d_step { RUNS && LOAD(CPU, COPY) != old }
		if
		:: d_step { RUNS && LOAD(CPU, SLOT) != old }
		:: d_step { RUNS && READER_ENDED && mem[SLOT] == old -> assert(false) }
		fi;
#endif
		atomic { poisoned[old] = 1; old++; mode = 0 }
	:: else -> break
	od;
	atomic { RUNS -> old = 0; thread_ends() }
}

/* Read-modify-writes. */
inline set_mode(m)
{
	d_step { RUNS -> drain(CPU); mem[MODE] = m }
}

/* Every CPU has been through a context switch. */
inline sweep()
{
#ifndef NO_SWEEP
	d_step { RUNS -> drain(0) }
	d_step { RUNS -> drain(1) }
#else
	skip
#endif
}

inline turn(m)
{
#ifndef NO_TRANS
	set_mode(TRANS);
	sweep();
	set_mode(m)
#else
	set_mode(m);
	sweep()
#endif
}

proctype switcher(byte me)
{
	turn(FENCED);
#ifdef TWO_WAY
	turn(RSEQ);
#endif
	atomic { RUNS -> thread_ends() }
}

init
{
	atomic {
		on[READER] = OFF;
		on[WRITER] = OFF;
		on[SWITCHER] = OFF;
		mem[SLOT] = NOTHING;
		mem[COPY] = NOTHING;
		run reader(READER);
		run writer(WRITER);
		run switcher(SWITCHER)
	}
}
