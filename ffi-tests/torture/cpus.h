/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Which CPUs the process has, and which of them each thread may run on.
 *
 * CPUs are taken from all threads at once, and given back. Each thread has a wish besides; if all
 * that it wishes for has been taken away it runs wherever the process may, as after a CPU's removal
 * in the kernel. So nobody ever asks for a CPU that is not there.
 */
#ifndef TORTURE_CPUS_H
#define TORTURE_CPUS_H

#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>

/* A thread's entry, between cpus_enter() and cpus_leave(). */
struct cpus_member {
    pid_t tid;
    cpu_set_t wish;
    struct cpus_member *next, **pprev;
};

/* Finds out what the process has. False, with errno: cannot be found out. */
bool cpus_open(void);

/* Why threads cannot be moved among them; 0: they can. */
int cpus_move_error(void);

/* How many there are, taken away ones included, and the number of one of them. */
int cpus_count(void);
int cpus_nth(int n);

/* By the thread itself. */
void cpus_enter(struct cpus_member *me);
void cpus_leave(struct cpus_member *me);

/* Where @member is to run; NULL: everywhere. Nothing happens if it has left. */
void cpus_wish(struct cpus_member *member, const cpu_set_t *wish);
void cpus_wish_one(struct cpus_member *member, int cpu);

/* From all threads, or none. False, with errno: the last one, or the system has refused. */
bool cpus_take(int cpu);
bool cpus_give(int cpu);

/* Whether @cpu has not been taken away. */
bool cpus_has(int cpu);

#endif /* TORTURE_CPUS_H */
