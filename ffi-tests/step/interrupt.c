/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * See interrupt.h.
 *
 * A breakpoint inside a sequence is a preemption: when the victim goes on, the kernel sends it to
 * the abort handler and it begins the sequence again. The kernel does so on the way back to user
 * mode, with a signal before it makes the handler's frame; so the tracer puts the instruction
 * pointer back to the instruction, as anywhere else, unless the kernel has already moved it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What the handler's table in the victim has room for. */
#define MOST_REPEATS 12

unsigned long interruptions, interruptions_put_off;

/* The interruption under way. */
static struct {
    struct occasion occasion;
    struct visit visit;
    const struct action *action;
    bool first_pending; /* planted, not hit */
    bool first_handled; /* the handler is running, or is yet to run */
    bool acted;
    bool passing; /* hit again because the handler has returned to it: goes on */
    bool put_off; /* the handler runs when the library lets it */
    unsigned int sent;
} now;

const char *scenario_name(enum scenario scenario)
{
    static const char *const names[SCENARIOS] = {
        "first call",   "first call, masked", "near slot",    "far slot",      "full line",         "no drained line",
        "no memory",    "crowded line", "NULL, near",    "NULL, far",         "NULL, full",
        "masked, near", "masked, far",  "shared lines full", "release",       "release, far",
        "release nothing", "note",      "synchronize",   "wait",              "wait, refused",
        "wait otherwise", "enquire"};

    return names[scenario];
}

static const char *describe(void)
{
    static char text[2048];
    int used = 0;

    if (now.visit.first_at >= 0)
        used = snprintf(text, sizeof(text), "interrupted (%d) at %s, and then ",
                        (int)now.visit.first, code_name(now.visit.first_at));
    snprintf(text + used, sizeof(text) - (size_t)used, "%s, %s, at %s",
             scenario_name(now.occasion.scenario), now.action ? now.action->name : "traced",
             now.visit.instruction >= 0 ? code_name(now.visit.instruction) : "all");
    return text;
}

static void out_of_patience(int signal)
{
    const char *what = describe();

    /* The process waits for another one, so that this interrupts nothing that matters. */
    fprintf(stderr, "step: no end of: %s\n", what);
    _exit(1);
}

static void begin(struct occasion occasion, struct visit visit, const struct action *action)
{
    enum deed deed = action ? action->deed : DO_NOTHING;
    unsigned long command = COMMAND(occasion.scenario, deed, visit.first);

    memset(&now, 0, sizeof(now));
    now.occasion = occasion;
    now.visit = visit;
    now.action = action;
    if (occasion.fresh)
        command |= COMMAND_FRESH;
    if (occasion.quiet)
        command |= COMMAND_QUIET;
    if (visit.first_at >= 0 || (action && action->how & (RETURNS | REPEATS)))
        command |= COMMAND_REPORT;
    signal(SIGALRM, out_of_patience);
    alarm(PATIENCE_S);
    tracee_begin(command);
    if (visit.first_at >= 0) {
        now.first_pending = true;
        code_plant(tracee.pid, visit.first_at);
    }
}

/* Which breakpoint stopped the victim. */
static int breakpoint(void)
{
    int at = code_find(tracee.regs.rip - 1);

    if (at >= 0 && code_is_planted(at)) {
        tracee_set_ip(tracee.regs.rip - 1);
        return at;
    }
    /* If the kernel has been quicker it must have been the one in the sequence. */
    at = code_find(tracee.regs.rip);
    if (at >= 0 && code.instructions[at].aborts >= 0) {
        int sequence = code.instructions[at].aborts;

        for (at = code.sequences[sequence].first; at <= code.sequences[sequence].last; at++) {
            if (code_is_planted(at))
                return at;
        }
    }
    die("a trap that is none of ours, at %#llx: %s", tracee.regs.rip, describe());
}

