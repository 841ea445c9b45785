/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The table of types: one line of types.c for each.
 */
#ifndef TYPES_H
#define TYPES_H

#include "reader.h"

struct scale_type {
    const char *name;
    const char *what;
    /* NULL if this build lacks it; `needs` is then what to install. */
    const struct scale_reader *reader;
    const char *needs;
};

extern const struct scale_type scale_types[];
extern const int nr_scale_types;

/* What the others are compared with. */
#define SCALE_FLOOR "load"

/* An index, or -1. */
int scale_type_index(const char *name);

#endif /* TYPES_H */
