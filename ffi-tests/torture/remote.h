/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Acquires and releases in a signal handler on another CPU.
 *
 * For each CPU there is a thread bound to it. Who wants the call made there sends that thread a
 * real-time signal and waits for the handler's answer. If the CPU has been taken away, its thread
 * and so the handler run elsewhere.
 */
#ifndef TORTURE_REMOTE_H
#define TORTURE_REMOTE_H

#include "hazard.h"

/* Only where there are two CPUs, and one of irq_acquire and irq_release is on. */
void remote_start(void);
/* When nobody asks any more. */
void remote_stop(void);
void remote_free(void);

/* Has @call made with @hazard. False: it was not, as no signal could be sent. */
bool remote_call(void (*call)(struct hazard *), struct hazard *hazard, struct thread *me);

#endif /* TORTURE_REMOTE_H */
