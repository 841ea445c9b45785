/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The record for programs: one JSON object with all parameters and results.
 */
#ifndef TORTURE_JSON_H
#define TORTURE_JSON_H

#include "verdict.h"
#include <stdbool.h>

/* Before the run, so that what cannot be written ends it early. Nothing without --json. */
void json_open(void);

/* False, with a message: it could not be written. */
bool json_write(enum verdict verdict, double seconds, double first_error);

#endif /* TORTURE_JSON_H */
