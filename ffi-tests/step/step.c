/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Whatever happens between two instructions of the library, no hazard is lost, doubled or left
 * behind (scenarios 5, 7 and 17): a handler that acquires and keeps, or releases, or forks, so that
 * the call goes on in two processes; a move to another CPU, for good or for a time; another thread
 * that fills and swaps the CPU's lines, or waits for the very object that is being acquired.
 *
 * This is the tracer. For each thing to be done it has another program (victim.c), linked with the
 * shared library as it is shipped, run through scenarios over and over, each time stopped by a
 * breakpoint at another instruction; the breakpoint is gone before anything else runs. (Single
 * steps would not do: a sequence that is interrupted at each instruction never commits.) The
 * victim then checks that it and the library agree. What the instructions are is read from the
 * library's file; which of them a scenario executes is found out by a run with breakpoints at all.
 *
 * The test fails if some instruction of a sequence, of hazptr_acquire() or of hazptr_release() was
 * never interrupted. `step control` breaks the library's code in the victim in the ways that the
 * sequences are there to prevent, and fails if that goes unnoticed.
 *
 * usage: step VICTIM LISTING_SCRIPT handler|migrate|fork|other|control [-v | -k]
 *
 * -v: says what was reached and what was not. -k: goes on after a failure, with a process of its
 * own for every interruption, and says in the end where they were.
 */
#include "controls.h"
#include "interrupt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IN(scenario) (1u << (scenario))

/* What the victim's environment says, and what is worth doing there. */
static const struct surroundings {
    const char *name;
    const char *variable, *value;
    unsigned int mode; /* as hazptr_mode() tells */
    unsigned int scenarios;
} all_surroundings[] = {
    {"rseq", "HAZPTR_MODE", "rseq", 1, (IN(SCENARIOS) - 1) & ~IN(SHARED_FULL)},
    {"one line", "HAZPTR_MAX_LINES", "1", 1,
     IN(SWAP) | IN(CROWDED) | IN(NOTHING_SWAP) | IN(RELEASE_LAST) | IN(NOTE)},
    {"no lines", "HAZPTR_MAX_LINES", "0", 1,
     IN(FIRST) | IN(NEAR) | IN(NOTHING_NEAR) | IN(MASKED_NEAR) | IN(HELD_NEAR) | IN(HELD_OVER) |
         IN(HELD_MOVED) | IN(RELEASE) | IN(SYNCHRONIZE) | IN(WAIT)},
    {"membarrier", "HAZPTR_MODE", "membarrier", 2,
     IN(FIRST) | IN(NEAR) | IN(NOTHING_NEAR) | IN(MASKED_NEAR) | IN(SHARED_FULL) |
         IN(RELEASE) | IN(NOTE) | IN(SYNCHRONIZE) | IN(REFUSED)},
    {"fence", "HAZPTR_MODE", "fence", 3, IN(NEAR) | IN(HELD_OVER) | IN(RELEASE) | IN(WAIT)},
};

/* These begin in a child that has made no call, or none but what sets the scene; or they leave the
 * process in another state than they found it in. */
#define IN_CHILD                                                                                   \
    (IN(FIRST) | IN(MASKED_FIRST) | IN(SWAP_FRESH) | IN(SWAP_MAP) | IN(CROWDED) | IN(SHARED_FULL) | IN(REFUSED))

static const struct action actions[] = {
    {"handler", "a handler keeps a hazard", KEEP_ONE, BY_SIGNAL},
    {"handler", "a handler keeps twenty", KEEP_TWENTY, BY_SIGNAL},
    {"handler", "a handler keeps twenty each time", KEEP_TWENTY, BY_SIGNAL | REPEATS},
    {"handler", "a handler releases an older hazard", RELEASE_OLDER, BY_SIGNAL},
    {"handler", "a handler notes a context switch", NOTE_SWITCH, BY_SIGNAL},
    {"migrate", "moved", DO_NOTHING, MOVES},
    {"migrate", "moved, and a handler keeps twenty", KEEP_TWENTY, BY_SIGNAL | MOVES},
    {"migrate", "moved and back, a handler keeps twenty in between", KEEP_TWENTY,
     BY_SIGNAL | MOVES | RETURNS},
    {"migrate", "moved, and a thread fills its line", FILL, MOVES},
    {"fork", "a handler forks", FORK, BY_SIGNAL},
    {"fork", "a handler forks, its child initialises", FORK_INIT, BY_SIGNAL},
    {"fork", "a handler forks, its child acquires", FORK_ACQUIRE, BY_SIGNAL},
    {"other", "a thread fills the line", FILL, 0},
    {"other", "a thread replaces the pointer and waits", REPLACE, 0},
    {"other", "a thread clears the pointer and waits", CLEAR, 0},
    {"other", "a thread waits without membarrier", WITHDRAW, IN_PROCESS_OF_ITS_OWN},
};

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

