/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The report for people: start, statistics, end. Its lines are those of the kernel's torture tests.
 */
#ifndef TORTURE_REPORT_H
#define TORTURE_REPORT_H

#include "thread.h"
#include "verdict.h"

void report_start(void);

/* Counters and histograms; says which writers have not moved since the last time. */
void report_statistics(void);

/* One line on the terminal. */
void report_progress(double seconds);

/* @thread did not end, and nothing moves. */
void report_stuck(const struct thread *thread);

void report_end(enum verdict verdict);

#endif /* TORTURE_REPORT_H */
