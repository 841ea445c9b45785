/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See report.h. Ratios are taken within a round, and then their median. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "report.h"

#include "measure.h"
#include "plan.h"

#include <errno.h>
#include <gnu/libc-version.h>
#include <stdarg.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { LABEL, NS, SPREAD, LOADS, AGAINST, RATIO, TARGET, VERDICT, NOTE, COLUMNS };

struct line {
    char cells[COLUMNS][96];
};

static const char *const titles[COLUMNS] = {"measurement", "ns",     "spread",  "x load", "against",
                                            "ratio",       "target", "verdict", "note"};

/* --- figures -----------------------------------------------------------------------------------*/

static double median(const struct run *run, int row)
{
    double values[REPORT_MOST_ROUNDS];

    memcpy(values, run->series[row].ns, (size_t)run->rounds * sizeof(*values));
    return measure_quantile(values, run->rounds, 0.5);
}

/* Half of what lies between the quartiles, in percent of the median. */
static double spread(const struct run *run, int row)
{
    double values[REPORT_MOST_ROUNDS];
    double low, middle, high;

    memcpy(values, run->series[row].ns, (size_t)run->rounds * sizeof(*values));
    low = measure_quantile(values, run->rounds, 0.25);
    middle = measure_quantile(values, run->rounds, 0.5);
    high = measure_quantile(values, run->rounds, 0.75);
    return (high - low) / 2 / middle * 100;
}

static double over(double a, double b)
{
    return a / b;
}

static double minus(double a, double b)
{
    return a - b;
}

static double compared(const struct run *run, int row, int other, double (*how)(double, double))
{
    double values[REPORT_MOST_ROUNDS];
    int i;

    for (i = 0; i < run->rounds; i++)
        values[i] = how(run->series[row].ns[i], run->series[other].ns[i]);
    return measure_quantile(values, run->rounds, 0.5);
}

static int is_there(const struct run *run, int row)
{
    return row >= 0 && run->rounds > 0 && !run->series[row].reason[0];
}

/* The row to compare with, or -1. */
static int other_row(const struct run *run, int row)
{
    int other = rows[row].against ? row_index(rows[row].against) : -1;

    return is_there(run, other) ? other : -1;
}

/* --- the table ---------------------------------------------------------------------------------*/

static void set(struct line *line, int column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void set(struct line *line, int column, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(line->cells[column], sizeof(line->cells[column]), format, args);
    va_end(args);
}

static void fill_verdict(const struct run *run, int row, struct line *line)
{
    const struct row *r = &rows[row];
    int other = r->limited == TO_LOAD ? 0 : other_row(run, row);

    if (r->limited == NOTHING)
        return;
    set(line, TARGET, r->limited == TO_LOAD ? "<= %g x load" : "<= %g", r->target);
    if (is_there(run, other))
        set(line, VERDICT, "%s",
            compared(run, row, other, over) <= r->target ? "reached" : "missed");
}

static void fill_note(const struct run *run, int row, struct line *line)
{
    const struct row *r = &rows[row];
    int other = other_row(run, row), held;

    if (r->counter)
        set(line, NOTE, "%s: %.3g", r->counter, run->series[row].counter);
    else if (sscanf(r->key, "sync-held-%d", &held) == 1 && other >= 0)
        set(line, NOTE, "scan: %.0f ns, %.2f a hazard", compared(run, row, other, minus),
            compared(run, row, other, minus) / held);
}

static void fill(const struct run *run, int row, struct line *line)
{
    int other = other_row(run, row);

    memset(line, 0, sizeof(*line));
    set(line, LABEL, "%s", rows[row].label);
    if (!is_there(run, row)) {
        set(line, NOTE, "not measured: %.80s", run->series[row].reason);
        return;
    }
    set(line, NS, median(run, row) < 1000 ? "%.2f" : "%.0f", median(run, row));
    set(line, SPREAD, "%.1f %%", spread(run, row));
    if (rows[row].side == READER && is_there(run, 0))
        set(line, LOADS, "%.1f", compared(run, row, 0, over));
    if (other >= 0) {
        set(line, AGAINST, "%s", rows[other].label);
        set(line, RATIO, "%.2f", compared(run, row, other, over));
    }
    fill_verdict(run, row, line);
    fill_note(run, row, line);
}

static int is_number(int column)
{
    return column == NS || column == SPREAD || column == LOADS || column == RATIO;
}

static void print_line(FILE *out, const struct line *line, const int *widths)
{
    int i;

    for (i = 0; i < COLUMNS; i++)
        fprintf(out, is_number(i) ? "| %*s " : "| %-*s ", widths[i], line->cells[i]);
    fputs("|\n", out);
}

static void print_rule(FILE *out, const int *widths)
{
    int i, n;

    for (i = 0; i < COLUMNS; i++) {
        fputs(is_number(i) ? "| " : "|-", out);
        for (n = 0; n < widths[i]; n++)
            fputc('-', out);
        fputs(is_number(i) ? ":" : "-", out);
    }
    fputs("|\n", out);
}

static void cpu_model(char *model, size_t size)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[256];

    snprintf(model, size, "unknown");
    while (file && fgets(line, sizeof(line), file)) {
        char *colon = strchr(line, ':');

        if (strncmp(line, "model name", 10) != 0 || !colon)
            continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(model, size, "%s", colon + 2);
        break;
    }
    if (file)
        fclose(file);
}

