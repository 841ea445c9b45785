/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * hazptrscale: what readers pay, with hazard pointers and with what else there is. The counterpart
 * of the kernel's refscale: `nruns` runs of `loops` operations each, in `nreaders` threads.
 *
 * The types take turns, in an order that rotates: whatever changes on the machine meanwhile changes
 * for all of them. The exit status does not depend on the figures.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "parameters.h"
#include "results.h"
#include "threads.h"
#include "types.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void interrupt(int signal_number)
{
    scale_interrupted = signal_number;
}

/* The second signal ends the program at once. */
static void catch_signals(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = interrupt;
    action.sa_flags = (int)SA_RESETHAND;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void progress(int run, const struct parameters *parameters)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[Krun %d of %ld", run + 1, parameters->nruns);
}

static void end_progress(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

/* Each chosen type once. 0 if interrupted. */
static int one_round(struct results *results, int run)
{
    const struct parameters *parameters = results->parameters;
    int i;

    for (i = 0; i < parameters->nr_types; i++) {
        int chosen = (run + i) % parameters->nr_types;
        const struct scale_reader *reader = scale_types[parameters->types[chosen]].reader;

        if (!reader)
            continue;
        *results_at(results, chosen, run) = threads_run(reader);
        if (scale_interrupted)
            return 0;
    }
    return 1;
}

/* In pieces: a signal that comes just before a sleep does not end it. */
static void hold_off(long seconds)
{
    const struct timespec piece = {0, 100000000};
    long pieces = seconds * 10;

    while (pieces-- && !scale_interrupted)
        nanosleep(&piece, NULL);
}

static void all_rounds(struct results *results)
{
    hold_off(results->parameters->holdoff);
    while (!scale_interrupted && results->runs < results->parameters->nruns) {
        progress(results->runs, results->parameters);
        if (one_round(results, results->runs))
            results->runs++;
    }
    end_progress();
}

int main(int argc, char **argv)
{
    struct parameters parameters;
    struct results results = {&parameters, 0, NULL};
    int error, status;

    parameters_parse(&parameters, argc, argv);
    results.ns = (double *)calloc((size_t)parameters.nr_types * (size_t)parameters.nruns,
                                  sizeof(*results.ns));
    if (!results.ns) {
        perror("hazptrscale");
        return 1;
    }
    catch_signals();
    error = threads_start(&parameters);
    if (error) {
        fprintf(stderr, "hazptrscale: nreaders=%ld: %s\n", parameters.nreaders, strerror(error));
        return 1;
    }
    all_rounds(&results);
    threads_end();
    status = scale_interrupted ? 128 + scale_interrupted : 0;
    if (results.runs > 0)
        results_print(&results);
    if (results.runs > 0 && parameters.json && results_json(parameters.json, &results) != 0) {
        fprintf(stderr, "hazptrscale: --json %s: %s\n", parameters.json, strerror(errno));
        status = 1;
    }
    free(results.ns);
    return status;
}
