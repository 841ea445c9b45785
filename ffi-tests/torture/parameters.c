/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "parameters.h"
#include "say.h"

#include <errno.h>
#include <hazptr.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct torture_type types[] = {
#ifdef TORTURE_BUSTED_FENCE
    {.name = "busted-fence", .meaning = "an engine without barriers: must end in FAILURE"},
    {.name = "busted-fence-inline", .meaning = "the same, readers inlined", .inlined = true},
    {.name = "busted-fence-retire", .meaning = "the same, writers retire", .retiring = true},
#else
    {.name = "hazptr", .meaning = "contexts on the heap, some handed on for release elsewhere"},
    {.name = "hazptr-inline",
     .meaning = "the same, with the readers' fast paths inlined",
     .inlined = true},
    {.name = "hazptr-stack", .meaning = "contexts on the readers' stacks", .on_stack = true},
    {.name = "hazptr-retire",
     .meaning = "as hazptr, but the writers retire what they remove",
     .retiring = true},
    {.name = "hazptr-retire-inline",
     .meaning = "the same, with the readers' fast paths inlined",
     .inlined = true,
     .retiring = true},
    {.name = "busted", .meaning = "the writers do not wait: must end in FAILURE", .busted = true},
    {.name = "busted-retire",
     .meaning = "callbacks run at once: must end in FAILURE",
     .busted = true,
     .retiring = true},
#endif
};

static const char *const modes[] = {"auto", "rseq", "membarrier", "fence"};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* What kernel modules take for "as fits the machine". */
#define FITTING (-1)
#define SECONDS_MOST 1000000000

struct parameters parameters = {
    .nreaders = -1,
    .nwriters = 1,
    .nested = 1,
    .held = 0,
    .defer_modulus = FITTING,
    .kthread_do_pending_ms = FITTING,
    .irq_acquire = FITTING,
    .irq_release = FITTING,
    .onoff_holdoff = 0,
    .onoff_interval = 0,
    .preempt_duration = 0,
    .preempt_interval = 1000,
    .reader_sleep_us = 0,
    .shuffle_interval = 3,
    .shutdown_secs = 0,
    .stat_interval = 60,
    .stutter = 5,
    .verbose = 1,
    .max_lines = -1,
    .retire_bound = 0,
    .retire_delay_us = 0,
    .retire_worker = 1,
    .mode = NULL,
    .type = &types[0],
};

/* In place of a feature's off value: less than the least is an error. */
#define NO_OFF LONG_MIN

