/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The end of the run: asked for once, seen by every thread soon, also by those that sleep.
 */
#ifndef TORTURE_STOP_H
#define TORTURE_STOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

extern atomic_bool stop_flag;

void stop_open(void);
void stop_request(void);

/* Sleeps @ms, or until the end is asked for; then true. */
bool stop_wait(long ms);

static inline bool stopping(void)
{
    /* Relaxed: nothing is handed over by it; threads are joined. */
    return atomic_load_explicit(&stop_flag, memory_order_relaxed);
}

/* Nanoseconds of the monotonic clock. */
int64_t clock_ns(void);

/* Keeps the CPU for @us microseconds, less if the run ends. */
void spin_us(long us);

#endif /* TORTURE_STOP_H */
