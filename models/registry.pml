/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define NCPU	2
#define NTHREAD	2

#ifndef LINES
#define LINES	4
#endif
#ifndef SWAPS
#define SWAPS	2		/* by each thread */
#endif
#ifndef ACQUIRES
#define ACQUIRES 1		/* by each thread */
#endif

/* Locations */
#define P		1
#define MARK		2
#define CURRENT_LINE(c)	(3 + (c))
#define STATE(l)	(3 + NCPU + (l))
#define SLOT(l, i)	(3 + NCPU + LINES + 2 * (l) + (i))
#define NLOC		SLOT(LINES, 0)

/* States of a line */
#define UNUSED		0
#define CURRENT		1
#define PARKED		2
#define IS_SHARED	3

#define LINE_OF(s)	(((s) - SLOT(0, 0)) / 2)
#define NONE		255

#define IS_EMPTY(s)	(LOAD(CPU, s) == 0)

/* I3 and I4: a hazard is written into an empty slot of a line in use. */
#define ON_WRITE(l, v) \
	if \
	:: l >= SLOT(0, 0) && v != 0 -> \
		assert(mem[l] == 0); \
		assert(mem[STATE(LINE_OF(l))] != PARKED) \
	:: else \
	fi

#include "tso.pml"
#include "sched.pml"

bit poisoned[3];

inline acquire()
{
	do
	:: {
		atomic {
			RUNS -> enter_sequence();
			line = LOAD(CPU, CURRENT_LINE(CPU));
		}
		d_step { RUNS -> slot = (IS_EMPTY(SLOT(line, 0)) -> SLOT(line, 0) : 0) }
		if
		:: slot != 0
		:: else ->
			d_step {
				RUNS -> slot = (IS_EMPTY(SLOT(line, 1)) -> SLOT(line, 1) : 0);
				if
				:: slot == 0 -> leave_sequence()
				:: else
				fi
			}
		fi;
		if
		:: slot != 0 ->
			d_step { RUNS -> addr = LOAD(CPU, P) }
			d_step { RUNS -> store(CPU, slot, addr); leave_sequence(); line = 0; slot = (addr == 0 -> 0 : slot) }
		:: else
		fi;
		break
	   } unless {
		d_step { RESTARTED -> abort_handler(); slot = 0; addr = 0; line = 0 }
	   }
	od
}

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

/* new = a drained line, or a fresh one, or NONE; its state is CURRENT */
inline take()
{
	d_step { RUNS -> m = LOAD(CPU, MARK) }
look:	atomic {
		RUNS ->
		if
		:: line == m -> goto fresh
		:: line < m && LOAD(CPU, STATE(line)) == PARKED
		:: else -> line++; goto look
		fi
	}
	atomic {
		RUNS ->
		if
		:: IS_EMPTY(SLOT(line, 0))
		:: else -> line++; goto look
		fi
	}
	atomic {
		RUNS ->
		if
		:: IS_EMPTY(SLOT(line, 1))
		:: else -> line++; goto look
		fi
	}
	atomic {
		RUNS -> drain(CPU);
		if
		:: mem[STATE(line)] == PARKED ->
			mem[STATE(line)] = CURRENT;
			new = line;
			goto taken
		:: else -> line++; goto look
		fi
	}
fresh:	atomic { RUNS ->
		if
		:: LOAD(CPU, MARK) == LINES -> new = NONE; goto taken
		:: else -> m = LOAD(CPU, MARK)
		fi
	}
	atomic {
		RUNS -> drain(CPU);
		if
		:: mem[MARK] == m -> mem[MARK] = m + 1; new = m
		:: else -> goto fresh
		fi
	}
	d_step { RUNS -> store(CPU, STATE(new), CURRENT) }
taken:	skip
}

inline swap()
{
	d_step { RUNS -> cpu = CPU; old = LOAD(CPU, CURRENT_LINE(cpu)) }
	take();
	if
	:: new == NONE
	:: else ->
	do
	:: {
		atomic {
			RUNS -> enter_sequence();
			if
			:: CPU == cpu && LOAD(CPU, CURRENT_LINE(cpu)) == old
			:: else -> leave_sequence(); old = new; break
			fi
		}
		d_step {
			RUNS -> store(CPU, CURRENT_LINE(cpu), new);
			leave_sequence();
			assert(LOAD(0, CURRENT_LINE(0)) != LOAD(1, CURRENT_LINE(1)));
		}
		break
	   } unless {
		d_step { RESTARTED -> abort_handler() }
	   }
	od;
	atomic { RUNS -> store(CPU, STATE(old), PARKED) ; old = 0 }
	fi;
	atomic { line = 0; old = 0; new = 0; cpu = 0; m = 0 }
}

proctype thread(byte me)
{
	byte slot, addr, line, m, new, old, cpu, swaps, acquires;

	do
	:: swaps < SWAPS -> swaps++; swap()
	:: slot == 0 && acquires < ACQUIRES -> acquires++; acquire()
	:: slot != 0 -> release()
	:: slot == 0 -> break
	od;
	atomic { RUNS -> swaps = 0; acquires = 0; thread_ends() }
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

proctype waiter()
{
	byte m, s;
	mem[P] = 0;
	atomic{visit(0);
	visit(1);}
 atomic {	m = mem[MARK];
	s = SLOT(0, 0);}
	do
	:: s < SLOT(m, 0) -> atomic { mem[s] != 1 && mem[s+1] != 1 -> s = s + 2 }
	:: else -> break
	od;
	poisoned[1] = 1
}

init
{
	atomic {
		mem[P] = 1;
		mem[MARK] = 2;
		mem[CURRENT_LINE(0)] = 0;
		mem[CURRENT_LINE(1)] = 1;
		mem[STATE(0)] = CURRENT;
		mem[STATE(1)] = CURRENT;
		on[0] = OFF;
		on[1] = OFF;
		run thread(0);
		run thread(1);
		run waiter()
	}
}