static const struct parameter {
    const char *name;
    long *value;
    /* Below the least the feature is off, which is the value @off. */
    long least, most, off;
    const char *meaning;
} table[] = {
    {"nreaders", &parameters.nreaders, -1000, 100000, NO_OFF,
     "reader threads; -n: n for each CPU"},
    {"nwriters", &parameters.nwriters, 0, 1000, 0, "writer threads, each with its own pointer"},
    {"nested", &parameters.nested, 1, MOST_NESTED, NO_OFF, "hazards held at once by each reader"},
    {"defer_modulus", &parameters.defer_modulus, FITTING, LONG_MAX, 0,
     "hand on one in n hazards for release elsewhere; 0: off; -1: 1000 x CPUs"},
    {"kthread_do_pending_ms", &parameters.kthread_do_pending_ms, FITTING, SECONDS_MOST, 0,
     "pause between releases of handed on hazards, ms; 0: off; -1: 3"},
    {"irq_acquire", &parameters.irq_acquire, FITTING, LONG_MAX, 0,
     "one in n acquires in a handler on another CPU; 0: off; -1: 1000 x CPUs"},
    {"irq_release", &parameters.irq_release, FITTING, LONG_MAX, 0,
     "one in n releases in a handler on another CPU; 0: off; -1: 1000 x CPUs"},
    {"onoff_holdoff", &parameters.onoff_holdoff, 0, SECONDS_MOST, 0,
     "time before the first CPU is taken away, s"},
    {"onoff_interval", &parameters.onoff_interval, 0, SECONDS_MOST, 0,
     "time between taking a CPU away and giving it back, s; 0: off"},
    {"preempt_duration", &parameters.preempt_duration, 0, SECONDS_MOST, 0,
     "a real-time thread takes a CPU for so long, ms; 0: off"},
    {"preempt_interval", &parameters.preempt_interval, 1, SECONDS_MOST, 0,
     "time between these preemptions, ms"},
    {"reader_sleep_us", &parameters.reader_sleep_us, 0, LONG_MAX / 1000, 0,
     "readers sleep so long while they hold, us"},
    {"shuffle_interval", &parameters.shuffle_interval, 0, SECONDS_MOST, 0,
     "time between moves of threads among CPUs, s; 0: off"},
    {"shutdown_secs", &parameters.shutdown_secs, 0, SECONDS_MOST, 0,
     "end after so long, s; 0: when interrupted"},
    {"stat_interval", &parameters.stat_interval, 0, SECONDS_MOST, 0,
     "time between statistics, s; 0: only at the end"},
    {"stutter", &parameters.stutter, 0, SECONDS_MOST, 0, "run so long, halt so long, s; 0: off"},
    {"verbose", &parameters.verbose, 0, LONG_MAX, 0, "1: tell of threads that start and stop"},
    {"max_lines", &parameters.max_lines, -1, LONG_MAX, -1,
     "HAZPTR_MAX_LINES for this run; -1: as it is"},
    {"retire_bound", &parameters.retire_bound, 0, UINT_MAX, 0,
     "so many retired make the writers help; 0: as the library has it"},
    {"retire_delay_us", &parameters.retire_delay_us, 0, UINT_MAX, 0,
     "the retired may wait so long, us; 0: as the library has it"},
    {"retire_worker", &parameters.retire_worker, 0, 1, NO_OFF,
     "0: no worker, but a thread that reclaims now and then"},
    {"held", &parameters.held, 0, LONG_MAX, 0,
     "one in n hazards is by a slot that its reader keeps; 0: off"},
};

/* --- the command line ------------------------------------------------------------------------ */

static void print_types(FILE *file)
{
    size_t i;

    fprintf(file, "torture_type is one of:\n");
    for (i = 0; i < LENGTH(types); i++)
        fprintf(file, "  %-20s %s%s\n", types[i].name, types[i].meaning, i ? "" : " (default)");
}

static void help(void)
{
    size_t i;

    printf("usage: hazptrtorture [name=value...] [--json FILE] [--quiet]\n\n"
           "Tries to make hazptr_synchronize() return while a reader holds what it waited for,\n"
           "or hazptr_retire() call while a reader holds what was retired.\n"
           "Ctrl-C ends the run, as does an error after a second more.\n\n");
    print_types(stdout);
    printf("\nmode is one of auto, rseq, membarrier, fence (default: as HAZPTR_MODE says)\n\n"
           "Numbers, with their defaults:\n");
    for (i = 0; i < LENGTH(table); i++)
        printf("  %s=%ld%*s %s\n", table[i].name, *table[i].value,
               25 - snprintf(NULL, 0, "%s=%ld", table[i].name, *table[i].value), "",
               table[i].meaning);
    printf("\nOptions:\n"
           "  --json FILE  write all parameters and results to FILE at the end\n"
           "  --quiet      no progress line on the terminal\n"
           "  --help, --version\n\n"
           "Exit status: 0 SUCCESS, 1 FAILURE, 2 wrong usage or no run at all, 3 HAZPTR_HOTPLUG\n"
           "(CPUs could not be taken away or given back as asked for).\n");
}

static void refuse(const char *argument, const char *why)
{
    fprintf(stderr,
            "hazptrtorture: %s: %s\n"
            "usage: hazptrtorture [name=value...] [--json FILE] [--quiet]; see --help\n",
            argument, why);
    exit(2);
}

static void set_type(const char *argument, const char *value)
{
    size_t i;

    for (i = 0; i < LENGTH(types); i++) {
        if (strcmp(value, types[i].name) == 0) {
            parameters.type = &types[i];
            return;
        }
    }
    print_types(stderr);
    refuse(argument, "no such type");
}

static void set_mode(const char *argument, const char *value)
{
    size_t i;

    for (i = 0; i < LENGTH(modes); i++) {
        if (strcmp(value, modes[i]) == 0) {
            parameters.mode = modes[i];
            return;
        }
    }
    refuse(argument, "not one of auto, rseq, membarrier, fence");
}

