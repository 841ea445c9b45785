/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/*
 * tso.pml - memory with one store buffer per CPU (total store order, x86).
 *
 * A store goes to the buffer of the CPU that executes it, and from there, at
 * any later time and in order, to memory. A load takes the youngest entry of
 * its own CPU's buffer for that location, else memory. A full fence, an atomic
 * read-modify-write, a context switch and a membarrier visit empty the buffer.
 *
 * The including file defines first
 *
 *   NCPU         the number of CPUs
 *   NLOC         the number of locations; location 0 is not used (an empty
 *                buffer entry names it)
 *   ON_WRITE(l, v)   optional: assertions on a value v about to reach location
 *                l of memory
 *
 * and declares no active process before including it: the buffers are
 * processes 0 to NCPU - 1, and each finds its CPU in _pid.
 *
 * A buffer holds two entries. A third store first moves the oldest entry to
 * memory, as hardware does when its buffer is full. Behaviours that need three
 * outstanding stores on one CPU are not covered.
 */

#ifndef ON_WRITE
#define ON_WRITE(l, v) skip
#endif

byte mem[NLOC];
byte sb_loc[NCPU * 2];		/* entry 0 of each CPU is the older one */
byte sb_val[NCPU * 2];

#define BUFFERED(c)	(sb_loc[2 * (c)] != 0)

#define LOAD(c, l) \
	(sb_loc[2 * (c) + 1] == (l) -> sb_val[2 * (c) + 1] : \
	(sb_loc[2 * (c)] == (l) -> sb_val[2 * (c)] : mem[l]))

/* Only inside d_step or atomic: moves the oldest entry of c to memory. */
inline flush(c)
{
	ON_WRITE(sb_loc[2 * (c)], sb_val[2 * (c)]);
	mem[sb_loc[2 * (c)]] = sb_val[2 * (c)];
	sb_loc[2 * (c)] = sb_loc[2 * (c) + 1];
	sb_val[2 * (c)] = sb_val[2 * (c) + 1];
	sb_loc[2 * (c) + 1] = 0;	/* one form for each content: fewer states */
	sb_val[2 * (c) + 1] = 0
}

/* Only inside d_step or atomic: an ordinary store, and a release store. */
inline store(c, l, v)
{
	if
	:: sb_loc[2 * (c) + 1] != 0 -> flush(c)
	:: else
	fi;
	if
	:: sb_loc[2 * (c)] == 0 ->
		sb_loc[2 * (c)] = l;
		sb_val[2 * (c)] = v
	:: else ->
		sb_loc[2 * (c) + 1] = l;
		sb_val[2 * (c) + 1] = v
	fi
}

/* Only inside d_step or atomic: what a full fence does. */
inline drain(c)
{
	if
	:: BUFFERED(c) ->
		flush(c);
		if
		:: BUFFERED(c) -> flush(c)
		:: else
		fi
	:: else
	fi
}

active [NCPU] proctype store_buffer()
{
	/* Nothing else decides when a store becomes visible. */
end:	do
	:: d_step { BUFFERED(_pid) -> flush(_pid) }
	od
}
