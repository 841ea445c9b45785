/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * As retire-fork-handler, at each place where a call lets signals in again by letting go of a lock, or
 * still does so before it takes one, one after the other: the first is where most signals come. The call
 * returns in the child too, and what the child retires then is reclaimed, while what its parent had
 * pending stays; and a child has one worker at most. Each in a process of its own, whose first call it is.
 */
#include "retired.h"
#include <stdarg.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define OBJECTS 40
#define PENDING 3
#define OF_CHILD 100
/* Where a barrier waits for a reader it looks again and again, and lets go of locks without end. */
#define MOST_PLACES 30

static struct object objects[OBJECTS];
static struct hazptr_cohort cohort;

/* So many changes of the signal mask, of one kind, are to come before the one with the signal. */
static int countdown, kind;
/* Whether the child's first call is in the handler. */
static int initialises;
/* Of this thread. */
static pthread_t victim;
static int in_child;
static pid_t child;

static long enter_kernel(long number, const long *args)
{
    register long d __asm__("r10") = args[3];
    register long e __asm__("r8") = args[4];
    register long f __asm__("r9") = args[5];
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(args[0]), "S"(args[1]), "d"(args[2]), "r"(d), "r"(e), "r"(f)
                     : "rcx", "r11", "memory");
    return result;
}

/* The library finds this one instead of libc's: a signal is pending when it unblocks them all. */
long syscall(long number, ...)
{
    long args[6], result;
    va_list list;
    int i;

    va_start(list, number);
    for (i = 0; i < 6; i++)
        args[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_rt_sigprocmask && args[0] == kind && pthread_equal(pthread_self(), victim) &&
        countdown && !--countdown)
        CHECK_ERR(pthread_kill(pthread_self(), SIGUSR1));
    result = enter_kernel(number, args);
    if (result >= 0 || result < -4095)
        return result;
    errno = (int)-result;
    return -1;
}

/* What a call waits for, until the handler is done. */
static struct hazptr_ctx reader;
static int is_protected;

static void release(void)
{
    if (is_protected)
        hazptr_release(&reader, &objects[0]);
    is_protected = 0;
}

static void protect(void)
{
    hold(&reader, &objects[0]);
    /* The handler will. */
    hazptr_detach(&reader);
    is_protected = 1;
}

static void fork_here(int number)
{
    child = fork();
    CHECK(child >= 0);
    in_child = !child;
    if (in_child && initialises)
        hazptr_init();
    release();
}

/* --- what is interrupted ---------------------------------------------------------------------- */

/* So many that one of them looks at the bound. */
static void retires_and_helps(void)
{
    int i;

    for (i = PENDING; i < OBJECTS; i++)
        retire(&objects[i]);
}

static void reclaims_here(void)
{
    hazptr_reclaim_here();
}

static void waits_for_all(void)
{
    CHECK_EQ(hazptr_barrier(), 0);
}

static void waits_for_the_cohort(void)
{
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
}

static const struct interrupted {
    void (*call)(void);
    /* Retired before; or it is the first to retire, and starts the worker. */
    int pending, is_protected;
} calls[] = {
    {retires_and_helps, 0, 0},
    {retires_and_helps, PENDING, 0},
    {retires_and_helps, PENDING, 1},
    {reclaims_here, PENDING, 0},
    {reclaims_here, PENDING, 1},
    {waits_for_all, PENDING, 0},
    {waits_for_all, PENDING, 1},
    {waits_for_the_cohort, PENDING, 0},
    {waits_for_the_cohort, PENDING, 1},
};

/* --- the child -------------------------------------------------------------------------------- */

static unsigned int reclaimed_of_parent(void)
{
    unsigned int sum = 0;
    int i;

    for (i = 0; i < OBJECTS; i++)
        sum += times_reclaimed(&objects[i]);
    return sum;
}

static void works(void)
{
    static struct object own[OF_CHILD];
    unsigned int of_parent;
    int i;

    /* A retirement that was interrupted may be the child's. */
    CHECK_EQ(hazptr_barrier(), 0);
    of_parent = reclaimed_of_parent();
    for (i = 0; i < OF_CHILD; i++)
        retire_in(i % 2 ? NULL : &cohort, &own[i], 0);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    CHECK_EQ(hazptr_barrier(), 0);
    for (i = 0; i < OF_CHILD; i++)
        CHECK_EQ(times_reclaimed(&own[i]), 1);
    CHECK_EQ(check_stats().pending, 0);
    CHECK_EQ(reclaimed_of_parent(), of_parent);
    /* This one, and the worker if there is one. */
    CHECK(threads_now().all <= 2);
}

/* --- each place of each call ------------------------------------------------------------------ */

enum { REACHED, NOT_REACHED = 3 };

static int forks_at(const struct interrupted *interrupted, int place)
{
    int i, status;

    for (i = 0; i < interrupted->pending; i++)
        retire_in(i % 2 ? NULL : &cohort, &objects[i], HAZPTR_RETIRE_NOHELP);
    if (interrupted->is_protected)
        protect();
    victim = pthread_self();
    countdown = place;
    interrupted->call();
    if (in_child) {
        works();
        return REACHED;
    }
    if (countdown) {
        countdown = 0;
        release();
        return NOT_REACHED;
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(hazptr_barrier(), 0);
    for (i = 0; i < interrupted->pending; i++)
        CHECK_EQ(times_reclaimed(&objects[i]), 1);
    CHECK_EQ(check_stats().pending, 0);
    return REACHED;
}

static int ends_well(const struct interrupted *interrupted, int place, unsigned int flags)
{
    struct hazptr_reclaim_policy policy = policy_in_force();
    pid_t process = fork();
    int status;

    CHECK(process >= 0);
    if (!process) {
        policy.flags = flags;
        policy.bound = 1;
        CHECK_EQ(set_policy(&policy), 0);
        _exit(forks_at(interrupted, place));
    }
    CHECK_EQ(waitpid(process, &status, 0), process);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == REACHED || WEXITSTATUS(status) == NOT_REACHED);
    return WEXITSTATUS(status) == REACHED;
}

int main(void)
{
    static const int kinds[] = {SIG_SETMASK, SIG_BLOCK};
    struct sigaction action;
    size_t i;
    int place, turn;

    check_provokes = 1u << HAZPTR_DEBUG_FORKED;
    check_mode();
    memset(&action, 0, sizeof(action));
    action.sa_handler = fork_here;
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    for (turn = 0; turn < 8; turn++) {
        kind = kinds[turn % 2];
        initialises = turn / 4;
        for (i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
            for (place = 1; place <= MOST_PLACES; place++) {
                if (!ends_well(&calls[i], place, turn / 2 % 2 ? 0 : HAZPTR_RECLAIM_NO_WORKER))
                    break;
            }
            CHECK(place > 2);
        }
    }
    return 0;
}
