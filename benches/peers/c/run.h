/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The measures: which threads there are, where, and whose time is taken.
 */
#ifndef RUN_H
#define RUN_H

#include "arguments.h"

/* Nanoseconds an operation. Ends the program with status 1 if the machine refuses. */
double run(const struct arguments *arguments);

#endif /* RUN_H */
