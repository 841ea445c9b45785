/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "json.h"
#include "disturbance.h"
#include "mode.h"
#include "parameters.h"
#include "pool.h"
#include "retire.h"
#include "thread.h"

#include <errno.h>
#include <hazptr.h>

static FILE *file;
/* What comes before the next member: a comma, but for the first. */
static const char *separator;

void json_open(void)
{
    if (!parameters.json)
        return;
    file = fopen(parameters.json, "we");
    if (!file) {
        fprintf(stderr, "hazptrtorture: --json %s: %s\n", parameters.json, strerror(errno));
        exit(2);
    }
}

static void name(const char *name)
{
    fprintf(file, "%s\n  \"%s\": ", separator, name);
    separator = ",";
}

/* Names are this program's own, of letters and underscores. Texts may be anything. */
static void text(const char *key, const char *value)
{
    name(key);
    fputc('"', file);
    for (; *value; value++) {
        if ((unsigned char)*value < ' ')
            fprintf(file, "\\u%04x", (unsigned char)*value);
        else if (*value == '"' || *value == '\\')
            fprintf(file, "\\%c", *value);
        else
            fputc(*value, file);
    }
    fputc('"', file);
}

static void number(const char *key, unsigned long value)
{
    name(key);
    fprintf(file, "%lu", value);
}

static void seconds(const char *key, double value)
{
    name(key);
    fprintf(file, "%.6f", value);
}

static void parameter(const char *key, long value, void *argument)
{
    (void)argument;
    name(key);
    fprintf(file, "%ld", value);
}

static void histogram(const char *key, const unsigned long *values)
{
    int i;

    name(key);
    fprintf(file, "[%lu", values[0]);
    for (i = 1; i < HISTOGRAM; i++)
        fprintf(file, ", %lu", values[i]);
    fputc(']', file);
}

static void write_parameters(void)
{
    text("torture_type", parameters.type->name);
    text("mode", parameters.mode ? parameters.mode : "auto");
    parameters_visit(parameter, NULL);
}

static void write_threads(void)
{
    struct totals totals;

    threads_sum(&totals);
    number("acquired", totals.count[COUNT_ACQUIRED]);
    number("released", totals.count[COUNT_RELEASED]);
    number("acquired_irq", totals.count[COUNT_ACQUIRED_IRQ]);
    number("released_irq", totals.count[COUNT_RELEASED_IRQ]);
    number("deferred", totals.count[COUNT_DEFERRED]);
    number("undeferred", totals.count[COUNT_UNDEFERRED]);
    number("spoilt", totals.count[COUNT_SPOILT]);
    number("pipe_errors", totals_pipe_errors(&totals));
    histogram("reader_pipe", totals.pipe);
    histogram("reader_batch", totals.batch);
}

static void write_pools(void)
{
    struct pool_totals pools;

    pools_sum(&pools);
    number("updates", pools.version);
    number("elements_allocated", pools.allocated);
    number("elements_failed", pools.failed);
    number("elements_freed", pools.freed);
    histogram("free_block_circulation", pools.circulation);
}

static void write_retirement(void)
{
    struct retire_counts counts;

    retire_sum(&counts);
    number("callbacks_in_worker", counts.in_worker);
    number("callbacks_stray", counts.stray);
    number("retire_barriers", counts.barriers);
    number("retire_barriers_early", counts.barriers_early);
}

static void write_disturbances(void)
{
    struct onoff_counts onoff;

    onoff_sum(&onoff);
    number("onoff_taken", onoff.taken);
    number("onoff_given", onoff.given);
    number("onoff_failed", onoff.failed);
    number("preemptions", preempt_count());
}

static void write_library(void)
{
    const unsigned int version = hazptr_version();
    struct hazptr_statistics stats;
    char words[40];

    hazptr_stats(&stats, sizeof(stats));
    snprintf(words, sizeof(words), "%u.%u.%u", version >> 16, version >> 8 & 255, version & 255);
    text("library_version", words);
    text("library_mode", mode_in_force());
    number("library_acquire_slow", stats.acquire_slow);
    number("library_acquire_backup", stats.acquire_backup);
    number("library_held", stats.held);
    number("library_lines", stats.lines);
    number("library_parks", stats.parks);
    number("library_barriers", stats.barriers);
    number("library_barriers_shared", stats.barriers_shared);
    number("library_sleeps", stats.sleeps);
    number("library_wakes", stats.wakes);
    number("library_retired", stats.retired);
    number("library_reclaimed", stats.reclaimed);
    number("library_helped", stats.helped);
    number("library_batches", stats.batches);
    number("library_batch_barriers", stats.batch_barriers);
    number("library_pending_peak", stats.pending_peak);
}

bool json_write(enum verdict verdict, double duration, double first_error)
{
    bool failed;

    if (!file)
        return true;
    separator = "";
    fputc('{', file);
    text("verdict", verdict_name(verdict));
    number("exit_status", (unsigned long)verdict);
    seconds("seconds", duration);
    if (first_error >= 0)
        seconds("first_error_seconds", first_error);
    number("cpus", (unsigned long)cpus_count());
    write_parameters();
    write_pools();
    write_threads();
    write_retirement();
    write_disturbances();
    write_library();
    fputs("\n}\n", file);
    failed = ferror(file);
    failed |= fclose(file) != 0;
    file = NULL;
    if (failed)
        fprintf(stderr, "hazptrtorture: --json %s: could not be written\n", parameters.json);
    return !failed;
}
