/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The soak: everything at once, in one process, for as long as it is told to, and in the end the books
 * must balance. What is tried elsewhere by itself (retire, held, hostile, fork, plugin, torture) is
 * here tried while all the rest goes on: roles.h says what that is.
 *
 * The mode is that of the library (HAZPTR_MODE, HAZPTR_MAX_LINES). The run ends at the first error.
 */
#include "balance.h"
#include "children.h"
#include "roles.h"
#include "signals.h"
#include <getopt.h>
#include <time.h>

#define PROGRESS_S 30
/* When the program has its size; or halfway through, if that is sooner. */
#define MEMORY_S 60

static long seconds = 60;
static volatile sig_atomic_t interrupted;

/* --- the command line ------------------------------------------------------------------------- */

static void usage(FILE *file)
{
    fputs("usage: soak [--seconds N] [--lose-one]\n"
          "\n"
          "Readers, writers, those who retire, signal handlers, forks, plug-ins, cancelled threads,\n"
          "threads that come and go: all at once, for N seconds (60), and a balance in the end.\n"
          "Ctrl-C ends the run earlier, with its balance.\n"
          "\n"
          "  --seconds N   how long\n"
          "  --lose-one    a control: lose one retirement, which the balance must show\n"
          "  --help\n"
          "\n"
          "Exit status: 0 no error and all balanced, 1 otherwise, 2 wrong usage.\n",
          file);
}

static long number(const char *text)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (errno || *end || end == text || value < 1 || value > 1000000) {
        fprintf(stderr, "soak: not a number of seconds: %s\n", text);
        exit(2);
    }
    return value;
}

static void parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"seconds", required_argument, NULL, 's'},
        {"lose-one", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            seconds = number(optarg);
            break;
        case 'l':
            retire_loses_one = true;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            usage(stderr);
            exit(2);
        }
    }
    if (optind < argc) {
        usage(stderr);
        exit(2);
    }
}

/* --- the run ---------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void on_interrupt(int number)
{
    interrupted = 1;
}

static void handle_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};

    CHECK_EQ(sigaction(SIGINT, &action, NULL), 0);
    CHECK_EQ(sigaction(SIGTERM, &action, NULL), 0);
}

static void start_all(void)
{
    /* Two CPUs are enough for these to get in each other's way. The last needs others to send to. */
    static const struct role *const roles[] = {
        &reader, &reader, &holder, &writer, &writer, &retirer, &retirer,
        &reclaimer, &forker, &loader, &canceller, &host, &mover, &signaller,
    };
    size_t i;

    for (i = 0; i < sizeof(roles) / sizeof(*roles); i++)
        thread_start(roles[i]);
}

static void print_progress(double elapsed)
{
    printf("soak: %.0f s: acquired %lu, protected %lu, synchronized %lu, retired %lu, handlers %lu,"
           " forks %lu+%lu, plug-ins %lu, cancelled %lu, guests %lu, %lu kB, errors %lu\n",
           elapsed, threads_sum(ACQUIRED), threads_sum(PROTECTED), threads_sum(SYNCHRONIZED),
           threads_sum(RETIRED), threads_sum(HANDLERS), threads_sum(FORKED),
           threads_sum(FORKED_IN_HANDLER), threads_sum(LOADED), threads_sum(CANCELLED),
           threads_sum(GUESTS), resident_kb(), errors);
    fflush(stdout);
}

/* Until it is time, something is wrong, or somebody has had enough. */
static void attend(double start)
{
    const double memory_at = seconds < 2 * MEMORY_S ? (double)seconds / 2 : MEMORY_S;
    double elapsed, progress_at = PROGRESS_S;
    bool noted = false;

    while (!interrupted && !stop_all && (elapsed = now() - start) < (double)seconds) {
        sleep_us(20000);
        children_reap();
        if (!noted && elapsed >= memory_at) {
            balance_note_memory();
            noted = true;
        }
        if (elapsed >= progress_at) {
            print_progress(elapsed);
            progress_at += PROGRESS_S;
        }
    }
    if (!noted)
        balance_note_memory();
}

static void stop_in_order(void)
{
    enum phase phase;

    for (phase = SENDING; phase < PHASES; phase++) {
        threads_stop(phase);
        threads_join(phase);
    }
    signals_end();
}

/* For scripts: a word for each number. */
static void print_record(double elapsed)
{
    static const char *const names[COUNTS] = {
        [ACQUIRED] = "acquired", [PROTECTED] = "protected", [HANDED_ON] = "handed_on",
        [SYNCHRONIZED] = "synchronized", [RETIRED] = "retired", [CALLED_BACK] = "called_back",
        [BARRIERS] = "barriers", [POLICIES] = "policies", [HANDLERS] = "handlers",
        [FORKED] = "forked", [FORKED_IN_HANDLER] = "forked_in_handler", [LOADED] = "loaded",
        [CANCELLED] = "cancelled", [GUESTS] = "guests", [MOVED] = "moved",
        [ALLOCATED] = "allocated", [FREED] = "freed", [POOL_EMPTY] = "pool_empty",
    };
    const struct hazptr_statistics stats = check_stats();
    int i;

    printf("record: seconds=%.0f", elapsed);
    for (i = 0; i < COUNTS; i++)
        printf(" %s=%lu", names[i], threads_sum(i));
    printf(" sleeps=%lu parks=%lu helped=%lu backup=%lu kb=%lu errors=%lu\n", stats.sleeps,
           stats.parks, stats.helped, stats.acquire_backup, resident_kb(), errors);
}

int main(int argc, char **argv)
{
    double start, elapsed;
    bool right;

    parse(argc, argv);
    check_provokes = 1u << HAZPTR_DEBUG_FORKED;
    check_mode();
    handle_interrupts();
    balance_begin();
    printf("soak: mode %s, %ld s\n", check_mode_name(hazptr_mode()), seconds);
    fflush(stdout);
    signals_begin();
    start = now();
    start_all();
    signals_block();
    attend(start);
    elapsed = now() - start;
    stop_in_order();
    right = balance_is_right();
    print_record(elapsed);
    right = right && errors == 0;
    printf("soak: %s%s: %lu errors in %.0f s\n", right ? "PASSED" : "FAILED",
           interrupted ? ", interrupted" : "", errors, elapsed);
    return !right;
}
