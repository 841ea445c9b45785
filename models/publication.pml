/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/*
 * publication.pml - claim, load and publish in one restartable sequence,
 * against unpublish, full fence, membarrier, scan.
 *
 * Modelled: two CPUs with store buffers, unlimited preemption and migration,
 * one line of two slots for each CPU. Two readers acquire, use and release; the
 * first may hand its last hazard to the second, which releases it from wherever
 * it runs. One writer publishes NULL, object 1, object 2, NULL, and poisons the old
 * object after each wait. A membarrier visits CPU after CPU, gives its
 * caller no fence, and may return early, doing nothing, while no other CPU runs
 * a thread of the process: that is less than the kernel gives.
 *
 * Covers I1, I3 (CURRENT lines), I5, I6 (fixed set of lines); scenarios 4, 5 (a
 * handler is a thread that preempts another and ends before it goes on), 6, 7
 * (acquire and release). With PORTABLE_* also the acquire by CAS, store and
 * re-load in a SHARED line, alone and beside restartable sequences.
 * Does not cover: full lines and swapping (registry.pml), sleeping
 * (waiter.pml), shared barriers (barrier.pml), mode switches (scenario 9), memory
 * models weaker than TSO, more than two outstanding stores a CPU.
 *
 * Asserted:
 *   - nobody who holds an object finds it poisoned;
 *   - a hazard stays in its slot until its holder releases it (I1);
 *   - no address is written over an address (I3);
 *   - the writer finds no object in a slot when both readers have ended. (Waiting for
 *     it would be no invalid end state: threads are switched for ever.)
 *
 * Variants that hold:
 *   (none)             the protocol
 *   KERNEL_FENCE       no fence in the writer, but the kernel's at the start of the
 *                      membarrier, which never returns early
 *   PORTABLE_1         reader 1 acquires without a sequence, in a SHARED line
 *   PORTABLE_ALL       both do, and the writer issues no membarrier: its own
 *                      fence is the whole heavy barrier
 *
 * Mutants, and what each shows:
 *   NO_SCAN            poisoning needs the wait
 *   NO_BARRIER         the scan passes a sequence between load and commit, and
 *                      committed slots that are still in a store buffer
 *   DRAIN_ONLY         an ordinary membarrier: the same sequence is not restarted
 *   NO_FENCE           no fence in the writer, the kernel's at the start of the
 *                      membarrier, and the early return, where there is none: the
 *                      scan is over before the new pointer is visible
 *   BARRIER_FIRST      a barrier before the unpublish covers nothing
 *   NO_RESTART_ON_SWITCH  a context switch must restart, too: the membarrier does
 *                      not reach a sequence that is not running
 *   NOT_RELEASED       the writer waits for what is held
 *   CTX_OF_NULL        scenario 4: releasing a NULL acquire clears the hazard of
 *                      whoever took the slot
 *   NO_RELOAD          (with PORTABLE_ALL) the address may be old by the time
 *                      it is visible
 *   NO_RELOAD_FENCE    (with PORTABLE_ALL) the overwriting store is no RMW:
 *                      the re-load overtakes it
 *   PORTABLE_ALL NO_FENCE  no fence in the writer: the scan overtakes the
 *                      unpublish
 *
 * Bounds: one acquire for each reader; DEEP: two.
 */

#define NCPU	2
#define NTHREAD	3
#define WRITER	2

/* by each reader */
#ifdef DEEP
#define ACQUIRES	2
#else
#define ACQUIRES	1
#endif

#ifdef PORTABLE_ALL
#define PORTABLE	true
#define NO_BARRIER
#endif
#ifdef PORTABLE_1
#define PORTABLE	(me == 1)
#endif

/* Locations */
#define P		1
#define MAIL		2	/* from reader 0 to reader 1: a slot, or KEPT */
#define FIRST_SLOT	3
#define SLOT(c, i)	(FIRST_SLOT + 2 * (c) + (i))
#define SHARED(i)	SLOT(2, i)
#ifdef PORTABLE
#define NLOC		SLOT(3, 0)
#else
#define NLOC		SLOT(2, 0)
#endif
#define KEPT		255

#define IS_EMPTY(s)	(LOAD(CPU, s) == 0)

/* I3; a portable acquire that saw a new pointer overwrites its own address. */
#define ON_WRITE(l, v) \
	assert(l < FIRST_SLOT || l >= SLOT(2, 0) || v == 0 || mem[l] == 0)

#include "tso.pml"
#include "sched.pml"

#define LAST_OBJECT	2
bit poisoned[LAST_OBJECT + 1];

/* The fast path. A full line is no slow path here: try again. */
inline acquire_in_sequence()
{
	do
	:: {
		atomic {
			RUNS -> enter_sequence();
			slot = (IS_EMPTY(SLOT(CPU, 0)) -> SLOT(CPU, 0) : 0)
		}
		if
		:: slot != 0
		:: else ->
			d_step {
				RUNS -> slot = (IS_EMPTY(SLOT(CPU, 1)) -> SLOT(CPU, 1) : 0);
				if
				:: slot == 0 -> leave_sequence()
				:: else
				fi
			}
		fi;
		if
		:: slot != 0 ->
			d_step { RUNS -> addr = LOAD(CPU, P) }
			d_step { RUNS -> store(CPU, slot, addr); leave_sequence() }
			break
		:: else
		fi
	   } unless {
		d_step { RESTARTED -> abort_handler(); slot = 0; addr = 0 }
	   }
	od
}

