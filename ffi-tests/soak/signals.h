/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Handlers that acquire and release whatever they interrupt, or fork. */
#ifndef SOAK_SIGNALS_H
#define SOAK_SIGNALS_H

#include <signal.h>

/* Before any thread is started: handlers, and a timer that interrupts who runs. */
void signals_begin(void);
void signals_end(void);
/* Blocks those of the soak, in the calling thread. */
void signals_block(void);

#endif /* SOAK_SIGNALS_H */
