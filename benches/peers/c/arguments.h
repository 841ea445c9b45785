/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A worker's command line; see ../PROTOCOL.md.
 */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include "subject.h"

enum measure_kind { READ_MADE, READ_HELD, WAIT, OVERSUBSCRIBED, RETIRE, NR_MEASURES };

extern const char *const measure_names[NR_MEASURES];

int has_measure(const struct subject *subject, enum measure_kind measure);

struct arguments {
    /* NULL: list the subjects. */
    const struct subject *subject;
    enum measure_kind measure;
    long ms, threads, hazards;
    /* -1: not given. */
    long siblings, busy, holding, reader, bystander, stalled;
};

/* Ends the program with status 2 after what cannot be understood, with 0 after --help. */
void arguments_parse(struct arguments *arguments, int argc, char **argv);

#endif /* ARGUMENTS_H */
