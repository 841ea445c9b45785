/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A worker of bench-peers: measures one subject of those it was linked with, in one way, and ends.
 * ../PROTOCOL.md is what it agrees upon with the driver.
 */
#include "arguments.h"
#include "retire.h"
#include "run.h"

#include <stdio.h>

struct subject *subjects;
static struct subject **end = &subjects;

void subject_add(struct subject *subject)
{
    *end = subject;
    end = &subject->next;
}

/* No string of a subject needs escaping. */
static void print(const struct subject *subject)
{
    const char *separator = "";
    int measure;

    printf("{\"subject\": \"%s\", \"library\": \"%s\", \"version\": \"%s\", \"language\": \"%s\", "
           "\"protects\": \"%s\", \"by_call\": %s, \"compiler\": \"%s\", \"measures\": [",
           subject->name, subject->library, subject->version, subject->language, subject->protects,
           subject->by_call ? "true" : "false", subject->compiler);
    for (measure = 0; measure < NR_MEASURES; measure++) {
        if (!has_measure(subject, (enum measure_kind)measure))
            continue;
        printf("%s\"%s\"", separator, measure_names[measure]);
        separator = ", ";
    }
    printf("], \"note\": \"%s\"}\n", subject->note);
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    const struct subject *subject;

    arguments_parse(&arguments, argc, argv);
    if (arguments.subject && arguments.measure == RETIRE)
        retire_run(&arguments);
    else if (arguments.subject)
        printf("{\"ns\": %.4f}\n", run(&arguments));
    else
        for (subject = subjects; subject; subject = subject->next)
            print(subject);
    return fflush(stdout) != 0;
}
