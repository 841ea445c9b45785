/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * libhazptr-urcu beside liburcu, in one process: each figure of each side once a round, in an order that
 * rotates; printed are medians of the rounds, and their ratio to liburcu's. For people to judge.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "side.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS_MOST 1000
#define SIDES 5
#define UPDATERS 4

static const char usage[] =
    "usage: urcubench [--rounds N] [--quick]\n"
    "\n"
    "Measures libhazptr-urcu beside liburcu and prints a Markdown table: medians of N rounds (9). Let\n"
    "nothing else run meanwhile. --quick: rounds that show no more than that it works.\n";

static const struct side *sides[SIDES];
static double scale = 1;

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

static void sleep_us(long us)
{
    struct timespec pause = {0, us * 1000};

    while (nanosleep(&pause, &pause) && errno == EINTR)
        ;
}

static pthread_t start(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, function, argument);

    if (error) {
        fprintf(stderr, "urcubench: no thread: %s\n", strerror(error));
        exit(1);
    }
    return thread;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double quantile(double *values, int count, double at)
{
    qsort(values, (size_t)count, sizeof(*values), compare);
    return values[(int)(at * (count - 1) + 0.5)];
}

/* --- what is measured ---------------------------------------------------------------------------- */

static double read_cost(const struct side *side)
{
    unsigned long count = (unsigned long)(5e6 * scale);
    double start_ns = now_ns();

    side->read(count);
    return (now_ns() - start_ns) / (double)count;
}

static double nested_cost(const struct side *side)
{
    unsigned long count = (unsigned long)(3e6 * scale);
    double start_ns = now_ns();

    side->nest(count);
    return (now_ns() - start_ns) / (double)count;
}

static double synchronize_alone(const struct side *side)
{
    int count = (int)(5000 * scale), i;
    double start_ns = now_ns();

    for (i = 0; i < count; i++)
        side->synchronize();
    return (now_ns() - start_ns) / count;
}

static bool stop;

static void *read_until_stopped(void *argument)
{
    const struct side *side = argument;

    side->begin_thread();
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
        side->read(100);
    side->end_thread();
    return NULL;
}

static double beside_a_reader(const struct side *side, double (*measure)(const struct side *))
{
    pthread_t reader;
    double cost;

    __atomic_store_n(&stop, false, __ATOMIC_RELAXED);
    reader = start(read_until_stopped, (void *)side);
    sleep_us(2000);
    cost = measure(side);
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    pthread_join(reader, NULL);
    return cost;
}

static double synchronize_beside_a_reader(const struct side *side)
{
    return beside_a_reader(side, synchronize_alone);
}

static void *synchronize_some(void *side)
{
    ((const struct side *)side)->begin_thread();
    synchronize_alone(side);
    ((const struct side *)side)->end_thread();
    return NULL;
}

/* By how many there are: the time of each thread, not of each call. */
static double synchronize_together(const struct side *side)
{
    pthread_t threads[UPDATERS];
    double start_ns = now_ns();
    int i;

    for (i = 0; i < UPDATERS; i++)
        threads[i] = start(synchronize_some, (void *)side);
    for (i = 0; i < UPDATERS; i++)
        pthread_join(threads[i], NULL);
    return (now_ns() - start_ns) / (int)(5000 * scale);
}

struct timed {
    /* Room for a struct rcu_head. */
    void *head[2];
    double at, took;
};

static void called(void *head)
{
    struct timed *timed = head;

    timed->took = now_ns() - timed->at;
}

#define CALLS_MOST 100000
static struct timed calls[CALLS_MOST];

static double call_quantile(const struct side *side, int count, int burst, double at)
{
    static double took[CALLS_MOST];
    int i;

    for (i = 0; i < count; i++) {
        calls[i].at = now_ns();
        side->call(&calls[i], called);
        if ((i + 1) % burst == 0)
            sleep_us(3000);
    }
    side->barrier();
    for (i = 0; i < count; i++)
        took[i] = calls[i].took;
    return quantile(took, count, at);
}

static double call_single(const struct side *side)
{
    return call_quantile(side, (int)(100 * scale) + 1, 1, 0.5);
}

static double call_single_late(const struct side *side)
{
    return call_quantile(side, (int)(100 * scale) + 1, 1, 0.99);
}

