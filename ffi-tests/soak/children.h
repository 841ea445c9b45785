/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Forked children: each uses the library by itself, checks that its books balance, and ends. */
#ifndef SOAK_CHILDREN_H
#define SOAK_CHILDREN_H

#include "thread.h"

/*
 * Forks, unless there are enough children already; whether this is the child. Handlers may call it
 * with _Fork, and with fork where that is allowed.
 */
bool children_fork(struct thread *me, pid_t (*fork_function)(void), enum count count);
/* In a child whose fork() has returned: the thread has finished its turn. */
void child_ends(struct thread *me) __attribute__((noreturn));
/* In a child of a handler, where it may only acquire and release. */
void child_ends_in_handler(void) __attribute__((noreturn));

/* In the parent, now and then: what the ended ones have to say. */
void children_reap(void);
/* All of them, in the end. */
void children_reap_all(void);
unsigned long children_reaped(void);

#endif /* SOAK_CHILDREN_H */
