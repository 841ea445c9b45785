/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Runs every measurement once a round, in an order that rotates, so that whatever changes on the
 * machine while this runs changes for all of them; then prints what came out. The exit status does
 * not depend on the figures: they are for people to judge.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "child.h"
#include "plan.h"
#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
    interrupted = signal_number;
}

static const char usage[] =
    "usage: bench [--rounds N] [--quick] [--json FILE]\n"
    "\n"
    "Measures hazptr beside a plain load, empty calls and a raw membarrier, and prints a Markdown\n"
    "table. Let nothing else run meanwhile. The exit status does not depend on the figures.\n"
    "\n"
    "  --rounds N   rounds, 1 to 1000 (15)\n"
    "  --quick      9 rounds, shorter ones\n"
    "  --json FILE  also write every figure to FILE\n"
    "  --help       this text\n";

struct options {
    int rounds;
    double milliseconds;
    const char *json;
};

static void parse(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"rounds", required_argument, NULL, 'r'}, {"quick", no_argument, NULL, 'q'},
        {"json", required_argument, NULL, 'j'},   {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int rounds = 0, quick = 0, option;

    while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1) {
        switch (option) {
        case 'r':
            rounds = atoi(optarg);
            if (rounds < 1 || rounds > REPORT_MOST_ROUNDS) {
                fprintf(stderr, "bench: --rounds %s: not from 1 to %d\n", optarg,
                        REPORT_MOST_ROUNDS);
                exit(2);
            }
            break;
        case 'q':
            quick = 1;
            break;
        case 'j':
            options->json = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (optind != argc) {
        fputs(usage, stderr);
        exit(2);
    }
    options->rounds = rounds ? rounds : quick ? 9 : 15;
    options->milliseconds = quick ? 30 : 50;
}

/* The CPU to measure on, and one for a sibling: far apart, as their numbers go. */
static int choose_cpus(int *cpu, int *sibling_cpu)
{
    cpu_set_t set;
    int i;

    *cpu = *sibling_cpu = -1;
    if (sched_getaffinity(0, sizeof(set), &set) != 0) {
        perror("bench: sched_getaffinity");
        exit(1);
    }
    for (i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, &set))
            continue;
        *cpu = i;
        if (*sibling_cpu < 0)
            *sibling_cpu = i;
    }
    return CPU_COUNT(&set);
}

static void progress(int round, int rounds, const char *label)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[Kround %d of %d: %s", round + 1, rounds, label);
}

static void end_progress(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

static void catch_signals(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = interrupt;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* One row of one round. 0 if the run cannot go on. */
static int take(struct run *run, struct child *children, int row, int round)
{
    struct series *series = &run->series[row];
    struct answer answer;

    if (rows[row].cpus > run->cpus) {
        snprintf(series->reason, sizeof(series->reason), "needs %d CPUs", rows[row].cpus);
        return 1;
    }
    switch (child_ask(&children[rows[row].process], rows[row].request, run->milliseconds,
                      &answer)) {
    case ANSWERED:
        series->ns[round] = answer.ns;
        series->counter = answer.counter;
        return 1;
    case SKIPPED:
        memcpy(series->reason, answer.reason, sizeof(series->reason));
        return 1;
    default:
        if (!interrupted)
            fprintf(stderr, "bench: %s: the process ended\n", rows[row].label);
        return 0;
    }
}

/* The number of rounds that are complete. */
static int all_rounds(struct run *run, struct child *children, int rounds)
{
    int round, i;

    for (round = 0; round < rounds; round++) {
        for (i = 0; i < nr_rows; i++) {
            int row = (round * 7 + i) % nr_rows;

            progress(round, rounds, rows[row].label);
            if (interrupted || !take(run, children, row, round))
                return round;
        }
    }
    return round;
}

int main(int argc, char **argv)
{
    struct options options = {0, 0, NULL};
    struct child *children = (struct child *)calloc((size_t)nr_processes, sizeof(*children));
    struct run run;
    int cpu, sibling_cpu, i, status;

    parse(argc, argv, &options);
    memset(&run, 0, sizeof(run));
    run.milliseconds = options.milliseconds;
    run.series = (struct series *)calloc((size_t)nr_rows, sizeof(*run.series));
    if (!children || !run.series)
        return 1;
    run.cpus = choose_cpus(&cpu, &sibling_cpu);
    catch_signals();
    for (i = 0; i < nr_processes && !interrupted; i++) {
        progress(0, options.rounds, "starting");
        child_start(&children[i], &processes[i], cpu, sibling_cpu);
    }
    run.mode = children[0].mode;
    run.version = children[0].version;
    run.rounds = all_rounds(&run, children, options.rounds);
    end_progress();
    for (i = 0; i < nr_processes; i++)
        child_end(&children[i]);
    if (run.rounds > 0)
        report_table(stdout, &run);
    status = interrupted ? 128 + interrupted : run.rounds < options.rounds;
    if (options.json && run.rounds > 0 && report_json(options.json, &run) != 0) {
        fprintf(stderr, "bench: %s: %s\n", options.json, strerror(errno));
        status = 1;
    }
    free(run.series);
    free(children);
    return status;
}
