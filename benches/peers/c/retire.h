/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The measure `retire`.
 */
#ifndef RETIRE_H
#define RETIRE_H

#include "arguments.h"

/* Measures, and prints the answer. Ends the program with status 1 if there is none. */
void retire_run(const struct arguments *arguments);

#endif /* RETIRE_H */
