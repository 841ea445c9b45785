/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See results.h. Ratios are taken within a round, and then their median. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "results.h"

#include "../measure.h"
#include "types.h"

#include <hazptr.h>
#include <stdio.h>
#include <string.h>

struct figures {
    double median, least, most;
    /* 0: the floor was not measured. */
    double to_floor;
};

static const struct scale_type *type_of(const struct results *results, int chosen)
{
    return &scale_types[results->parameters->types[chosen]];
}

/* Which of the chosen types the others are compared with, or -1. */
static int floor_of(const struct results *results)
{
    int i;

    for (i = 0; i < results->parameters->nr_types; i++)
        if (strcmp(type_of(results, i)->name, SCALE_FLOOR) == 0)
            return i;
    return -1;
}

static void calculate(const struct results *results, int chosen, struct figures *figures)
{
    size_t size = (size_t)results->runs * sizeof(double);
    double *values = (double *)malloc(size);
    int least = floor_of(results), run;

    memset(figures, 0, sizeof(*figures));
    if (!values)
        return;
    memcpy(values, results_at(results, chosen, 0), size);
    figures->median = measure_quantile(values, results->runs, 0.5);
    figures->least = values[0];
    figures->most = values[results->runs - 1];
    if (least >= 0) {
        for (run = 0; run < results->runs; run++)
            values[run] = *results_at(results, chosen, run) / *results_at(results, least, run);
        figures->to_floor = measure_quantile(values, results->runs, 0.5);
    }
    free(values);
}

static const char *mode_name(void)
{
    static const char *const modes[] = {"?", "rseq", "membarrier", "fence"};
    unsigned int mode = hazptr_mode();

    return modes[mode < 4 ? mode : 0];
}

static void print_runs(const struct results *results, int chosen)
{
    int run;

    printf("%s\nRuns\tTime(ns)\n", type_of(results, chosen)->name);
    for (run = 0; run < results->runs; run++)
        printf("%d\t%.3f\n", run + 1, *results_at(results, chosen, run));
    putchar('\n');
}

static void print_line(const struct results *results, int chosen)
{
    const struct scale_type *type = type_of(results, chosen);
    struct figures figures;

    if (!type->reader) {
        printf("%-18s absent: needs %s\n", type->name, type->needs);
        return;
    }
    calculate(results, chosen, &figures);
    printf("%-18s %12.3f %10.3f %10.3f ", type->name, figures.median, figures.least, figures.most);
    if (figures.to_floor > 0)
        printf("%10.2f\n", figures.to_floor);
    else
        printf("%10s\n", "-");
}

void results_print(const struct results *results)
{
    const struct parameters *p = results->parameters;
    unsigned int version = hazptr_version();
    int i;

    printf("loops=%ld nruns=%ld nreaders=%ld readdelay=%ld; hazptr %u.%u.%u, mode %s\n\n", p->loops,
           p->nruns, p->nreaders, p->readdelay, version >> 16, version >> 8 & 255, version & 255,
           mode_name());
    for (i = 0; i < p->nr_types; i++)
        if (type_of(results, i)->reader)
            print_runs(results, i);
    printf("%-18s %12s %10s %10s %10s\n", "type", "ns/operation", "min", "max", "x " SCALE_FLOOR);
    for (i = 0; i < p->nr_types; i++)
        print_line(results, i);
    printf("\n%d runs each, taking turns; medians, of the ratios too\n", results->runs);
}

static void json_type(FILE *out, const struct results *results, int chosen)
{
    const struct scale_type *type = type_of(results, chosen);
    struct figures figures;
    int run;

    fprintf(out, "%s\n    {\"type\": \"%s\", ", chosen ? "," : "", type->name);
    if (!type->reader) {
        fprintf(out, "\"needs\": \"%s\"}", type->needs);
        return;
    }
    calculate(results, chosen, &figures);
    fprintf(out, "\"median\": %.4f, \"min\": %.4f, \"max\": %.4f, ", figures.median, figures.least,
            figures.most);
    if (figures.to_floor > 0)
        fprintf(out, "\"to_" SCALE_FLOOR "\": %.4f, ", figures.to_floor);
    fputs("\"ns\": [", out);
    for (run = 0; run < results->runs; run++)
        fprintf(out, "%s%.4f", run ? ", " : "", *results_at(results, chosen, run));
    fputs("]}", out);
}

int results_json(const char *path, const struct results *results)
{
    const struct parameters *p = results->parameters;
    unsigned int version = hazptr_version();
    FILE *out = fopen(path, "w");
    int i, failed;

    if (!out)
        return -1;
    fprintf(out,
            "{\n  \"version\": \"%u.%u.%u\", \"mode\": \"%s\",\n"
            "  \"loops\": %ld, \"nruns\": %ld, \"nreaders\": %ld, \"readdelay\": %ld,\n"
            "  \"runs\": %d,\n  \"types\": [",
            version >> 16, version >> 8 & 255, version & 255, mode_name(), p->loops, p->nruns,
            p->nreaders, p->readdelay, results->runs);
    for (i = 0; i < p->nr_types; i++)
        json_type(out, results, i);
    fputs("\n  ]\n}\n", out);
    failed = ferror(out);
    return fclose(out) != 0 || failed ? -1 : 0;
}
