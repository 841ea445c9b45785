/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What came out: a Markdown table, and the same as JSON.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdio.h>

#define REPORT_MOST_ROUNDS 1000

/* What the rounds said about one row. */
struct series {
    double ns[REPORT_MOST_ROUNDS];
    /* As of the last round. */
    double counter;
    /* Why there is nothing, or empty. */
    char reason[160];
};

struct run {
    int rounds;
    double milliseconds;
    int cpus;
    const char *mode, *version;
    /* One for each row of the plan; `rounds` values in each that has no reason. */
    struct series *series;
};

void report_table(FILE *out, const struct run *run);

/* 0, or -1 with errno. */
int report_json(const char *path, const struct run *run);

#endif /* REPORT_H */
