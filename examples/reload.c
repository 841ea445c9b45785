/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads look services up in a table parsed from /etc/services while a writer reads the file again
 * and again, swaps tables, and frees the old one after hazptr_synchronize().
 *
 * Every answer is compared with an independent parse of the same text, and every table is poisoned
 * before it is freed. With --no-wait, which leaves hazptr_synchronize() out, that must show.
 *
 * The parts that are about hazard pointers are ask() and replace().
 */
#define _GNU_SOURCE
#include "expected.h"
#include "services.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <hazptr.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_FILE "/etc/services"
#define BUNDLED_FILE "services" /* beside the program */

enum {
    MOST_READERS = 1024,
    QUESTIONS_PER_HAZARD = 16,
    HAZARDS_PER_YIELD = 64,
    MOST_RELOADS_WITHOUT_WAIT = 1000,
};

struct reader {
    _Alignas(128) pthread_t thread;
    size_t next_question;
    unsigned int hazards;
    _Atomic uint64_t lookups;
};

static struct table *_Atomic current;

/* Without the wait nothing is freed until the end, or readers might crash instead of noticing. */
static struct table *poisoned[MOST_RELOADS_WITHOUT_WAIT];

static struct reader readers[MOST_READERS];
static struct expected *expectations;
static const char *file;
static bool no_wait;
static unsigned int reader_count, seconds = 3;

static atomic_bool stop;
static _Atomic uint64_t reloads, failed_reloads;
static char mistake[256], last_complaint[4096 + 256];
static atomic_flag mistake_made = ATOMIC_FLAG_INIT;

/* --- readers ---------------------------------------------------------------------------------- */

/* Ends the run; main() waits for this signal. */
static void end_run(void)
{
    atomic_store(&stop, true);
    kill(getpid(), SIGTERM);
}

static void check(bool right, const struct table *table, uint64_t serial, const struct question *q,
                  const char *by)
{
    bool gone = atomic_load(&table->serial) != serial || serial == POISONED_SERIAL;

    if ((right && !gone) || atomic_flag_test_and_set(&mistake_made))
        return;
    snprintf(mistake, sizeof(mistake), "a wrong answer for %s/%s by %s%s", q->name, q->protocol, by,
             gone ? ", from a table poisoned while it was being read" : "");
    end_run();
}

/* Both look-ups of one question. Whatever the table says is only believed while @serial stays. */
static void look_up(const struct table *table, uint64_t serial, const struct question *q)
{
    const struct service *s = table_by_name(table, q->name, q->protocol);

    check(q->port < 0 ? !s : s && s->port == (uint32_t)q->port, table, serial, q, "name");
    s = table_by_port(table, q->port, q->protocol);
    check(q->port < 0 ? !s : s && strncmp(s->name, q->official, SERVICE_NAME) == 0, table, serial,
          q, "port");
}

/* Holds one table for some questions, and is off the CPU in the middle of them now and then. */
static void ask(struct reader *me)
{
    struct hazptr_ctx ctx;
    struct table *table = HAZPTR_ACQUIRE(&ctx, &current);
    const struct expected *expected = table->expected;
    uint64_t serial = atomic_load(&table->serial);

    for (int i = 0; i < QUESTIONS_PER_HAZARD; i++) {
        look_up(table, serial, &expected->questions[me->next_question++ % expected->count]);
        if (i == QUESTIONS_PER_HAZARD / 2 && ++me->hazards % HAZARDS_PER_YIELD == 0)
            sched_yield();
    }
    hazptr_release(&ctx, table);
    atomic_fetch_add_explicit(&me->lookups, 2 * QUESTIONS_PER_HAZARD, memory_order_relaxed);
}

static void *reader(void *me)
{
    while (!atomic_load_explicit(&stop, memory_order_relaxed))
        ask(me);
    return NULL;
}

/* --- the writer ------------------------------------------------------------------------------- */

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says it on standard error, unless that is what was said last. */
static void complain(const char *format, ...)
{
    char text[sizeof(last_complaint)];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (strcmp(text, last_complaint) != 0)
        fprintf(stderr, "%s\n", strcpy(last_complaint, text));
}

