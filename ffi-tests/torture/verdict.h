/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a run has come to, and why.
 */
#ifndef TORTURE_VERDICT_H
#define TORTURE_VERDICT_H

/* Also the exit status. */
enum verdict {
    VERDICT_SUCCESS = 0,
    VERDICT_FAILURE = 1,
    VERDICT_HOTPLUG = 3,
};

/* Once every hazard should have been released; says what is wrong. */
enum verdict verdict_reach(void);

const char *verdict_name(enum verdict verdict);

#endif /* TORTURE_VERDICT_H */
