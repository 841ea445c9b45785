/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The parameters of a run: as given, then as settled for this machine.
 */
#ifndef TORTURE_PARAMETERS_H
#define TORTURE_PARAMETERS_H

#include <stdbool.h>

#define MOST_NESTED 64

struct torture_type {
    const char *name;
    const char *meaning;
    /* Contexts on the reader's stack: nobody else may have them. */
    bool on_stack;
    /* Nobody waits for the element that the writer has removed: the run must fail. */
    bool busted;
    /* The readers' fast paths are the program's own code. */
    bool inlined;
    /* The writer does not wait: it retires. */
    bool retiring;
};

struct parameters {
    long nreaders;
    long nwriters;
    long nested;
    long held;
    long defer_modulus;
    long kthread_do_pending_ms;
    long irq_acquire;
    long irq_release;
    long onoff_holdoff;
    long onoff_interval;
    long preempt_duration;
    long preempt_interval;
    long reader_sleep_us;
    long shuffle_interval;
    long shutdown_secs;
    long stat_interval;
    long stutter;
    long verbose;
    long max_lines;
    long retire_bound;
    long retire_delay_us;
    long retire_worker;
    const char *mode;
    const struct torture_type *type;
    const char *json;
    bool quiet;
};

/* Written by the two functions below, before there is another thread. */
extern struct parameters parameters;

/* Reads the command line. Ends the process after --help and --version, and if it is wrong. */
void parameters_parse(int argc, char **argv);

/* Fills in what depends on the number of CPUs, and says what is turned off and why. */
void parameters_settle(int cpus);

/* Calls @visit for each number, in their order. */
void parameters_visit(void (*visit)(const char *name, long value, void *argument), void *argument);

#endif /* TORTURE_PARAMETERS_H */
