/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The driver's side of a worker process: start it, ask it, end it.
 */
#ifndef CHILD_H
#define CHILD_H

#include "plan.h"

#include <stdio.h>
#include <sys/types.h>

struct child {
    pid_t pid;
    FILE *to, *from;
    char mode[16], version[16];
    /* Why it measures nothing, or empty. */
    char reason[160];
};

/* GONE also if a signal interrupts the wait. */
enum outcome { ANSWERED, SKIPPED, GONE };

struct answer {
    double ns, counter;
    /* If SKIPPED. */
    char reason[160];
};

/* The worker is ready, or will measure nothing: see `reason`. Ends the driver if there is none. */
void child_start(struct child *child, const struct process *process, int cpu, int sibling_cpu);

enum outcome child_ask(struct child *child, const char *request, double milliseconds,
                       struct answer *answer);

void child_end(struct child *child);

#endif /* CHILD_H */
