/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/*
 * sched.pml - threads, CPUs, context switches and restartable sequences; to be
 * included after tso.pml.
 *
 * The including file defines NTHREAD (at most 4). Thread t runs on CPU on[t],
 * or waits for one: on[t] == OFF. Every step of a thread is
 *
 *	d_step { RUNS -> ... }
 *
 * so that it is executed only while the thread is on a CPU, and CPU is that
 * CPU. The scheduler takes threads off and puts them on any idle CPU at any
 * time, without limit: preemption and migration between any two steps. Where
 * MAY_RUN(t, c) is defined it says which thread may run where.
 *
 * NO_RESTART_ON_SWITCH is a mutant of publication.pml.
 */

#define OFF	NCPU
#define CPU	on[me]
#define RUNS	(on[me] != OFF)

byte on[NTHREAD];
bit in_seq[NTHREAD];		/* rseq_cs is set and the sequence not over */
bit aborted[NTHREAD];		/* the kernel sent the thread to its abort handler */
bit ended[NTHREAD];

/*
 * Only inside d_step or atomic. The kernel's part of a restart: what the
 * thread would have done next in its sequence never happens.
 */
inline restart(t)
{
	if
	:: in_seq[t] -> aborted[t] = 1
	:: else
	fi
}

/*
 * Only inside d_step or atomic. schedule() has a full barrier between the
 * stores of the thread that leaves and the loads of the thread that comes.
 */
inline switch_out(t)
{
	drain(on[t]);
#ifndef NO_RESTART_ON_SWITCH
	restart(t);
#endif
	on[t] = OFF
}

#ifndef MAY_RUN
#define MAY_RUN(t, c)	true
#endif

#if NTHREAD == 2
#define IDLE(c)	(on[0] != (c) && on[1] != (c))
#elif NTHREAD == 3
#define IDLE(c)	(on[0] != (c) && on[1] != (c) && on[2] != (c))
#else
#define IDLE(c)	(on[0] != (c) && on[1] != (c) && on[2] != (c) && on[3] != (c))
#endif

#define SWITCH(t) \
	:: d_step { on[t] != OFF -> switch_out(t) } \
	:: d_step { on[t] == OFF && !ended[t] && MAY_RUN(t, 0) && IDLE(0) -> on[t] = 0 } \
	:: d_step { on[t] == OFF && !ended[t] && MAY_RUN(t, 1) && IDLE(1) -> on[t] = 1 }

active proctype scheduler()
{
end:	do
	SWITCH(0)
	SWITCH(1)
#if NTHREAD > 2
	SWITCH(2)
#endif
#if NTHREAD > 3
	SWITCH(3)
#endif
	od
}

/*
 * A restartable sequence is
 *
 *	{ enter; steps; commit } unless { RESTARTED -> back to the start }
 *
 * The store that commits ends the sequence in the same step: the address of
 * the next instruction is already outside.
 */
#define RESTARTED	(RUNS && aborted[me])

inline enter_sequence()
{
	in_seq[me] = 1
}

inline leave_sequence()
{
	in_seq[me] = 0
}

inline abort_handler()
{
	in_seq[me] = 0;
	aborted[me] = 0
}

inline thread_ends()
{
	switch_out(me);
	ended[me] = 1
}
