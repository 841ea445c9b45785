/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Hazards that one thread acquires and another one releases.
 *
 * Each reader has a list of those it has handed on. They are released by the cleaner, a thread that
 * looks at all lists every kthread_do_pending_ms, or by another reader when it hands one on.
 */
#ifndef TORTURE_HANDOVER_H
#define TORTURE_HANDOVER_H

#include "hazard.h"

/* @readers lists, and the cleaner if defer_modulus is on. */
void handover_start(int readers);
/* When nobody hands on any more: the rest is released by @me. */
void handover_stop(struct thread *me);

/* By reader @me->number; @hazard was allocated with malloc(), and is not its own any more. */
void handover_defer(struct hazard *hazard, struct thread *me);

#endif /* TORTURE_HANDOVER_H */
