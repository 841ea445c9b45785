/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What disturbs the readers and writers, each in a thread of its own, where its parameter is on:
 * a halt of all (stutter.c), moves among CPUs (shuffle.c), CPUs that go and come back (onoff.c),
 * and a thread that takes a CPU for itself (preempt.c).
 */
#ifndef TORTURE_DISTURBANCE_H
#define TORTURE_DISTURBANCE_H

/* Just before the others start. */
void stutter_start(void);
void stutter_join(void);
/* By readers that hold nothing, and writers: stays here while all are to halt. */
void stutter_wait(void);

void shuffle_start(void);
void shuffle_join(void);

struct onoff_counts {
    unsigned long taken, given, failed;
};

void onoff_start(void);
void onoff_join(void);
void onoff_sum(struct onoff_counts *counts);

/* How a CPU can be taken here, "fifo" or else "nice"; then @error is why. By the main thread. */
const char *preempt_means(int *error);
void preempt_start(void);
void preempt_join(void);
unsigned long preempt_count(void);

#endif /* TORTURE_DISTURBANCE_H */
