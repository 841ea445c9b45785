/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The structures in examples/, each behind the same calls.
 */
#ifndef SUBJECT_H
#define SUBJECT_H

#include "specification.h"

struct subject {
    const char *name;
    void *(*create)(void);
    void (*destroy)(void *structure);
    int (*apply)(void *structure, enum kind kind, int argument);
    specification *specification;
    /* What it can do: kinds from the first to the last. */
    enum kind first, last;
};

#define SUBJECTS 3
extern const struct subject subjects[SUBJECTS];

/* Ends the program if there is none of that name. */
const struct subject *subject_named(const char *name);

#endif /* SUBJECT_H */
