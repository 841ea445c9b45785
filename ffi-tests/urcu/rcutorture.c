/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * rcutorture: readers, updaters, signal handlers, callbacks and forks that try to make a grace
 * period end too early, or a callback be lost. For any library with the interface of liburcu.
 * What shows an error: objects.h. The options: subject.h, or --help.
 *
 * Exit status: 0 SUCCESS, 1 FAILURE, 2 a run that could not be had.
 */
#include "forks.h"

static struct thread *updaters, barriers, signals, births, churn, forks, watchdog;
static int64_t started;

/* --- what was done --------------------------------------------------------------------------- */

struct totals {
    unsigned long sections, synchronized, handed_over, ages[AGES];
};

static struct totals totals_sum(void)
{
    struct totals totals = {0};
    uint32_t i, age;

    for (i = 0; i < nr_notes; i++) {
        totals.sections += atomic_load(&readers[i].sections);
        for (age = 0; age < AGES; age++)
            totals.ages[age] += atomic_load(&readers[i].ages[age]);
    }
    for (i = 0; i < nr_lanes; i++) {
        totals.synchronized += atomic_load(&lanes[i].synchronized);
        totals.handed_over += atomic_load(&lanes[i].handed_over);
    }
    return totals;
}

static void report(const char *word)
{
    const struct totals totals = totals_sum();
    unsigned int age;

    printf("rcutorture: %s workers=%s broken=%s seconds=%.1f sections=%lu ages=", word,
           workers_names[options.workers], broken_names[options.broken],
           (double)(clock_ns() - started) / 1e9, totals.sections);
    for (age = 0; age < AGES; age++)
        printf("%s%lu", age ? "/" : "", totals.ages[age]);
    printf(" synchronized=%lu handed-over=%lu enqueued=%lu called=%lu barriers=%lu signals=%lu "
           "nested-signals=%lu births=%lu churns=%lu forks=%lu failures=%lu\n",
           totals.synchronized, totals.handed_over, atomic_load(&nr_enqueued),
           atomic_load(&nr_called), atomic_load(&nr_barriers), atomic_load(&nr_signals),
           atomic_load(&nr_nested_signals), atomic_load(&nr_births), atomic_load(&nr_churns),
           atomic_load(&nr_forks), atomic_load(&nr_failures));
    fflush(stdout);
}

static int verdict(void)
{
    failures_print("rcutorture");
    report(failed() ? "FAILURE" : "SUCCESS");
    return failed();
}

/* A run that did not do what it was to do is no success. */
static void check_something_was_tried(void)
{
    const struct totals totals = totals_sum();

    if (totals.sections == 0 || totals.synchronized + totals.handed_over == 0)
        fail("nothing was tried (sections, updates)", totals.sections,
             totals.synchronized + totals.handed_over);
}

/* Ends the process, as a thread that hangs cannot be ended. */
static void watch_for_hangs(struct thread *me)
{
    int64_t since = clock_ns();
    unsigned long before = 0, now;
    struct totals totals;

    (void)me;
    while (atomic_load(&phase)) {
        sleep_us(100000);
        totals = totals_sum();
        now = totals.synchronized + atomic_load(&nr_called) + atomic_load(&nr_phases);
        if (now != before) {
            before = now;
            since = clock_ns();
        } else if (clock_ns() - since > options.patience * INT64_C(1000000000)) {
            fail("nothing moves any more (seconds, -)", (unsigned long)options.patience, 0);
            printf("rcutorture: stuck in: %s\n", atomic_load(&phase));
            verdict();
            _exit(1);
        }
    }
}

/* --- the order of things --------------------------------------------------------------------- */

static void start_all(void)
{
    uint32_t i;

    readers = allocate((size_t)options.readers + 1, sizeof(*readers));
    updaters = allocate((size_t)options.updaters, sizeof(*updaters));
    cold_lines = aligned_alloc(CACHE_LINE, COLD_LINES * sizeof(*cold_lines));
    if (!cold_lines)
        MUST(ENOMEM);
    memset(cold_lines, 0, COLD_LINES * sizeof(*cold_lines));
    lanes_open((uint32_t)options.updaters, (uint32_t)options.readers + 1);
    for (i = 0; i < nr_notes; i++)
        readers[i].notes = &notes[i];
    if (options.workers == WORKERS_PERCPU)
        workers_of_cpus_create();

    thread_start_outside(&watchdog, "watchdog", watch_for_hangs);
    for (i = 0; i < (uint32_t)options.readers; i++)
        thread_start(&readers[i].thread, "reader", i, reader);
    for (i = 0; i < nr_lanes; i++)
        thread_start(&updaters[i], "updater", i, updater);
    thread_start(&barriers, "rcu_barrier", 0, barriers_go_on);
    if (options.signal_us)
        thread_start_outside(&signals, "signals", signals_send);
    if (options.births)
        thread_start_outside(&births, "births", births_go_on);
    if (options.workers == WORKERS_PERCPU && options.churn_ms)
        thread_start(&churn, "churn", 0, churn_go_on);
    if (options.fork)
        thread_start(&forks, "fork", 0, forks_go_on);
}

static void watch(const sigset_t *ends)
{
    const int64_t until = started + options.duration * INT64_C(1000000000);
    const int64_t interval = options.progress * INT64_C(1000000000);
    int64_t next = started + interval, now;

    do {
        if (signals_wait(ends))
            return;
        now = clock_ns();
        if (interval && now >= next) {
            report("running");
            next += interval;
        }
    } while (now < until && !failed());
}

static void end_all(void)
{
    struct thread me = {0};
    uint32_t i;

    stop_request();
    thread_join(&signals);
    thread_join(&forks);
    thread_join(&births);
    thread_join(&churn);
    for (i = 0; i < (uint32_t)options.readers; i++)
        thread_join(&readers[i].thread);
    for (i = 0; i < nr_lanes; i++)
        thread_join(&updaters[i]);
    thread_join(&barriers);

    thread_register(&me);
    atomic_store(&phase, "the end of the workers");
    if (options.workers == WORKERS_PERCPU)
        workers_of_cpus_free();
    atomic_store(&phase, "the last rcu_barrier()");
    barrier_at_the_end();
    thread_unregister(&me);
    atomic_store(&phase, NULL);
    MUST(pthread_join(watchdog.pthread, NULL));
}

int main(int argc, char **argv)
{
    sigset_t ends;
    int status;

    options_parse(argc, argv, option_table, LENGTH(option_table), "no-register",
                  &options.no_register);
    setvbuf(stdout, NULL, _IOLBF, 0);
    cpus_open();
    signals_block(&ends);
    signals_catch();
    rcu_init();
    started = clock_ns();
    start_all();
    watch(&ends);
    end_all();

    check_something_was_tried();
    status = verdict();
    lanes_close();
    free(cold_lines);
    free(readers);
    free(updaters);
    return status;
}
