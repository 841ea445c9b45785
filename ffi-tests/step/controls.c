/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * See controls.h.
 *
 * The file is left alone: what is broken is the text in the server's memory, which its children
 * inherit. In each of them the same interruptions that do no harm to the library as it is must be
 * noticed, at the commit at the latest.
 */
#include "controls.h"
#include "interrupt.h"

#include <stdio.h>
#include <string.h>

/* What a sequence is for. */
#define PUBLISHES 1u
#define SWAPS 2u

/* Where in the kernel's struct rseq_cs the length of the sequence is. */
#define DESCRIPTOR_LENGTH 16

enum fault {
    NEVER_ARMED,    /* the kernel is not told of the sequence */
    COMMIT_OUTSIDE, /* the sequence ends before its last store */
    NO_END,         /* a swap does not ask whether sequences are given up */
    NO_GENERATION,  /* a swap does not ask whether it is in a child forked since */
    NO_LINE         /* a swap does not ask whether the line is still the same */
};

static const char *const fault_names[] = {"never armed", "commit outside", "no look at the end",
                                          "no look at the generation", "no look at the line"};

static const struct {
    enum fault fault;
    unsigned int purposes; /* of the sequences that can be broken so */
    bool at_commit;        /* it must be noticed there, not just somewhere */
    struct action action;
} controls[] = {
    {NEVER_ARMED, PUBLISHES | SWAPS, true, {"", "a handler keeps twenty", KEEP_TWENTY, BY_SIGNAL}},
    {NEVER_ARMED, PUBLISHES | SWAPS, true, {"", "moved, and a thread fills its line", FILL, MOVES}},
    {NEVER_ARMED, PUBLISHES, true, {"", "a thread replaces the pointer and waits", REPLACE, 0}},
    {COMMIT_OUTSIDE, PUBLISHES | SWAPS, true,
     {"", "a handler keeps twenty", KEEP_TWENTY, BY_SIGNAL}},
    {NO_END, SWAPS, false, {"", "a thread waits without membarrier", WITHDRAW, 0}},
    {NO_LINE, SWAPS, false, {"", "a handler keeps twenty", KEEP_TWENTY, BY_SIGNAL}},
    {NO_GENERATION, SWAPS, false, {"", "a handler forks, its child initialises", FORK_INIT,
                                   BY_SIGNAL}},
};

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* The conditional jumps of a sequence: how many, and the number of the one asked for. */
static int jump(const struct sequence *sequence, int wanted, int *count)
{
    int found = -1, i;

    *count = 0;
    for (i = sequence->first; i <= sequence->last; i++) {
        if (begins(code.instructions[i].text, "j") && ++*count == wanted)
            found = i;
    }
    return found;
}

/* A swap is what consists of four comparisons (CPU, table's end, generation, line) and a store. */
static unsigned int purpose(const struct sequence *sequence)
{
    int jumps, i;

    jump(sequence, 0, &jumps);
    for (i = sequence->first; i <= sequence->last; i++) {
        const char *text = code.instructions[i].text;

        if (begins(text, "je") || begins(text, "jmp"))
            return PUBLISHES;
    }
    return jumps == 4 ? SWAPS : PUBLISHES;
}

/* The store of the descriptor's address comes right before. */
static int arming(const struct sequence *sequence)
{
    int instruction = sequence->first - 1;

    if (!strstr(code.instructions[instruction].text, "%fs:0x8("))
        die("this is not what arms a sequence: %s", code_name(instruction));
    return instruction;
}

static void set_length(const struct sequence *sequence, int last)
{
    const struct instruction *end = &code.instructions[last];

    code_poke(tracee.server, code.base + sequence->descriptor + DESCRIPTOR_LENGTH,
              end->at + end->length - code.instructions[sequence->first].at);
}

static int blanked(const struct sequence *sequence, enum fault fault)
{
    int jumps;

    switch (fault) {
    case NEVER_ARMED:
        return arming(sequence);
    case NO_END:
        return jump(sequence, 2, &jumps);
    case NO_GENERATION:
        return jump(sequence, 3, &jumps);
    case NO_LINE:
        return jump(sequence, 4, &jumps);
    default:
        return -1;
    }
}

static void make(const struct sequence *sequence, enum fault fault)
{
    if (fault == COMMIT_OUTSIDE)
        set_length(sequence, sequence->last - 1);
    else
        code_blank(tracee.server, blanked(sequence, fault));
}

static void mend(const struct sequence *sequence, enum fault fault)
{
    if (fault == COMMIT_OUTSIDE)
        set_length(sequence, sequence->last);
    else
        code_restore(tracee.server, blanked(sequence, fault));
}

/* How many of the sequence's instructions, interrupted so, do harm; whether the commit does. */
static int harm(struct occasion occasion, const struct sequence *sequence,
                const struct action *action, bool *at_commit)
{
    int count = 0, i;

    *at_commit = false;
    for (i = sequence->first; i <= sequence->last; i++) {
        struct visit visit = {i, -1, DO_NOTHING, false};

        if (interrupt(occasion, visit, action) != HURT)
            continue;
        if (tracee.status != 1 << 8)
            die("the victim did not notice, but ended with status %#x", tracee.status);
        count++;
        *at_commit = *at_commit || i == sequence->last;
    }
    return count;
}

static int wanted;
static bool reached;

static void found(int instruction, bool put_off)
{
    reached = reached || instruction == wanted;
}

/* A scenario that comes to the sequence's commit. */
static enum scenario scenario_for(const struct sequence *sequence, enum fault fault)
{
    /* Both matter where a CPU has no line yet, as neither has it in the child, nor afterwards. */
    const bool at_first = fault == NO_GENERATION || fault == NO_END;
    static const enum scenario any[] = {NEAR, FAR, SWAP, MASKED_NEAR, NOTE}, first[] = {FIRST};
    const enum scenario *tried = at_first ? first : any;
    int count = at_first ? COUNT(first) : COUNT(any), i;

    wanted = sequence->last;
    reached = false;
    for (i = 0; i < count; i++) {
        struct occasion occasion = {tried[i], true, false};
        struct visit visit = {-1, -1, DO_NOTHING, false};

        trace(occasion, visit, found);
        if (reached)
            return tried[i];
    }
    return SCENARIOS;
}

/* False if there is no scenario for it. */
static bool check(int control, int number)
{
    const struct sequence *sequence = &code.sequences[number];
    const struct action *action = &controls[control].action;
    enum fault fault = controls[control].fault;
    struct occasion occasion = {scenario_for(sequence, fault), true, false};
    bool at_commit;
    int count;

    if (occasion.scenario == SCENARIOS)
        return false;
    harm(occasion, sequence, action, &at_commit);
    occasion.quiet = true;
    make(sequence, fault);
    count = harm(occasion, sequence, action, &at_commit);
    mend(sequence, fault);
    printf("sequence %d, %-25s  %-12s  %s: noticed at %d of %d instructions\n", number,
           fault_names[fault], scenario_name(occasion.scenario), action->name, count,
           sequence->last - sequence->first + 1);
    if (!count || (controls[control].at_commit && !at_commit))
        die("a broken library went unnoticed");
    return true;
}

void check_controls(void)
{
    int control, number;

    for (control = 0; control < COUNT(controls); control++) {
        int checked = 0;

        for (number = 0; number < code.sequence_count; number++) {
            if (controls[control].purposes & purpose(&code.sequences[number]))
                checked += check(control, number);
        }
        if (!checked)
            die("no sequence to be broken this way: %s", fault_names[controls[control].fault]);
    }
}
