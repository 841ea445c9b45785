/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * hazptrtorture: readers and writers that try to make hazptr_synchronize() return too early, or
 * hazptr_retire() call too early, with everything that a scheduler can do to them. The parameters
 * are those of the kernel's module of this name; --help tells of them. How an error shows itself:
 * pool.h.
 */
#include "disturbance.h"
#include "handover.h"
#include "json.h"
#include "mode.h"
#include "parameters.h"
#include "pool.h"
#include "reader.h"
#include "remote.h"
#include "report.h"
#include "retire.h"
#include "say.h"
#include "stop.h"
#include "thread.h"
#include "writer.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

/* How often the main thread looks around. */
#define TICK_MS 100
/* An error ends the run so much later: the counts tell how frequent it is. */
#define AFTER_ERROR_NS INT64_C(1000000000)

static struct thread main_thread;
static int64_t started;

static double seconds_until(int64_t ns)
{
    return (double)(ns - started) / 1e9;
}

static double first_error(void)
{
    const int64_t error = hazard_first_error();

    return error ? seconds_until(error) : -1;
}

static unsigned long updates(void)
{
    struct pool_totals totals;

    pools_sum(&totals);
    return totals.version;
}

/* Nothing can be joined or freed. */
static void give_up(const struct thread *thread)
{
    report_stuck(thread);
    report_end(VERDICT_FAILURE);
    json_write(VERDICT_FAILURE, seconds_until(clock_ns()), first_error());
    _exit(VERDICT_FAILURE);
}

/* --- how long -------------------------------------------------------------------------------- */

/* Blocked in every thread, as all inherit it; the main thread asks for them. */
static void block_signals(sigset_t *ends)
{
    sigset_t all;

    sigemptyset(ends);
    sigaddset(ends, SIGINT);
    sigaddset(ends, SIGTERM);
    all = *ends;
    /* For the handlers' threads only: see remote.c. */
    sigaddset(&all, SIGRTMIN);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
}

/* The second one kills. */
static bool is_interrupted(const sigset_t *ends)
{
    const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
    int number = sigtimedwait(ends, NULL, &tick);

    if (number < 0)
        return false;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, ends, NULL);
    say("%s: ending the run", strsignal(number));
    return true;
}

static bool is_over(int64_t now)
{
    const int64_t error = hazard_first_error();

    if (error && now - error >= AFTER_ERROR_NS)
        return true;
    return parameters.shutdown_secs > 0 && seconds_until(now) >= (double)parameters.shutdown_secs;
}

/* Until the run is to end. */
static void watch(const sigset_t *ends)
{
    const int64_t interval = parameters.stat_interval * INT64_C(1000000000);
    int64_t next = started + interval, now;
    int ticks = 0;

    do {
        if (is_interrupted(ends))
            return;
        now = clock_ns();
        if (interval > 0 && now >= next) {
            report_statistics();
            next += interval;
        }
        if (++ticks % (1000 / TICK_MS) == 0)
            report_progress(seconds_until(now));
    } while (!is_over(now));
}

/* --- the order of things --------------------------------------------------------------------- */

static void start_all(void)
{
    const int writers = (int)parameters.nwriters;

    pools_open(writers > 0 ? writers : 1);
    remote_start();
    handover_start((int)parameters.nreaders);
    stutter_start();
    retire_start();
    readers_start((int)parameters.nreaders);
    writers_start(writers);
    shuffle_start();
    onoff_start();
    preempt_start();
}

/* Each only when nobody needs it any more; the writers when all hazards have been released. */
static void end_all(void)
{
    stop_request();
    preempt_join();
    onoff_join();
    shuffle_join();
    stutter_join();
    readers_join();
    remote_stop();
    handover_stop(&main_thread);
    writers_join();
    retire_stop();
}

static void free_all(void)
{
    thread_disown(&main_thread);
    remote_free();
    readers_free();
    writers_free();
    pools_close();
}

static void prepare(int argc, char **argv, sigset_t *ends)
{
    parameters_parse(argc, argv);
    mode_ensure(argv);
    json_open();
    if (!cpus_open()) {
        fprintf(stderr, "hazptrtorture: cannot tell the CPUs: %s\n", strerror(errno));
        exit(2);
    }
    parameters_settle(cpus_count());
    stop_open();
    block_signals(ends);
    thread_patience(updates, give_up);
    thread_adopt(&main_thread);
}

int main(int argc, char **argv)
{
    enum verdict verdict;
    sigset_t ends;
    bool written;

    prepare(argc, argv, &ends);
    report_start();
    started = clock_ns();
    start_all();
    watch(&ends);
    end_all();

    report_statistics();
    verdict = verdict_reach();
    report_end(verdict);
    written = json_write(verdict, seconds_until(clock_ns()), first_error());
    free_all();
    return written ? (int)verdict : 2;
}