/* Where to interrupt the scenario at hand. */
static struct visit *visits;
static int visit_count;
static bool *known;
static struct visit finding;

static bool verbose, keep_going;

static bool is_delay(int instruction)
{
    return instruction >= 0 && strcmp(code.instructions[instruction].text, "pause") == 0;
}

static void found(int instruction, bool put_off)
{
    struct visit *visit = &visits[visit_count];
    int aborts = code.instructions[instruction].aborts;

    if (known[instruction])
        return;
    /* An abort handler is executed because tracing interrupts; but for a first interruption there
     * it will not be. */
    if (aborts >= 0 && code.sequences[aborts].first != finding.first_at)
        return;
    known[instruction] = true;
    /* One instruction of a long delay is as good as another. */
    if (is_delay(instruction) && is_delay(instruction - 1))
        return;
    /* What takes two interruptions need not be interrupted in every scenario. */
    if (finding.first_at >= 0 && code.instructions[instruction].traced)
        return;
    code.instructions[instruction].traced = true;
    *visit = finding;
    visit->instruction = instruction;
    visit->put_off = put_off;
    visit_count++;
}

/*
 * Where an interruption makes most difference to what comes next: at the beginning of a sequence,
 * at a compare-and-swap, at the fence before a second look.
 */
static bool is_decisive(int number)
{
    const struct instruction *instruction = &code.instructions[number];

    if (instruction->sequence >= 0)
        return code.sequences[instruction->sequence].first == number;
    return strncmp(instruction->text, "lock cmpxchg", 12) == 0 ||
           strncmp(instruction->text, "lock or", 7) == 0 ||
           strncmp(instruction->text, "mfence", 6) == 0;
}

/* All instructions that the scenario executes, and those that it does after an interruption. */
static void find_visits(struct occasion occasion)
{
    static const enum deed first[] = {KEEP_THREE, KEEP_TWENTY, CHANGE, CHANGE_TO_NULL};
    int alone, i, j;

    visit_count = 0;
    memset(known, 0, (size_t)code.count * sizeof(*known));
    finding.first_at = -1;
    finding.first = DO_NOTHING;
    trace(occasion, finding, found);
    alone = visit_count;
    for (i = 0; i < alone; i++) {
        if (!is_decisive(visits[i].instruction))
            continue;
        for (j = 0; j < COUNT(first); j++) {
            finding.first_at = visits[i].instruction;
            finding.first = first[j];
            trace(occasion, finding, found);
        }
    }
}

/*
 * What takes long is done once, or not where it would show nothing. Others can go on without a
 * thread that is stopped in the middle of a membarrier, but only after some time. A thread that is
 * sweeping CPUs moves itself.
 */
static bool is_left_out(const struct surroundings *surroundings, enum scenario scenario,
                        const struct action *action)
{
    bool in_rseq = surroundings == all_surroundings, is_helpers = IS_HELPERS(action->deed);

    if (action->deed == WITHDRAW && (!in_rseq || scenario == SYNCHRONIZE))
        return true;
    if (action->how & MOVES && action->deed != DO_NOTHING &&
        (IN(scenario) & (IN(SYNCHRONIZE) | IN(WAIT)) || (scenario == FIRST && !in_rseq)))
        return true;
    switch (scenario) {
    case SYNCHRONIZE:
        return is_helpers && (!in_rseq || action->deed != FILL);
    case REFUSED:
        if (action->how & MOVES)
            return true;
        /* fall through */
    case WAIT:
        return is_helpers || action->how & REPEATS || action->deed == KEEP_ONE ||
               action->deed == RELEASE_OLDER || action->deed == FORK_ACQUIRE;
    case OTHERWISE:
        return action->deed != FORK && action->deed != FORK_INIT;
    case ENQUIRE:
        return action->how & MOVES || (action->deed != KEEP_TWENTY && action->deed != FORK);
    default:
        return false;
    }
}