/* The length of the text, -1 if it cannot be read. The buffer is kept for the next time. */
static ssize_t read_file(char **text, size_t *size)
{
    FILE *stream = fopen(file, "re");
    ssize_t length = stream ? getdelim(text, size, '\0', stream) : -1;

    if (!stream || ferror(stream))
        complain("%s: %s", file, strerror(errno));
    else if (length < 0)
        length = 0; /* empty */
    if (stream)
        fclose(stream);
    return length;
}

/* A table of what the file says now. NULL, after a complaint, if it is missing or malformed. */
static struct table *load(void)
{
    static char *text;
    static size_t size;
    struct complaint complaint;
    struct table *table;
    ssize_t length = read_file(&text, &size);

    if (length < 0)
        return NULL;
    table = table_parse(text, length, &complaint);
    if (!table) {
        complain("%s:%u: %s", file, complaint.line, complaint.what);
        return NULL;
    }
    table->expected = expected_for(&expectations, text);
    if (!table->expected)
        errx(1, "out of memory");
    return table;
}

static void replace(struct table *table)
{
    struct table *old = atomic_exchange(&current, table);

    if (!no_wait)
        hazptr_synchronize(old);
    table_poison(old);
    if (no_wait)
        poisoned[reloads] = old;
    else
        free(old);
}

static void *writer(void *unused)
{
    static const struct timespec pause = {.tv_nsec = 10000000};

    (void)unused;
    while (!atomic_load(&stop) && !(no_wait && reloads >= MOST_RELOADS_WITHOUT_WAIT)) {
        struct table *table = load();

        if (table) {
            replace(table);
            reloads++;
        } else { /* the old one keeps serving */
            failed_reloads++;
            nanosleep(&pause, NULL);
        }
    }
    return NULL;
}

/* --- what the user sees ----------------------------------------------------------------------- */

struct number {
    char text[32];
};

/* 1234567 as "1,234,567". */
static struct number number(uint64_t n)
{
    struct number out;
    int length = snprintf(out.text, sizeof(out.text), "%" PRIu64, n);

    for (int at = length - 3; at > 0; at -= 3) {
        memmove(out.text + at + 1, out.text + at, strlen(out.text + at) + 1);
        out.text[at] = ',';
    }
    return out;
}

static uint64_t total_lookups(void)
{
    uint64_t total = 0;

    for (unsigned int i = 0; i < reader_count; i++)
        total += atomic_load_explicit(&readers[i].lookups, memory_order_relaxed);
    return total;
}

