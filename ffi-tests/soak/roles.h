/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the threads do, each in a file of its own. */
#ifndef SOAK_ROLES_H
#define SOAK_ROLES_H

#include "object.h"

/* Acquires and releases, nested or one after the other, and hands hazards on. */
extern const struct role reader;
/* The same by contexts that keep their slots. */
extern const struct role holder;
/* Replaces, waits by hazptr_synchronize(), frees. */
extern const struct role writer;
/* Replaces, and retires in every way that there is. */
extern const struct role retirer;
/* Barriers, hazptr_reclaim_here(), other policies. */
extern const struct role reclaimer;
/* Forks. */
extern const struct role forker;
/* Loads a plug-in, uses it, unloads it. */
extern const struct role loader;
/* Starts threads and cancels them while they hold, wait or retire. */
extern const struct role canceller;
/* Starts threads that end soon, and may leave a hazard behind. */
extern const struct role host;
/* Sends signals to the others, whose handlers acquire or fork. */
extern const struct role signaller;
/* Moves the others among the CPUs. */
extern const struct role mover;

/* One turn of each, for threads that come and go. */
void read_once(struct thread *me);
void hold_once(struct thread *me);
void write_once(struct thread *me);
void retire_once(struct thread *me);
/* And what they have to give back then. */
void read_let_go(struct thread *me);
void retire_let_go(struct thread *me);

/* One retirement less than is counted: a control, which must be noticed. */
extern bool retire_loses_one;
/* Retires an object that has been removed, in any way. */
void retire_somehow(struct thread *me, struct object *object);

#endif /* SOAK_ROLES_H */