static void set_number(const char *argument, const struct parameter *parameter, const char *value)
{
    char *end;
    long number;

    errno = 0;
    number = strtol(value, &end, 10);
    /* strtol() would let blanks and a plus sign pass. */
    if (end == value || *end || !strchr("-0123456789", *value))
        refuse(argument, "not a number");
    if (errno || number > parameter->most)
        refuse(argument, "too large a number");
    if (number < parameter->least && parameter->off == NO_OFF)
        refuse(argument, "too small a number");
    *parameter->value = number;
}

static void set_argument(const char *argument)
{
    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : 0, i;

    if (!equals)
        refuse(argument, "neither name=value nor a known option");
    if (strncmp(argument, "torture_type=", length + 1) == 0) {
        set_type(argument, equals + 1);
        return;
    }
    if (strncmp(argument, "mode=", length + 1) == 0) {
        set_mode(argument, equals + 1);
        return;
    }
    for (i = 0; i < LENGTH(table); i++) {
        if (strlen(table[i].name) == length && strncmp(argument, table[i].name, length) == 0) {
            set_number(argument, &table[i], equals + 1);
            return;
        }
    }
    refuse(argument, "no such parameter");
}

void parameters_parse(int argc, char **argv)
{
    const unsigned int version = hazptr_version();
    int i;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            help();
            exit(0);
        } else if (strcmp(argv[i], "--version") == 0) {
            printf("hazptrtorture %d.%d.%d, library %u.%u.%u\n", HAZPTR_VERSION_MAJOR,
                   HAZPTR_VERSION_MINOR, HAZPTR_VERSION_PATCH, version >> 16, version >> 8 & 255,
                   version & 255);
            exit(0);
        } else if (strcmp(argv[i], "--quiet") == 0) {
            parameters.quiet = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            if (i + 1 == argc)
                refuse("--json", "needs the name of a file");
            parameters.json = argv[++i];
        } else {
            set_argument(argv[i]);
        }
    }
}

/* --- what fits the machine ------------------------------------------------------------------- */

static void turn_off_below_least(void)
{
    size_t i;

    for (i = 0; i < LENGTH(table); i++) {
        if (*table[i].value >= table[i].least)
            continue;
        say("%s=%ld: below %ld; %s=%ld instead", table[i].name, *table[i].value, table[i].least,
            table[i].name, table[i].off);
        *table[i].value = table[i].off;
    }
}

static void fit(long *value, long fitting)
{
    if (*value == FITTING)
        *value = fitting;
}

static void settle_handing_on(int cpus)
{
    long *modulus = &parameters.defer_modulus, *pause = &parameters.kthread_do_pending_ms;

    if (parameters.type->on_stack) {
        if (*modulus > 0 || *pause > 0)
            say("contexts on the stack are not handed on; defer_modulus=0 instead");
        *modulus = *pause = 0;
        return;
    }
    /* One that is turned off turns off the other, unless that was asked for. */
    fit(modulus, *pause == 0 ? 0 : 1000L * cpus);
    fit(pause, *modulus == 0 ? 0 : 3);
    if ((*modulus == 0) != (*pause == 0)) {
        say("defer_modulus and kthread_do_pending_ms are off together or not at all; both off");
        *modulus = *pause = 0;
    }
}

void parameters_settle(int cpus)
{
    turn_off_below_least();
    if (parameters.nreaders < 0)
        parameters.nreaders *= -cpus;
    settle_handing_on(cpus);
    fit(&parameters.irq_acquire, 1000L * cpus);
    fit(&parameters.irq_release, 1000L * cpus);
    if (cpus == 1 && (parameters.irq_acquire > 0 || parameters.irq_release > 0)) {
        say("one CPU: no handler on another one; irq_acquire=0 irq_release=0 instead");
        parameters.irq_acquire = parameters.irq_release = 0;
    }
    if (parameters.preempt_duration > 0 && parameters.preempt_interval == 0) {
        say("preempt_interval=0: preemption is off");
        parameters.preempt_duration = 0;
    }
}

void parameters_visit(void (*visit)(const char *name, long value, void *argument), void *argument)
{
    size_t i;

    for (i = 0; i < LENGTH(table); i++)
        visit(table[i].name, *table[i].value, argument);
}
