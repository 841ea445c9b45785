/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "counts.h"

void totals_add(struct totals *totals, const struct counts *counts)
{
    int i;

    for (i = 0; i < COUNTS; i++)
        totals->count[i] += count_read(&counts->count[i]);
    for (i = 0; i < HISTOGRAM; i++) {
        totals->pipe[i] += count_read(&counts->pipe[i]);
        totals->batch[i] += count_read(&counts->batch[i]);
    }
}

unsigned long totals_pipe_errors(const struct totals *totals)
{
    unsigned long errors = 0;
    int i;

    for (i = 2; i < HISTOGRAM; i++)
        errors += totals->pipe[i];
    return errors;
}
