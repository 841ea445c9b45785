/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/*
 * backup.pml - backup slots: one list under one lock.
 *
 * Modelled: two readers that acquire through a backup slot only, and a writer
 * that replaces object 1 by object 2, and that by NULL, each thread on a CPU of its
 * own with a store buffer.
 *
 *	acquire: addr = p; lock; node.addr = addr; link node; unlock; full fence;
 *		 while p != addr: addr = p; NULL: unlink, done;
 *			node.addr = addr (no lock), full fence
 *	release: lock; unlink; unlock
 *	scan:	 head == NULL, read without the lock: done; else the list under it
 *
 * Both cases. The reader's fence comes first: head and node.addr are visible, the
 * scan finds them. The waiter's fence comes first: the reader's re-load sees the
 * new pointer.
 *
 * Covers I6 (backup list) and scenario 3. Does not cover: the waiter check after
 * an overwrite (waiter.pml), signals blocked while the lock is held, the lock's own
 * making, the node's memory going away after the release, memory models weaker
 * than TSO.
 *
 * Asserted: nobody who holds an object finds it poisoned; a node that is unlinked
 * was linked; every process ends.
 *
 * Mutants, and what each shows:
 *   NO_LINK_FENCE      the unlock is an ordinary store: the re-load overtakes it,
 *                      and the link
 *   NO_RELOAD          the address may be old by the time it is visible
 *   NO_OVERWRITE_FENCE the re-load overtakes the second publication
 *   NO_SCAN_FENCE      head == NULL overtakes the writer's unpublish
 *   UNLOCKED_LINK      two links at once lose a node
 *
 * Bounds: two acquires for each reader; DEEP: three.
 */

#define NCPU		3
#define NREADER		2
#define WRITER		2

/* by each reader */
#ifdef DEEP
#define ACQUIRES	3
#else
#define ACQUIRES	2
#endif

/* Locations; node r + 1 belongs to reader r. */
#define P		1
#define LOCK		2
#define HEAD		3
#define NEXT(n)		(3 + (n))
#define ADDR(n)		(3 + NREADER + (n))
#define NLOC		(4 + 2 * NREADER)

#define LAST_OBJECT	2

#include "tso.pml"

bit poisoned[LAST_OBJECT + 1];

inline lock()
{
	d_step { mem[LOCK] == 0 -> drain(me); mem[LOCK] = 1 }	/* RMW */
}

inline unlock()
{
	d_step { store(me, LOCK, 0) }
}

inline link_node()
{
#ifndef UNLOCKED_LINK
	lock();
#endif
	d_step { store(me, ADDR(node), addr) }
	d_step { other = LOAD(me, HEAD); store(me, NEXT(node), other) }
	d_step { store(me, HEAD, node); other = 0 }
#ifndef UNLOCKED_LINK
	unlock()
#endif
}

inline unlink_node()
{
	lock();
	d_step {
		other = LOAD(me, HEAD);
		next = LOAD(me, NEXT(node));
		if
		:: other == node -> store(me, HEAD, next)
		:: else ->
			assert(other != 0 && LOAD(me, NEXT(other)) == node);
			store(me, NEXT(other), next)
		fi;
		other = 0;
		next = 0
	}
	unlock()
}

inline acquire()
{
	addr = LOAD(me, P);
	if
	:: addr != 0 ->
		link_node();
#ifndef NO_LINK_FENCE
		d_step { drain(me) }
#endif
#ifndef NO_RELOAD
		do
		:: LOAD(me, P) == addr -> break
		:: d_step { LOAD(me, P) != addr -> addr = LOAD(me, P) }
			if
			:: addr == 0 -> unlink_node(); break
			:: else -> d_step { store(me, ADDR(node), addr) }
			fi
#ifndef NO_OVERWRITE_FENCE
			;
			d_step { drain(me) }
#endif
		od
#endif
	:: else
	fi
}

proctype reader(byte me; byte node)
{
	byte addr, other, next, n;

	do
	:: n < ACQUIRES ->
		acquire();
		if
		:: addr != 0 ->
			atomic { assert(!poisoned[addr]); addr = 0 }
			unlink_node()
		:: else
		fi;
		n++
	:: else -> break
	od;
	n = 0
}

proctype writer(byte me)
{
	byte old = 1, node;

	do
	:: old <= LAST_OBJECT ->
		d_step { store(me, P, (old == LAST_OBJECT -> 0 : old + 1)) }
#ifndef NO_SCAN_FENCE
		d_step { drain(me) }
#endif
scan:		if
		:: LOAD(me, HEAD) == 0
		:: LOAD(me, HEAD) != 0 ->
			lock();
			node = LOAD(me, HEAD);
			do
			:: node != 0 && LOAD(me, ADDR(node)) == old ->
				unlock();
				node = 0;
				goto scan
			:: node != 0 && LOAD(me, ADDR(node)) != old ->
				node = LOAD(me, NEXT(node))
			:: node == 0 -> break
			od;
			unlock()
		fi;
		atomic { poisoned[old] = 1; old++ }
	:: else -> break
	od;
	old = 0
}

init
{
	atomic {
		mem[P] = 1;
		run reader(0, 1);
		run reader(1, 2);
		run writer(WRITER)
	}
}
