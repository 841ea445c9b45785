/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The threads that read. They stay from the first run to the last, each on a CPU as long as there
 * are enough, and begin each run together.
 */
#ifndef THREADS_H
#define THREADS_H

#include "parameters.h"
#include "reader.h"

#include <signal.h>

/* The signal that asked for the end, or 0. The run in progress then ends within milliseconds. */
extern volatile sig_atomic_t scale_interrupted;

/* 0 or an error number. */
int threads_start(const struct parameters *parameters);

/* Nanoseconds an operation, the average of all threads. Worth nothing if interrupted. */
double threads_run(const struct scale_reader *reader);

void threads_end(void);

#endif /* THREADS_H */
