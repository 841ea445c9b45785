/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See arguments.h. */
#include "arguments.h"

#include "place.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IN(measure) (1U << (measure))
#define IN_ALL (IN(NR_MEASURES) - 1)

const char *const measure_names[NR_MEASURES] = {"read-made", "read-held", "wait",
                                                "oversubscribed", "retire"};

struct key {
    const char *name;
    size_t offset;
    unsigned int measures;
    long least, most;
    const char *what;
};

static const struct key keys[] = {
    {"ms", offsetof(struct arguments, ms), IN_ALL, 1, 60000, "milliseconds to measure"},
    {"threads", offsetof(struct arguments, threads), IN(READ_MADE) | IN(READ_HELD), 1, 2,
     "readers"},
    {"threads", offsetof(struct arguments, threads), IN(OVERSUBSCRIBED), 1, 1024, "readers"},
    {"hazards", offsetof(struct arguments, hazards), IN(OVERSUBSCRIBED), HAZARDS, HAZARDS,
     "objects that each protects"},
    {"siblings", offsetof(struct arguments, siblings), IN(WAIT), 0, 1024, "threads asleep"},
    {"busy", offsetof(struct arguments, busy), IN(WAIT), 1, 1, "a thread that reads"},
    {"holding", offsetof(struct arguments, holding), IN(WAIT), 1, 1,
     "a thread that protects another object, 1 ms at a time"},
    {"reader", offsetof(struct arguments, reader), IN(RETIRE), 1, 1, "a thread that reads"},
    {"bystander", offsetof(struct arguments, bystander), IN(RETIRE), 1, 1,
     "a thread that reads another object"},
    {"stalled", offsetof(struct arguments, stalled), IN(RETIRE), 1, 1,
     "a thread that protects an object and sleeps"},
};

#define NR_KEYS (sizeof(keys) / sizeof(*keys))

static const char *program;

int has_measure(const struct subject *subject, enum measure_kind measure)
{
    if (measure == RETIRE)
        return subject->retirement != NULL;
    if (subject->only_retires)
        return 0;
    switch (measure) {
    case READ_MADE:
        return subject->read_made != NULL;
    case READ_HELD:
        return subject->read_held != NULL;
    case WAIT:
        return subject->wait != NULL;
    default:
        return subject->oversubscribed != NULL;
    }
}

static void usage(FILE *out)
{
    int measure;
    size_t i;

    fprintf(out,
            "usage: %s list\n"
            "       %s run SUBJECT MEASURE [KEY=VALUE]...\n"
            "\n"
            "Lists the ways to protect a read that this program can measure, or measures one: a\n"
            "worker of bench-peers. Both answer in JSON; run: nanoseconds an operation.\n",
            program, program);
    for (measure = 0; measure < NR_MEASURES; measure++) {
        fprintf(out, "\n%s\n", measure_names[measure]);
        for (i = 0; i < NR_KEYS; i++)
            if (keys[i].measures & IN(measure))
                fprintf(out, "  %s=%ld..%ld  %s\n", keys[i].name, keys[i].least, keys[i].most,
                        keys[i].what);
    }
    fputs("\nwait wants one of siblings, busy, holding; oversubscribed wants threads; retire has\n"
          "one of its keys, or none.\n",
          out);
}

static void refuse(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void refuse(const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s: ", program);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "; see %s --help\n", program);
    exit(2);
}

static const struct subject *subject_named(const char *name)
{
    const struct subject *subject;

    for (subject = subjects; subject; subject = subject->next)
        if (strcmp(subject->name, name) == 0)
            return subject;
    refuse("no subject %s, see %s list", name, program);
}

static enum measure_kind measure_named(const struct subject *subject, const char *name)
{
    int measure;

    for (measure = 0; measure < NR_MEASURES; measure++)
        if (strcmp(measure_names[measure], name) == 0)
            break;
    if (measure == NR_MEASURES)
        refuse("no measure %s", name);
    if (!has_measure(subject, (enum measure_kind)measure))
        refuse("%s has no measure %s", subject->name, name);
    return (enum measure_kind)measure;
}

static void set(struct arguments *arguments, const char *argument)
{
    const char *value = strchr(argument, '=');
    size_t length, i;
    long number;
    char *end;

    if (!value)
        refuse("%s: not KEY=VALUE", argument);
    length = (size_t)(value++ - argument);
    for (i = 0; i < NR_KEYS; i++)
        if (keys[i].measures & IN(arguments->measure) && strlen(keys[i].name) == length &&
            strncmp(keys[i].name, argument, length) == 0)
            break;
    if (i == NR_KEYS)
        refuse("%s: no such key of %s", argument, measure_names[arguments->measure]);
    errno = 0;
    number = strtol(value, &end, 10);
    if (end == value || *end || errno)
        refuse("%s: not a number", argument);
    if (number < keys[i].least || number > keys[i].most)
        refuse("%s: not from %ld to %ld", argument, keys[i].least, keys[i].most);
    *(long *)((char *)arguments + keys[i].offset) = number;
}

void arguments_parse(struct arguments *arguments, int argc, char **argv)
{
    static const struct arguments standard = {NULL, READ_MADE, 50, -1, HAZARDS, -1, -1, -1, -1, -1,
                                              -1};
    int i;

    program = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    *arguments = standard;
    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            usage(stdout);
            exit(0);
        }
    }
    if (argc == 2 && strcmp(argv[1], "list") == 0)
        return;
    if (argc < 4 || strcmp(argv[1], "run") != 0)
        refuse("neither list nor run SUBJECT MEASURE");
    arguments->subject = subject_named(argv[2]);
    arguments->measure = measure_named(arguments->subject, argv[3]);
    for (i = 4; i < argc; i++)
        set(arguments, argv[i]);
    if (arguments->measure == WAIT && (arguments->siblings >= 0) + (arguments->busy > 0) +
                                              (arguments->holding > 0) != 1)
        refuse("wait: which one of siblings=N, busy=1, holding=1?");
    if (arguments->measure == OVERSUBSCRIBED && arguments->threads < 0)
        refuse("oversubscribed: threads=?");
    if ((arguments->reader > 0) + (arguments->bystander > 0) + (arguments->stalled > 0) > 1)
        refuse("retire: one of reader=1, bystander=1, stalled=1, or none");
    if (arguments->threads < 0)
        arguments->threads = 1;
}
