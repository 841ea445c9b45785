/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One interruption: a scenario, stopped at one instruction of the library, and what is done there.
 */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include "code.h"
#include "tracee.h"

/* How an action goes about it. */
#define BY_SIGNAL 1u /* the deed is the handler's; without it, the other thread's */
#define MOVES 2u     /* to the other CPU, before anything else */
#define RETURNS 4u   /* and back when the handler is done */
#define REPEATS 8u   /* not once, but at every execution, up to a limit */
#define IN_PROCESS_OF_ITS_OWN 16u /* for it changes more than the scenario */

struct action {
    const char *test;
    const char *name;
    enum deed deed;
    unsigned int how;
};

/* Where a scenario is interrupted. Some code runs only after an earlier interruption: then there is
 * a first one, elsewhere, with a deed of its own. */
struct visit {
    int instruction;
    int first_at; /* an instruction, or -1 */
    enum deed first;
    bool put_off; /* signals are blocked there, so that handlers run later */
};

struct occasion {
    enum scenario scenario;
    bool fresh; /* in a process made for it */
    bool quiet;
};

enum outcome {
    UNHURT,
    HURT,       /* the victim did not take it well; only if that was to be quiet */
    NOT_REACHED /* the instruction was not executed this time */
};

/* The longest that one may take; a test that fails says where it was. */
#define PATIENCE_S 60

extern unsigned long interruptions, interruptions_put_off;

const char *scenario_name(enum scenario scenario);

enum outcome interrupt(struct occasion occasion, struct visit visit, const struct action *action);

/* Calls @found for each instruction that the scenario executes, in that order, after the first
 * interruption that the visit tells of, if any. */
void trace(struct occasion occasion, struct visit visit,
           void (*found)(int instruction, bool put_off));

#endif /* INTERRUPT_H */