/* The signal for the victim to go on with. */
static int act(void)
{
    const struct action *action = now.action;

    now.put_off = tracee_blocks(SIGUSR1);
    if (IS_HELPERS(action->deed)) {
        /* With signals blocked it holds a lock, or is about to. Then others may have to wait. */
        if (now.put_off) {
            interruptions_put_off++;
            return 0;
        }
        if (!tracee_ask_helper())
            die("the other thread is blocked by one that is stopped: %s", describe());
    }
    if (now.put_off)
        interruptions_put_off++;
    interruptions++;
    now.acted = true;
    code.instructions[now.visit.instruction].interrupted++;
    if (action->how & MOVES)
        tracee_move(tracee.away);
    if (!(action->how & BY_SIGNAL))
        return 0;
    now.sent++;
    return SIGUSR1;
}

static int at_breakpoint(void)
{
    int at = breakpoint();

    code_unplant(tracee.pid, at);
    if (now.first_pending) {
        now.first_pending = false;
        now.first_handled = true;
        now.sent++;
        return SIGUSR2;
    }
    if (now.passing) {
        now.passing = false;
        if (tracee_step() != STEPPED)
            die("the victim ended, status %#x", tracee.status);
        code_plant(tracee.pid, at);
        return 0;
    }
    return act();
}

static void at_handlers_end(void)
{
    const struct instruction *at = &code.instructions[now.visit.instruction];

    if (now.first_handled) {
        now.first_handled = false;
        code_plant(tracee.pid, now.visit.instruction);
        return;
    }
    if (now.action->how & RETURNS)
        tracee_move(tracee.home);
    if (now.action->how & REPEATS && !now.put_off && now.sent < MOST_REPEATS) {
        code_plant(tracee.pid, now.visit.instruction);
        /* Out of a sequence the handler returns to the instruction; in one, to its beginning. */
        now.passing = at->sequence < 0;
    }
}

/* The victim has found something wrong, or has not survived it. */
static void hurt(void)
{
    code.instructions[now.visit.instruction].failed++;
    if (!now.occasion.quiet)
        die("failed, status %#x: %s", tracee.status, describe());
}

/* Between the call's return and the victim's own checks. */
static void check_where_it_is(void)
{
    unsigned int how = now.action->how;

    if (!now.acted || !(how & MOVES))
        return;
    if ((int)tracee_value() != (how & RETURNS ? tracee.home : tracee.away))
        die("on CPU %lu: %s", tracee_value(), describe());
    tracee_move(tracee.home);
}

enum outcome interrupt(struct occasion occasion, struct visit visit, const struct action *action)
{
    int signal = 0;

    begin(occasion, visit, action);
    if (!now.first_pending)
        code_plant(tracee.pid, visit.instruction);
    for (;;) {
        enum stop stop = tracee_resume(signal);

        signal = 0;
        if (stop == ENDED) {
            code_unplant_all(0);
            hurt();
            tracee_bury();
            return HURT;
        }
        if (stop == AT_BREAKPOINT)
            signal = at_breakpoint();
        else if (tracee_meeting() == HANDLED)
            at_handlers_end();
        else
            break;
    }
    code_unplant_all(tracee.pid);
    check_where_it_is();
    tracee_answer(now.sent);
    if (!tracee_finish()) {
        hurt();
        return HURT;
    }
    return now.acted ? UNHURT : NOT_REACHED;
}

void trace(struct occasion occasion, struct visit visit,
           void (*found)(int instruction, bool put_off))
{
    int signal = 0;

    visit.instruction = -1;
    begin(occasion, visit, NULL);
    if (!now.first_pending)
        code_plant_all(tracee.pid);
    for (;;) {
        enum stop stop = tracee_resume(signal);

        signal = 0;
        if (stop == ENDED)
            die("failed, status %#x: %s", tracee.status, describe());
        if (stop == AT_MEETING && tracee_meeting() == HANDLED) {
            code_plant_all(tracee.pid);
        } else if (stop == AT_MEETING) {
            break;
        } else {
            int at = breakpoint();

            code_unplant(tracee.pid, at);
            if (now.first_pending) {
                now.first_pending = false;
                /* A handler that has to wait for the end of the call changes nothing in it. */
                signal = tracee_blocks(SIGUSR2) ? 0 : SIGUSR2;
                now.sent += signal != 0;
            } else {
                found(at, tracee_blocks(SIGUSR1));
            }
        }
    }
    code_unplant_all(tracee.pid);
    tracee_answer(now.sent);
    if (!tracee_finish())
        die("failed, status %#x: %s", tracee.status, describe());
}