#ifdef PORTABLE
/* No sequence: any thread may do this, whatever its CPU. */
inline acquire_portably()
{
	d_step { RUNS -> addr = LOAD(CPU, P) }
	do
	:: addr == 0 -> break
	:: addr != 0 && slot == 0 ->
		d_step {		/* the CAS, a full fence */
			RUNS -> drain(CPU);
			if
			:: mem[SHARED(0)] == 0 -> slot = SHARED(0); mem[slot] = addr
			:: else ->
				if
				:: mem[SHARED(1)] == 0 -> slot = SHARED(1); mem[slot] = addr
				:: else
				fi
			fi
		}
	:: slot != 0 ->
#ifdef NO_RELOAD
		break
#else
		atomic {
			RUNS ->
			if
			:: LOAD(CPU, P) == addr -> break
			:: else -> addr = LOAD(CPU, P)
			fi
		}
		d_step { RUNS -> store(CPU, slot, addr) }
#ifndef NO_RELOAD_FENCE
		d_step { RUNS -> drain(CPU) }
#endif
		if
		:: addr == 0 -> slot = 0
		:: else
		fi
#endif
	od
}
#endif

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

proctype reader(byte me)
{
	byte slot, addr, n;

	do
	:: n < ACQUIRES ->
		n++;
#ifdef PORTABLE
		if
		:: PORTABLE -> acquire_portably()
		:: else -> acquire_in_sequence()
		fi;
#else
		acquire_in_sequence();
#endif
#ifndef CTX_OF_NULL
		if
		:: addr == 0 -> slot = 0
		:: else
		fi;
#endif
		if
		:: slot != 0 && me == 0 && n == ACQUIRES -> break
		:: slot != 0 -> use_and_release()
		:: slot == 0
		fi
	:: else -> break
	od;

	/* What reader 0 has not released, reader 1 does (I1, scenario 6). */
	if
	:: me == 0 ->
		d_step { RUNS -> store(CPU, MAIL, (slot == 0 -> KEPT : slot)) }
	:: me == 1 ->
		d_step { RUNS && LOAD(CPU, MAIL) != 0 -> slot = LOAD(CPU, MAIL) }
		if
		:: slot != KEPT ->
			d_step { RUNS -> addr = LOAD(CPU, slot) }
			use_and_release()
		:: else
		fi
	fi;
	atomic { RUNS -> slot = 0; addr = 0; n = 0; thread_ends() }
}

/* The IPI to CPU c; the kernel sends none to the CPU of the caller. */
inline visit(c)
{
	d_step {
		RUNS ->
		if
		:: CPU != c ->
			drain(c);
#ifndef DRAIN_ONLY
			if
			:: on[0] == c -> restart(0)
			:: on[1] == c -> restart(1)
			:: else
			fi
#endif
		:: else
		fi
	}
}

inline membarrier()
{
#ifdef NO_BARRIER
	skip
#else
	if
#ifndef KERNEL_FENCE
	:: RUNS && IDLE(1 - CPU)	/* the early return */
#endif
	::
#if defined(KERNEL_FENCE) || defined(NO_FENCE)
		d_step { RUNS -> drain(CPU) }
#endif
		visit(0);
		visit(1)
	fi
#endif
}

#define READERS_ENDED \
	(ended[0] && ended[1] && !BUFFERED(0) && !BUFFERED(1))

proctype writer(byte me)
{
	byte old, s;

	d_step { RUNS -> store(CPU, P, 1); old = 1 }
	do
	:: old <= LAST_OBJECT ->
#ifdef BARRIER_FIRST
		membarrier();
#endif
		d_step { RUNS -> store(CPU, P, (old == LAST_OBJECT -> 0 : old + 1)) }
#if !defined(NO_FENCE) && !defined(KERNEL_FENCE)
		d_step { RUNS -> drain(CPU) }
#endif
#ifndef BARRIER_FIRST
		membarrier();
#endif
#ifndef NO_SCAN
		s = FIRST_SLOT;
		do
		:: d_step { s < NLOC && RUNS && LOAD(CPU, s) != old -> s++ }
		:: d_step {
			s < NLOC && RUNS && READERS_ENDED && mem[s] == old ->
			assert(false)
		   }
		:: s == NLOC -> break
		od;
#endif
		atomic { poisoned[old] = 1; old++; s = 0 }
	:: else -> break
	od;
	atomic { RUNS -> old = 0; thread_ends() }
}

init
{
	atomic {
		on[0] = OFF;
		on[1] = OFF;
		on[WRITER] = OFF;
		run reader(0);
		run reader(1);
		run writer(WRITER)
	}
}
