/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What came out: the runs of each type, a summary, and the same as JSON.
 */
#ifndef RESULTS_H
#define RESULTS_H

#include "parameters.h"

struct results {
    const struct parameters *parameters;
    /* As many runs as every type has. */
    int runs;
    /* One row of parameters->nruns figures for each type of parameters->types. */
    double *ns;
};

/* Run @run of the chosen type @chosen. */
static inline double *results_at(const struct results *results, int chosen, int run)
{
    return &results->ns[(long)chosen * results->parameters->nruns + run];
}

void results_print(const struct results *results);

/* 0, or -1 with errno. */
int results_json(const char *path, const struct results *results);

#endif /* RESULTS_H */
