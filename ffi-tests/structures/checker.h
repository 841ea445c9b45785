/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Whether a history is linearizable: whether each of its operations can be given an instant between
 * its call and its return, so that one after the other in that order says what they said.
 */
#ifndef CHECKER_H
#define CHECKER_H

#include "specification.h"

#include <stdbool.h>

#define MOST_OPERATIONS 64

bool linearizable(specification *specification, const struct operation *operations, int count);

#endif /* CHECKER_H */
