/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * See retire.h; ../PROTOCOL.md says what the figures are. The writer is the thread that retires,
 * the companion one that reads beside it, or holds what it has read and sleeps.
 */
#include "retire.h"

#include "retired.h"
#include "threads.h"

#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Operations between two looks at what is pending, and at the clock. No divisor of any library's
 * batches, or all looks would find them equally full. */
#define LOOK_EVERY 61
#define CLOCK_EVERY (17 * LOOK_EVERY)
/* More would not leave the machine enough memory, and say nothing more. */
#define MOST_PENDING 2000000
/* How much longer than the measurement the stalled thread sleeps, if nobody wakes it. */
#define OVERSLEEP_MS 300

static const struct arguments *asked;
static const struct subject *subject;
static const struct retirement *way;
int retiring;

/* --- counting ----------------------------------------------------------------------------------*/

__thread struct tally *own_tally;
static struct tally *tallies;
static unsigned long retired, most_pending;

struct tally *tally_begin(void)
{
    struct tally *tally = (struct tally *)aligned_alloc(128, sizeof(*tally));

    if (!tally)
        abort();
    tally->ended = 0;
    tally->next = __atomic_load_n(&tallies, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&tallies, &tally->next, tally, 0, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
        ;
    own_tally = tally;
    return tally;
}

static unsigned long ended(void)
{
    const struct tally *tally = __atomic_load_n(&tallies, __ATOMIC_ACQUIRE);
    unsigned long sum = 0;

    for (; tally; tally = tally->next)
        sum += __atomic_load_n(&tally->ended, __ATOMIC_RELAXED);
    return sum;
}

/* Whether too much is pending. */
static int look(void)
{
    unsigned long pending = retired - ended();

    if (pending > most_pending)
        most_pending = pending;
    return pending >= MOST_PENDING;
}

/* A line of /proc/self/status, in KiB. */
static double memory(const char *name)
{
    FILE *status = fopen("/proc/self/status", "r");
    size_t length = strlen(name);
    char line[256];
    double kib = 0;

    if (!status)
        fail("no /proc", 0);
    while (fgets(line, sizeof(line), status))
        if (strncmp(line, name, length) == 0)
            kib = atof(line + length);
    fclose(status);
    return kib;
}

/* --- the companion -----------------------------------------------------------------------------*/

static pthread_t companion;
static unsigned long reads;
static sem_t over;
static int overslept;

static int has_reader(void)
{
    return asked->reader > 0 || asked->bystander > 0;
}

static void *reader(void *unused)
{
    measure_loop *read = asked->bystander > 0 ? way->read_other : way->read;

    (void)unused;
    subject->thread_begin();
    arrive();
    while (!stopped()) {
        read(READS_BETWEEN_QUIESCENT_STATES);
        __atomic_store_n(&reads, reads + READS_BETWEEN_QUIESCENT_STATES, __ATOMIC_RELAXED);
    }
    subject->thread_end();
    return NULL;
}

/* Ends by itself at last: there are libraries whose writers wait for it. */
static void sleep_until_over(void)
{
    long ms = asked->ms + OVERSLEEP_MS;
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    arrive();
    if (sem_timedwait(&over, &until) != 0)
        __atomic_store_n(&overslept, 1, __ATOMIC_RELAXED);
}

static void *stalled(void *unused)
{
    (void)unused;
    subject->thread_begin();
    way->hold(sleep_until_over);
    subject->thread_end();
    return NULL;
}

static void companion_begin(void)
{
    sem_init(&over, 0, 0);
    if (has_reader())
        thread_start(&companion, reader, NULL, 1);
    else
        thread_start(&companion, stalled, NULL, -1);
    await(1);
}

static void companion_end(void)
{
    stop_all();
    sem_post(&over);
    pthread_join(companion, NULL);
}

/* --- the writer --------------------------------------------------------------------------------*/

/* What differences are formed of. Times in nanoseconds. */
struct moment {
    double wall, process, reader;
    unsigned long retired, reads, objects, barriers;
};

static double cpu_time(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static struct moment moment(void)
{
    struct moment now;
    clockid_t clock;

    memset(&now, 0, sizeof(now));
    if (has_reader() && pthread_getcpuclockid(companion, &clock) == 0)
        now.reader = cpu_time(clock);
    now.reads = __atomic_load_n(&reads, __ATOMIC_RELAXED);
    now.retired = retired;
    if (way->batches)
        way->batches(&now.objects, &now.barriers);
    now.process = cpu_time(CLOCK_PROCESS_CPUTIME_ID);
    now.wall = measure_now();
    return now;
}

/* Whether there is a reader that has not read since; others may have had its CPU. */
static int unread(unsigned long before)
{
    return has_reader() && __atomic_load_n(&reads, __ATOMIC_RELAXED) == before;
}

/* Whether that was too much. */
static int go_on(double span)
{
    unsigned long before = __atomic_load_n(&reads, __ATOMIC_RELAXED);
    double end = measure_now() + span;

    do {
        int left;

        for (left = CLOCK_EVERY / LOOK_EVERY; left; left--) {
            way->retire(LOOK_EVERY);
            retired += LOOK_EVERY;
            if (look())
                return 1;
        }
        way->between();
    } while (measure_now() < end || unread(before));
    return 0;
}

static void drain(void)
{
    if (way->drain)
        way->drain();
}

/* What all have in common with a loop that retires nothing. */
static void allocate(unsigned long count)
{
    static struct place place;

    while (count--) {
        struct object *next = (struct object *)retired_alloc();

        next->field = 1;
        next = __atomic_exchange_n(&place.pointer, next, __ATOMIC_SEQ_CST);
        if (next)
            retired_free(next);
    }
}

static unsigned long allocate_for(double span)
{
    double end = measure_now() + span;
    unsigned long count = 0;

    do {
        allocate(CLOCK_EVERY);
        count += CLOCK_EVERY;
    } while (measure_now() < end);
    return count;
}

static double allocator_ns(double span)
{
    unsigned long count;
    double before;

    allocate_for(span / 4);
    before = cpu_time(CLOCK_PROCESS_CPUTIME_ID);
    count = allocate_for(span * 3 / 4);
    return (cpu_time(CLOCK_PROCESS_CPUTIME_ID) - before) / (double)count;
}

static void sleep_for(double span)
{
    struct timespec left = {(time_t)(span / 1e9), (long)span % 1000000000};

    nanosleep(&left, NULL);
}

static double reader_ns(const struct moment *from, const struct moment *to)
{
    return (to->reader - from->reader) / (double)(to->reads - from->reads);
}

/* Of a reader that is alone. */
static double undisturbed_ns(double span)
{
    struct moment from, to;

    sleep_for(span / 4);
    from = moment();
    do {
        sleep_for(span * 3 / 4);
        to = moment();
    } while (to.reads == from.reads);
    return reader_ns(&from, &to);
}

static void say(const char *name, double value)
{
    printf(", \"%s\": %.4f", name, value);
}

static void *writer(void *unused)
{
    double span = (double)asked->ms * 1e6, allocator = 0, undisturbed = 0, before;
    int alone = !has_reader() && asked->stalled < 0, too_much;
    struct moment from, to, end;
    double count;

    (void)unused;
    if (alone)
        allocator = allocator_ns(span / 4);
    retired = ended();
    subject->thread_begin();
    before = memory("VmRSS:");
    /* What was there is no memory of malloc()'s. */
    way->begin();
    if (!alone)
        companion_begin();
    if (asked->bystander > 0)
        undisturbed = undisturbed_ns(span / 4);
    way->retire(1);
    retired++;
    if (has_reader())
        thread_pin(0);
    if (asked->stalled < 0) {
        go_on(span / 4);
        drain();
    }

    from = moment();
    too_much = go_on(asked->stalled > 0 ? span : span / 2);
    to = moment();
    if (asked->stalled > 0 && __atomic_load_n(&overslept, __ATOMIC_RELAXED))
        fail("whoever retires waits until the stalled thread is gone", 0);
    if (asked->stalled < 0)
        drain();
    end = moment();

    count = (double)(to.retired - from.retired);
    printf("{\"ns\": %.4f", (to.wall - from.wall) / count);
    say("cpu_ns", (end.process - from.process - (end.reader - from.reader)) / count);
    if (alone)
        say("allocator_ns", allocator);
    say("pending", (double)most_pending);
    say("kib", memory("VmHWM:") - before);
    if (to.barriers != from.barriers)
        say("per_barrier",
            (double)(to.objects - from.objects) / (double)(to.barriers - from.barriers));
    if (too_much)
        say("stopped", 1);
    if (has_reader())
        say("reader_ns", reader_ns(&from, &to));
    if (asked->bystander > 0)
        say("undisturbed_ns", undisturbed);
    puts("}");
    if (!alone)
        companion_end();
    subject->thread_end();
    return NULL;
}

void retire_run(const struct arguments *arguments)
{
    pthread_t id;

    asked = arguments;
    subject = arguments->subject;
    way = subject->retirement;
    retiring = 1;
    threads_init(subject->name);
    if (has_reader() && nr_cpus() < 2)
        fail("a writer and a reader need 2 CPUs", 0);
    thread_start(&id, writer, NULL, -1);
    pthread_join(id, NULL);
}