static double call_single_beside_a_reader(const struct side *side)
{
    return beside_a_reader(side, call_single);
}

static double call_burst(const struct side *side)
{
    return call_quantile(side, (int)(CALLS_MOST * scale), 1000, 0.5);
}

/* Enqueueing, as long as nobody is in the way. */
static double call_cost(const struct side *side)
{
    int count = (int)(CALLS_MOST * scale), i;
    double start_ns = now_ns(), cost;

    for (i = 0; i < count; i++)
        side->call(&calls[i], called);
    cost = (now_ns() - start_ns) / count;
    side->barrier();
    return cost;
}

static const struct {
    const char *name;
    double (*measure)(const struct side *side);
    double unit;
    bool same_inlined; /* not worth a column of its own */
} figures[] = {
    {"read side, ns", read_cost, 1, false},
    {"two nested, ns", nested_cost, 1, false},
    {"synchronize_rcu, alone, us", synchronize_alone, 1000, true},
    {"synchronize_rcu beside a reader, us", synchronize_beside_a_reader, 1000, true},
    {"synchronize_rcu, 4 threads, us a round", synchronize_together, 1000, true},
    {"call_rcu, ns", call_cost, 1, true},
    {"call_rcu to callback, p50, us", call_single, 1000, true},
    {"call_rcu to callback, p99, us", call_single_late, 1000, true},
    {"the same beside a reader, p50, us", call_single_beside_a_reader, 1000, true},
    {"1000 at once, p50, us", call_burst, 1000, true},
};
#define FIGURES ((int)(sizeof(figures) / sizeof(*figures)))

static double rounds[FIGURES][SIDES][ROUNDS_MOST];

/* --- the table ----------------------------------------------------------------------------------- */

static void measure(int round)
{
    int figure, i;

    for (figure = 0; figure < FIGURES; figure++) {
        for (i = 0; i < SIDES; i++) {
            const int side = (i + round) % SIDES;

            if (figures[figure].same_inlined && (side == 1 || side == 3))
                continue;
            rounds[figure][side][round] = figures[figure].measure(sides[side]);
        }
    }
}

static void print(int count)
{
    static const int columns[] = {0, 2, 4, 1, 3};
    int figure, i;

    puts("| | liburcu | hazptr | ratio | unchanged | ratio | liburcu inlined | hazptr inlined | ratio |\n"
         "|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for (figure = 0; figure < FIGURES; figure++) {
        double base = 0;

        printf("| %s", figures[figure].name);
        for (i = 0; i < SIDES; i++) {
            const int side = columns[i];
            double median;

            if (figures[figure].same_inlined && (side == 1 || side == 3)) {
                printf(" |%s", side == 3 ? " |" : "");
                continue;
            }
            median = quantile(rounds[figure][side], count, 0.5);
            printf(" | %.*f", median / figures[figure].unit < 100 ? 2 : 0, median / figures[figure].unit);
            if (side < 2)
                base = median;
            else
                printf(" | %.*f", median / base < 0.1 ? 4 : 2, median / base);
        }
        puts(" |");
    }
}

int main(int argc, char **argv)
{
    static const struct option names[] = {{"rounds", required_argument, NULL, 'r'},
                                          {"quick", no_argument, NULL, 'q'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int count = 9, option, round, i;

    while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1) {
        if (option == 'r') {
            count = atoi(optarg);
        } else if (option == 'q') {
            count = 1;
            scale = 0.01;
        } else {
            fputs(usage, option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : 2;
        }
    }
    if (optind != argc || count < 1 || count > ROUNDS_MOST) {
        fputs(usage, stderr);
        return 2;
    }
    sides[0] = &stock_calls;
    sides[1] = &stock_inlined;
    sides[2] = &ours_calls;
    sides[3] = &ours_inlined;
    sides[4] = unchanged_side(UNCHANGED);
    /* The inlined ones are of the same libraries. */
    for (i = 0; i < SIDES; i += 2)
        sides[i]->begin_thread();
    for (round = 0; round < count; round++) {
        measure(round);
        fprintf(stderr, "\rround %d of %d%s", round + 1, count, round + 1 < count ? "" : "\n");
    }
    print(count);
    for (i = 0; i < SIDES; i += 2)
        sides[i]->end_thread();
    return 0;
}
