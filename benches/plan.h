/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What is measured: the processes, and the rows of the table.
 */
#ifndef PLAN_H
#define PLAN_H

/* A process to start. */
struct process {
    /* The executable beside the driver. */
    const char *program;
    const char *situation;
    /* One environment variable, or NULL. */
    const char *variable, *value;
    /* The mode that its rows are about, or NULL: whichever is the best here. */
    const char *mode;
};

/* Whether the time is of the order of a load, so that the ratio to that says something. */
enum side { READER, WAITER };

/* What a target limits. */
enum limited {
    NOTHING,
    /* The ratio to the plain load. */
    TO_LOAD,
    /* The ratio to the row named by `against`. */
    TO_OTHER
};

struct row {
    const char *key, *label;
    enum side side;
    /* Index into processes[]. */
    int process;
    /* What to ask it for; see worker.c. */
    const char *request;
    /* The key of the row that this one is to be compared with, or NULL. */
    const char *against;
    enum limited limited;
    double target;
    int cpus;
    /* What the reply's second number is, or NULL if it is of no interest. */
    const char *counter;
};

extern const struct process processes[];
extern const int nr_processes;

/* rows[0] is the plain load. A row stands below the one that it is compared with. */
extern const struct row rows[];
extern const int nr_rows;

/* The index of a row, or -1. */
int row_index(const char *key);

#endif /* PLAN_H */
