/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The victims: one server, which does the scenarios itself or in children that it forks, and
 * whichever of them is being interrupted. All are stopped except while tracee_resume() waits.
 */
#ifndef TRACEE_H
#define TRACEE_H

#include "protocol.h"
#include <stdbool.h>
#include <sys/types.h>
#include <sys/user.h>

/* What CTest takes for "skipped". */
#define EXIT_SKIP 77

void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void skip(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

enum stop {
    AT_BREAKPOINT, /* tracee.regs.rip is behind it */
    AT_MEETING,
    STEPPED, /* after one instruction, where that was asked for */
    ENDED    /* tracee.status says how */
};

struct tracee {
    pid_t server;
    pid_t pid; /* the server, or its child */
    int status;
    struct user_regs_struct regs; /* as of the last stop */
    int home, away;               /* CPUs; away is -1 if there is one only */
};

extern struct tracee tracee;

/* Where the victims run, and where they may be moved. This process stays at home as well. */
void tracee_choose_cpus(void);

/* Runs the victim with one variable added to its environment, up to its first READY. */
void tracee_start(const char *program, const char *variable, const char *value);
void tracee_end(void);

/* Lets it run with a signal, or 0, up to the next stop that is not for another signal. */
enum stop tracee_resume(int signal);
enum stop tracee_step(void);

/* At a meeting: which it is; the value; the answer. */
enum meeting tracee_meeting(void);
unsigned long tracee_value(void);
void tracee_answer(unsigned long answer);

/* Gives the server a command. Afterwards the victim is at SET_UP. */
void tracee_begin(unsigned long command);
/* From DONE to the server's next READY. False if the victim found something wrong, as it also is
 * after ENDED. */
bool tracee_finish(void);
/* After ENDED where it was not expected: to the server's next READY. */
void tracee_bury(void);

void tracee_set_ip(unsigned long address);
void tracee_move(int cpu);
bool tracee_blocks(int signal);

/* Has the victim's other thread do its deed, and waits until it has. False if it never ends. */
bool tracee_ask_helper(void);

#endif /* TRACEE_H */