/* Whether it would show the same as the visit before, or nothing: see act() in interrupt.c. */
static bool is_same(int visit, const struct action *action)
{
    if (!visits[visit].put_off)
        return false;
    if (IS_HELPERS(action->deed))
        return true;
    return action->how & BY_SIGNAL && visit > 0 && visits[visit - 1].put_off &&
           visits[visit - 1].first_at == visits[visit].first_at;
}

static void run_scenario(const char *test, const struct surroundings *surroundings,
                         struct occasion occasion)
{
    int missed = 0, i, j;

    find_visits(occasion);
    for (i = 0; i < COUNT(actions); i++) {
        if (strcmp(actions[i].test, test) != 0 ||
            is_left_out(surroundings, occasion.scenario, &actions[i]))
            continue;
        occasion.fresh = occasion.fresh || actions[i].how & IN_PROCESS_OF_ITS_OWN;
        for (j = 0; j < visit_count; j++) {
            if (!is_same(j, &actions[i]))
                missed += interrupt(occasion, visits[j], &actions[i]) == NOT_REACHED;
        }
    }
    if (verbose)
        printf("%-10s  %-18s  %4d instructions; %d times not reached\n", surroundings->name,
               scenario_name(occasion.scenario), visit_count, missed);
}

static void start(const struct surroundings *surroundings, const char *victim, const char *script)
{
    tracee_start(victim, surroundings->variable, surroundings->value);
    if (tracee_value() != surroundings->mode)
        skip("with %s=%s the library is in mode %lu", surroundings->variable, surroundings->value,
             tracee_value());
    code_read(tracee.pid, script);
}

static void run_all(const char *test, const char *victim, const char *script)
{
    int i, scenario;

    for (i = 0; i < COUNT(all_surroundings); i++) {
        start(&all_surroundings[i], victim, script);
        if (!visits) {
            visits = (struct visit *)malloc((size_t)code.count * sizeof(*visits));
            known = (bool *)malloc((size_t)code.count * sizeof(*known));
            if (!visits || !known)
                die("out of memory");
        }
        for (scenario = 0; scenario < SCENARIOS; scenario++) {
            struct occasion occasion = {(enum scenario)scenario,
                                        keep_going || (IN_CHILD & IN(scenario)) != 0, keep_going};

            if (all_surroundings[i].scenarios & IN(scenario))
                run_scenario(test, &all_surroundings[i], occasion);
        }
        tracee_end();
    }
}

/* How much was shown. False if too little. */
static bool report(void)
{
    int executed = 0, interrupted = 0, inside = 0, inside_interrupted = 0, missing = 0;
    int failed = 0, i;

    for (i = 0; i < code.count; i++) {
        const struct instruction *instruction = &code.instructions[i];
        bool counts = instruction->interrupted != 0;

        executed += instruction->traced;
        interrupted += counts;
        if (instruction->sequence >= 0) {
            inside++;
            inside_interrupted += counts;
        }
        if (instruction->required && !counts) {
            missing++;
            printf("never interrupted: %s\n", code_name(i));
        } else if (verbose && !counts) {
            printf("not interrupted: %s\n", code_name(i));
        }
        failed += instruction->failed != 0;
        if (instruction->failed)
            printf("failed %lu times: %s\n", instruction->failed, code_name(i));
    }
    printf("%d instructions in the library, %d executed, %d interrupted; "
           "%d of %d in the %d sequences; %lu interruptions, %lu while signals were blocked\n",
           code.count, executed, interrupted, inside_interrupted, inside, code.sequence_count,
           interruptions, interruptions_put_off);
    return missing == 0 && failed == 0;
}

int main(int argc, char **argv)
{
    verbose = argc == 5 && strcmp(argv[4], "-v") == 0;
    keep_going = argc == 5 && strcmp(argv[4], "-k") == 0;
    if (argc != 4 && !verbose && !keep_going) {
        fprintf(stderr, "usage: %s VICTIM SCRIPT handler|migrate|fork|other|control [-v | -k]\n",
                argv[0]);
        return 2;
    }
    tracee_choose_cpus();
    if (strcmp(argv[3], "control") == 0) {
        start(&all_surroundings[0], argv[1], argv[2]);
        check_controls();
        tracee_end();
        return 0;
    }
    if (strcmp(argv[3], "migrate") == 0 && tracee.away < 0)
        skip("there is only one CPU");
    run_all(argv[3], argv[1], argv[2]);
    return report() ? 0 : 1;
}