static double resident_megabytes(void)
{
    FILE *statm = fopen("/proc/self/statm", "re");
    long pages = 0;

    if (statm) {
        if (fscanf(statm, "%*d %ld", &pages) != 1)
            pages = 0;
        fclose(statm);
    }
    return pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static size_t services_now(void)
{
    struct hazptr_ctx ctx;
    struct table *table = HAZPTR_ACQUIRE(&ctx, &current);
    size_t count = table->count;

    hazptr_release(&ctx, table);
    return count;
}

static void show_progress(unsigned int second)
{
    static const char *const modes[] = {"?", "rseq", "membarrier", "fence"};
    static uint64_t lookups_before, reloads_before;
    static double time_before;
    uint64_t lookups = total_lookups(), swaps = reloads;
    double time = now(), passed = time - time_before;
    unsigned int mode = hazptr_mode();

    if (second > 0)
        printf("%3u s: %s look-ups/s, %s reloads/s, %s services, %.1f MB, mode %s\n", second,
               number((lookups - lookups_before) / passed).text,
               number((swaps - reloads_before) / passed).text, number(services_now()).text,
               resident_megabytes(), modes[mode <= HAZPTR_MODE_FENCE ? mode : 0]);
    lookups_before = lookups;
    reloads_before = swaps;
    time_before = time;
}

/*
 * A line a second until the time is up, or a signal comes: the user's, or end_run()'s. On a busy
 * machine it takes longer, until there is something to judge.
 */
static void watch(const sigset_t *signals)
{
    static const struct timespec second = {.tv_sec = 1};

    for (unsigned int i = 0;;) {
        show_progress(i);
        if (seconds && i >= seconds && total_lookups() && reloads + failed_reloads)
            return;
        while (sigtimedwait(signals, NULL, &second) != -1 || errno != EAGAIN)
            if (errno != EINTR)
                return;
        i++;
    }
}

/* Returns the exit status. */
static int verdict(void)
{
    if (mistake[0]) {
        printf("FAIL: %s%s\n", mistake, no_wait ? "; hazptr_synchronize() was left out" : "");
        return 1;
    }
    if (failed_reloads)
        printf("FAIL: %s reloads failed, the last with %s; the old table kept serving: ",
               number(failed_reloads).text, last_complaint);
    else
        printf("PASS: ");
    printf("%s look-ups, every answer right; %s reloads, %s\n", number(total_lookups()).text,
           number(reloads).text, no_wait ? "no wait before any" : "every old table freed");
    return failed_reloads ? 1 : 0;
}

/* --- starting --------------------------------------------------------------------------------- */

static void usage(FILE *to)
{
    fprintf(to,
            "usage: reload [--file FILE] [--readers N] [--seconds S] [--no-wait] [--help]\n"
            "\n"
            "Threads look services up while a writer re-reads FILE and replaces the table.\n"
            "\n"
            "  --file FILE   as services(5) (default: %s, or a bundled one)\n"
            "  --readers N   1 to %d threads (default: one a CPU, two at least)\n"
            "  --seconds S   how long; 0: until Ctrl-C (default: %u)\n"
            "  --no-wait     leave hazptr_synchronize() out: must be noticed\n"
            "  --help        this\n"
            "\n"
            "Exit status: 0 every answer was right, 1 wrong answers or a bad file, 2 usage.\n",
            DEFAULT_FILE, MOST_READERS, seconds);
}

static unsigned int parse_number(const char *text, unsigned long least, unsigned long most)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || n < least || n > most) {
        warnx("'%s' is not a number from %lu to %lu", text, least, most);
        usage(stderr);
        exit(2);
    }
    return n;
}

static void parse_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"file", required_argument, NULL, 'f'},    {"readers", required_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 's'}, {"no-wait", no_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'f': file = optarg; break;
        case 'r': reader_count = parse_number(optarg, 1, MOST_READERS); break;
        case 's': seconds = parse_number(optarg, 0, 1000000); break;
        case 'n': no_wait = true; break;
        case 'h': usage(stdout); exit(0);
        default: usage(stderr); exit(2);
        }
    }
    if (optind < argc) {
        warnx("unexpected argument '%s'", argv[optind]);
        usage(stderr);
        exit(2);
    }
}

static const char *bundled_file(void)
{
    static char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof(BUNDLED_FILE));

    while (length > 0 && path[length - 1] != '/')
        length--;
    strcpy(path + (length > 0 ? length : 0), BUNDLED_FILE);
    return path;
}

static void choose_defaults(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    if (!reader_count)
        reader_count = cpus < 2 ? 2 : cpus > MOST_READERS ? MOST_READERS : cpus;
    if (!file) {
        file = DEFAULT_FILE;
        if (access(file, F_OK) != 0 && errno == ENOENT) {
            file = bundled_file();
            printf("no %s; using %s\n", DEFAULT_FILE, file);
        }
    }
}

static pthread_t start(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, function, argument);

    if (error)
        errx(1, "cannot create a thread: %s", strerror(error));
    return thread;
}

int main(int argc, char **argv)
{
    pthread_t writing;
    sigset_t signals;

    setvbuf(stdout, NULL, _IOLBF, 0);
    parse_options(argc, argv);
    choose_defaults();
    atomic_store(&current, load());
    if (!current)
        return 1;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    for (unsigned int i = 0; i < reader_count; i++) {
        readers[i].next_question = 7 * i; /* not all the same at the same time */
        readers[i].thread = start(reader, &readers[i]);
    }
    writing = start(writer, NULL);

    watch(&signals);
    atomic_store(&stop, true);
    for (unsigned int i = 0; i < reader_count; i++)
        pthread_join(readers[i].thread, NULL);
    pthread_join(writing, NULL);
    for (unsigned int i = 0; no_wait && i < reloads; i++)
        free(poisoned[i]);
    free(current);
    expected_free(expectations);
    return verdict();
}