static void print_heading(FILE *out, const struct run *run)
{
    char model[200], date[32];
    struct utsname name;
    time_t now = time(NULL);
    double busy = 0;

    cpu_model(model, sizeof(model));
    strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", gmtime(&now));
    uname(&name);
    getloadavg(&busy, 1);
    fprintf(out, "- machine: %s, %d CPUs of %ld for this run, %s %s, %s\n", model, run->cpus,
            sysconf(_SC_NPROCESSORS_ONLN), name.sysname, name.release, name.machine);
    fprintf(out, "- hazptr %s, mode %s, glibc %s, compiler %s\n", run->version, run->mode,
            gnu_get_libc_version(), __VERSION__);
    fprintf(out, "- %s, load average at the end %.2f\n", date, busy);
    fprintf(out,
            "- %d interleaved rounds, %g ms a row in each: medians; ratios taken within a round;\n"
            "  spread is half the distance of the quartiles; targets are for people to judge\n\n",
            run->rounds, run->milliseconds);
}

void report_table(FILE *out, const struct run *run)
{
    struct line *lines = (struct line *)calloc((size_t)nr_rows + 1, sizeof(*lines));
    int widths[COLUMNS] = {0};
    int row, i;

    if (!lines)
        return;
    for (i = 0; i < COLUMNS; i++)
        set(&lines[0], i, "%s", titles[i]);
    for (row = 0; row < nr_rows; row++)
        fill(run, row, &lines[row + 1]);
    for (row = 0; row <= nr_rows; row++)
        for (i = 0; i < COLUMNS; i++)
            if (widths[i] < (int)strlen(lines[row].cells[i]))
                widths[i] = (int)strlen(lines[row].cells[i]);
    print_heading(out, run);
    print_line(out, &lines[0], widths);
    print_rule(out, widths);
    for (row = 1; row <= nr_rows; row++)
        print_line(out, &lines[row], widths);
    free(lines);
}

/* --- JSON --------------------------------------------------------------------------------------*/

static void json_row(FILE *out, const struct run *run, int row)
{
    int other = other_row(run, row), i;

    fprintf(out, "    {\"key\": \"%s\", \"label\": \"%s\"", rows[row].key, rows[row].label);
    if (is_there(run, row)) {
        fprintf(out, ", \"ns\": %.4f", median(run, row));
        if (rows[row].side == READER && is_there(run, 0))
            fprintf(out, ", \"to_load\": %.4f", compared(run, row, 0, over));
        if (other >= 0)
            fprintf(out, ", \"against\": \"%s\", \"ratio\": %.4f", rows[other].key,
                    compared(run, row, other, over));
        if (rows[row].counter)
            fprintf(out, ", \"%s\": %.4f", rows[row].counter, run->series[row].counter);
        fputs(", \"rounds\": [", out);
        for (i = 0; i < run->rounds; i++)
            fprintf(out, "%s%.4f", i ? ", " : "", run->series[row].ns[i]);
        fputs("]", out);
    }
    fprintf(out, "}%s\n", row + 1 < nr_rows ? "," : "");
}

int report_json(const char *path, const struct run *run)
{
    FILE *out = fopen(path, "w");
    int row, failed;

    if (!out)
        return -1;
    fprintf(out, "{\n  \"version\": \"%s\", \"mode\": \"%s\", \"rounds\": %d,\n  \"rows\": [\n",
            run->version, run->mode, run->rounds);
    for (row = 0; row < nr_rows; row++)
        json_row(out, run, row);
    fputs("  ]\n}\n", out);
    failed = ferror(out);
    return fclose(out) != 0 || failed ? -1 : 0;
}
