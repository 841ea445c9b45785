/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See parameters.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "parameters.h"

#include "types.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct number {
    const char *name;
    size_t offset;
    long standard, least, most;
    const char *what;
};

static const struct number numbers[] = {
    {"loops", offsetof(struct parameters, loops), 10000, 1, 1000000000L, "operations a run"},
    {"nruns", offsetof(struct parameters, nruns), 30, 1, 100000, "runs of each type"},
    {"nreaders", offsetof(struct parameters, nreaders), -1, -1, 10000,
     "threads that read; -1: 75 % of the CPUs, at least 1"},
    {"readdelay", offsetof(struct parameters, readdelay), 0, 0, 1000000000L,
     "busy for so many ns in each operation"},
    {"holdoff", offsetof(struct parameters, holdoff), 0, 0, 86400, "seconds before the start"},
    {"verbose", offsetof(struct parameters, verbose), 0, 0, 1, "say what the threads do"},
    {"shutdown", offsetof(struct parameters, shutdown), 0, 0, 1,
     "accepted as the kernel has it; the program ends in any case"},
};

#define NR_NUMBERS (sizeof(numbers) / sizeof(*numbers))

static long *place(struct parameters *parameters, const struct number *number)
{
    return (long *)((char *)parameters + number->offset);
}

static void usage(FILE *out)
{
    size_t i;
    int type;

    fputs("usage: hazptrscale [NAME=VALUE]... [--json FILE]\n"
          "\n"
          "Measures what it costs to protect a pointer and let it go, in several ways, while\n"
          "nobody changes it: the average of an operation in each run, then a summary. The runs\n"
          "of the types take turns. Let nothing else run meanwhile.\n"
          "\n",
          out);
    fprintf(out, "  %-20s %s\n", "scale_type=all", "types to measure, with commas between");
    for (i = 0; i < NR_NUMBERS; i++) {
        char name[32];

        snprintf(name, sizeof(name), "%s=%ld", numbers[i].name, numbers[i].standard);
        fprintf(out, "  %-20s %s\n", name, numbers[i].what);
    }
    fprintf(out, "  %-20s %s\n", "--json FILE", "also write every figure to FILE");
    fprintf(out, "  %-20s %s\n", "--help", "this text");
    fputs("\nTypes:\n", out);
    for (type = 0; type < nr_scale_types; type++)
        fprintf(out, "  %-20s %s%s%s\n", scale_types[type].name, scale_types[type].what,
                scale_types[type].reader ? "" : "; absent, needs ",
                scale_types[type].reader ? "" : scale_types[type].needs);
}

static void refuse(const char *format, ...)
    __attribute__((format(printf, 1, 2), noreturn));

static void refuse(const char *format, ...)
{
    va_list args;

    fputs("hazptrscale: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\n\n", stderr);
    usage(stderr);
    exit(2);
}

static void set_number(struct parameters *parameters, const struct number *number,
                       const char *value)
{
    char *end;
    long n;

    errno = 0;
    n = strtol(value, &end, 10);
    if (end == value || *end || errno)
        refuse("%s=%s: not a number", number->name, value);
    if (n < number->least || n > number->most || (number->least < 0 && n == 0))
        refuse("%s=%s: not from %ld to %ld", number->name, value,
               number->least < 0 ? 1 : number->least, number->most);
    *place(parameters, number) = n;
}

static void choose_type(struct parameters *parameters, int type)
{
    int i;

    for (i = 0; i < parameters->nr_types; i++)
        if (parameters->types[i] == type)
            return;
    parameters->types[parameters->nr_types++] = type;
}

/* All of the table, so that what is absent is seen; by name only what is there. */
static void set_types(struct parameters *parameters, const char *value)
{
    char *names = strdup(value), *rest = names, *name;
    int type;

    parameters->nr_types = 0;
    while (rest && (name = strsep(&rest, ",")) != NULL) {
        if (strcmp(name, "all") == 0) {
            for (type = 0; type < nr_scale_types; type++)
                choose_type(parameters, type);
            continue;
        }
        type = scale_type_index(name);
        if (type < 0)
            refuse("scale_type=%s: no type %s", value, name);
        if (!scale_types[type].reader)
            refuse("scale_type=%s: %s is absent: install %s and build anew", value, name,
                   scale_types[type].needs);
        choose_type(parameters, type);
    }
    free(names);
}

static void set(struct parameters *parameters, const char *argument)
{
    const char *value = strchr(argument, '=');
    size_t length, i;

    if (!value)
        refuse("%s: not NAME=VALUE", argument);
    length = (size_t)(value++ - argument);
    if (length == strlen("scale_type") && strncmp(argument, "scale_type", length) == 0) {
        set_types(parameters, value);
        return;
    }
    for (i = 0; i < NR_NUMBERS; i++) {
        if (length == strlen(numbers[i].name) &&
            strncmp(argument, numbers[i].name, length) == 0) {
            set_number(parameters, &numbers[i], value);
            return;
        }
    }
    refuse("%s: no such parameter", argument);
}

static long three_quarters_of_the_cpus(void)
{
    cpu_set_t set;
    long cpus = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

    return cpus * 3 / 4 > 0 ? cpus * 3 / 4 : 1;
}

void parameters_parse(struct parameters *parameters, int argc, char **argv)
{
    size_t n;
    int i;

    memset(parameters, 0, sizeof(*parameters));
    for (n = 0; n < NR_NUMBERS; n++)
        *place(parameters, &numbers[n]) = numbers[n].standard;
    set_types(parameters, "all");
    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            usage(stdout);
            exit(0);
        } else if (strcmp(argv[i], "--json") == 0) {
            if (++i == argc)
                refuse("--json: which file?");
            parameters->json = argv[i];
        } else {
            set(parameters, argv[i]);
        }
    }
    if (parameters->nreaders < 0)
        parameters->nreaders = three_quarters_of_the_cpus();
}
