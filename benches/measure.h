/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The clock of the measurements: nanoseconds per operation of a loop. A loop is run in batches that
 * are long beside the reading of the clock and short beside a scheduler's tick; the median of the
 * batches does not see the few that something else interrupted.
 */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdlib.h>
#include <time.h>

/* Runs the operation @count times. */
typedef void measure_loop(unsigned long count);

#define MEASURE_BATCH_NS 100000.0
#define MEASURE_MOST_BATCHES 4096

static inline double measure_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static inline int measure_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The value below which the given part (0 to 1) of the values lie. Sorts them. */
static inline double measure_quantile(double *values, int count, double part)
{
    double place = part * (count - 1);
    int below = (int)place;

    qsort(values, (size_t)count, sizeof(*values), measure_compare);
    if (below + 1 >= count)
        return values[count - 1];
    return values[below] + (place - below) * (values[below + 1] - values[below]);
}

/* The first quarter of the time finds the batch's length and warms everything up. */
static inline double measure(measure_loop *loop, double milliseconds)
{
    static double batches[MEASURE_MOST_BATCHES];
    double start = measure_now(), before = start, now = start, span = milliseconds * 1e6;
    unsigned long length = 1;
    int count = 0;

    while (now - start < span / 4) {
        loop(length);
        now = measure_now();
        if (now - before < MEASURE_BATCH_NS)
            length *= 2;
        before = now;
    }
    do {
        before = now;
        loop(length);
        now = measure_now();
        batches[count++] = (now - before) / (double)length;
    } while (now - start < span && count < MEASURE_MOST_BATCHES);
    return measure_quantile(batches, count, 0.5);
}

#endif /* MEASURE_H */
