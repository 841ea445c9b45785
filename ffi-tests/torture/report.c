/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "report.h"
#include "disturbance.h"
#include "mode.h"
#include "parameters.h"
#include "pool.h"
#include "retire.h"
#include "say.h"
#include "writer.h"

#include <hazptr.h>

/* --- start and end --------------------------------------------------------------------------- */

static void print_parameter(const char *name, long value, void *argument)
{
    (void)argument;
    printf(" %s=%ld", name, value);
}

static void begin_with_parameters(const char *what)
{
    say_begin();
    printf("--- %s:", what);
    parameters_visit(print_parameter, NULL);
    printf(" mode=%s torture_type=%s", parameters.mode ? parameters.mode : "auto",
           parameters.type->name);
}

/* What this machine makes of it. */
static void print_surroundings(void)
{
    const unsigned int version = hazptr_version();
    const char *mode = mode_in_force(), *means;
    int error;

    printf(" (library %u.%u.%u, mode %s", version >> 16, version >> 8 & 255, version & 255, mode);
    if (parameters.mode && strcmp(parameters.mode, "auto") && strcmp(parameters.mode, mode))
        printf(" as %s is not to be had", parameters.mode);
    printf(", %d CPU%s", cpus_count(), cpus_count() == 1 ? "" : "s");
    if (cpus_move_error())
        printf(", threads cannot be moved among them: %s", strerror(cpus_move_error()));
    if (parameters.preempt_duration > 0) {
        means = preempt_means(&error);
        printf(", preemption by %s", means);
        if (error)
            printf(" as SCHED_FIFO is not to be had: %s", strerror(error));
    }
    printf(")");
}

void report_start(void)
{
    begin_with_parameters("Start of test");
    print_surroundings();
    say_end();
}

void report_end(enum verdict verdict)
{
    char what[64];

    snprintf(what, sizeof(what), "End of test: %s", verdict_name(verdict));
    begin_with_parameters(what);
    say_end();
}

/* --- statistics ------------------------------------------------------------------------------ */

static void print_histogram(const char *name, const unsigned long *histogram, bool wrong)
{
    int i;

    say_begin();
    printf("%s%s:", wrong ? "!!! " : "", name);
    for (i = 0; i < HISTOGRAM; i++)
        printf(" %lu", histogram[i]);
    say_end();
}

static void print_writers(const struct pool_totals *pools)
{
    int i;

    say_begin();
    printf("rtc: %p ver: %lu", (void *)pool_published(pools_nth(0)), pools->version);
    for (i = 0; i < writers_count(); i++)
        printf(" %s(%d)", writer_state_name(writers_state(i)), (int)writers_state(i));
    printf(" tfle: %d rta: %lu rtaf: %lu rtf: %lu", pools->empty, pools->allocated, pools->failed,
           pools->freed);
    say_end();
}

static void print_counts(const unsigned long *count)
{
    say("acq: %lu rel: %lu acqirq: %lu relirq: %lu reldefer: %lu relundefer %lu",
        count[COUNT_ACQUIRED], count[COUNT_RELEASED], count[COUNT_ACQUIRED_IRQ],
        count[COUNT_RELEASED_IRQ], count[COUNT_DEFERRED], count[COUNT_UNDEFERRED]);
}

static void print_disturbances(void)
{
    struct onoff_counts onoff;

    onoff_sum(&onoff);
    if (parameters.onoff_interval > 0)
        say("onoff: taken: %lu given: %lu failed: %lu", onoff.taken, onoff.given, onoff.failed);
    if (parameters.preempt_duration > 0)
        say("preempt: %lu", preempt_count());
}

static void print_library(void)
{
    struct hazptr_statistics stats;

    hazptr_stats(&stats, sizeof(stats));
    say("library: slow: %lu backup: %lu lines: %lu parks: %lu barriers: %lu shared: %lu sleeps: %lu"
        " wakes: %lu",
        stats.acquire_slow, stats.acquire_backup, stats.lines, stats.parks, stats.barriers,
        stats.barriers_shared, stats.sleeps, stats.wakes);
}

static void print_retirement(void)
{
    struct hazptr_statistics stats;
    struct retire_counts counts;

    if (!parameters.type->retiring)
        return;
    hazptr_stats(&stats, sizeof(stats));
    retire_sum(&counts);
    say("retire: retired: %lu reclaimed: %lu helped: %lu in worker: %lu batches: %lu barriers: %lu"
        " peak: %lu",
        stats.retired, stats.reclaimed, stats.helped, counts.in_worker, stats.batches,
        stats.batch_barriers, stats.pending_peak);
}

static void print_writer(const char *flag, int n)
{
    say("%s %s(%d) ver: %lu writer: %d", flag, writer_state_name(writers_state(n)),
        (int)writers_state(n), count_read(&pools_nth(n)->version), n);
}

static void print_stalls(void)
{
    int i;

    for (i = 0; i < writers_count(); i++)
        if (writers_have_stalled(i))
            print_writer("??? Writer stall state", i);
}

void report_statistics(void)
{
    struct pool_totals pools;
    struct totals totals;

    pools_sum(&pools);
    threads_sum(&totals);
    print_writers(&pools);
    print_counts(totals.count);
    print_histogram("Reader Pipe", totals.pipe, totals_pipe_errors(&totals) > 0);
    print_histogram("Reader Batch", totals.batch, false);
    print_histogram("Free-Block Circulation", pools.circulation, false);
    print_disturbances();
    print_library();
    print_retirement();
    print_stalls();
}

void report_progress(double seconds)
{
    struct pool_totals pools;
    struct totals totals;

    pools_sum(&pools);
    threads_sum(&totals);
    say_progress("%.0f s  updates %lu  acquires %lu  errors %lu", seconds, pools.version,
                 totals.count[COUNT_ACQUIRED] + totals.count[COUNT_ACQUIRED_IRQ],
                 totals_pipe_errors(&totals) + totals.count[COUNT_SPOILT]);
}

void report_stuck(const struct thread *thread)
{
    int i;

    report_statistics();
    say("!!! %s %d does not end, and nothing moves any more", thread->role, thread->number);
    for (i = 0; i < writers_count(); i++)
        print_writer("!!! Writer state", i);
}
