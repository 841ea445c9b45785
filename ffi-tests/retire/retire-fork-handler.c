/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A signal handler forks in the middle of a call that retires or reclaims. The child goes on with
 * that call: it returns, has reclaimed nothing that its parent retired, and all that the child retires
 * from then on is reclaimed once. In the parent nothing is lost.
 */
#include "retired.h"
#include <sys/wait.h>

#define FORKS 100
#define POOL 64
#define OF_CHILD 500

/* Each is retired again when it has been reclaimed; malloc() must not be what is interrupted. */
static struct object pool[POOL];
static struct hazptr_cohort cohort;
static int stop;

/* Set by the handler. */
static int in_child;
static pid_t forked;

static void fork_here(pid_t (*fork_function)(void))
{
    pid_t child = fork_function();

    if (child == 0)
        in_child = 1;
    else
        __atomic_store_n(&forked, child, __ATOMIC_RELEASE);
}

static void on_fork_signal(int number)
{
    fork_here(fork);
}

static void on_raw_fork_signal(int number)
{
    fork_here(_Fork);
}

static void handle(int number, void (*handler)(int))
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    CHECK_EQ(sigaction(number, &action, NULL), 0);
}

/* --- the child -------------------------------------------------------------------------------- */

static unsigned int reclaimed_in_pool(void)
{
    unsigned int sum = 0;
    int i;

    for (i = 0; i < POOL; i++)
        sum += times_reclaimed(&pool[i]);
    return sum;
}

/* Its memory is a copy: the pool's objects are pending in there, and stay so. */
static void works(void)
{
    static struct object own[OF_CHILD];
    struct hazptr_statistics before;
    struct hazptr_ctx ctx;
    unsigned int in_pool;
    int i;

    /* The call that was interrupted may have been the first to retire in the child. */
    CHECK_EQ(hazptr_barrier(), 0);
    before = check_stats();
    in_pool = reclaimed_in_pool();
    CHECK(before.retired <= 1);
    hold(&ctx, &own[0]);
    for (i = 0; i < OF_CHILD; i++)
        retire_in(i % 2 ? NULL : &cohort, &own[i], 0);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, 1000), ETIMEDOUT);
    hazptr_release(&ctx, &own[0]);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    CHECK_EQ(hazptr_barrier(), 0);
    for (i = 0; i < OF_CHILD; i++)
        CHECK_EQ(times_reclaimed(&own[i]), 1);
    CHECK_EQ(check_stats().retired - before.retired, OF_CHILD);
    CHECK_EQ(check_stats().pending, 0);
    CHECK_EQ(reclaimed_in_pool(), in_pool);
}

/* --- what is interrupted ---------------------------------------------------------------------- */

/* Marks it as to be retired again. */
static void note_and_offer(struct hazptr_head *head)
{
    __atomic_fetch_add(&((struct object *)head)->reclaimed, 1, __ATOMIC_RELEASE);
}

static void *retire_and_reclaim(void *argument)
{
    static unsigned int retired[POOL];
    unsigned int turn, i;

    for (turn = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); turn++) {
        i = turn % POOL;
        if (times_reclaimed(&pool[i]) == retired[i]) {
            retired[i]++;
            CHECK_EQ(hazptr_retire_in(turn % 3 ? NULL : &cohort, &pool[i].head, &pool[i],
                                      note_and_offer, 0),
                     0);
        }
        if (turn % 16 == 0)
            hazptr_reclaim_here();
        if (turn % 64 == 1)
            CHECK_EQ(hazptr_barrier(), 0);
        if (turn % 64 == 33)
            CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
        if (in_child) {
            works();
            _exit(0);
        }
    }
    CHECK_EQ(hazptr_barrier(), 0);
    for (i = 0; i < POOL; i++)
        CHECK_EQ(times_reclaimed(&pool[i]), retired[i]);
    return NULL;
}

static void reap(void)
{
    int status;
    pid_t child;

    AWAIT((child = __atomic_exchange_n(&forked, 0, __ATOMIC_ACQUIRE)) != 0);
    CHECK(child > 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

int main(void)
{
    pthread_t thread;
    int i;

    check_provokes = 1u << HAZPTR_DEBUG_FORKED;
    check_mode();
    handle(SIGUSR1, on_fork_signal);
    handle(SIGUSR2, on_raw_fork_signal);
    /* The parent's worker is there by then: starting it is not what is interrupted. */
    await_a_pass();
    await_worker();
    thread = check_thread(retire_and_reclaim, NULL);
    for (i = 0; i < FORKS; i++) {
        CHECK_ERR(pthread_kill(thread, i % 2 ? SIGUSR1 : SIGUSR2));
        reap();
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    CHECK_ERR(pthread_join(thread, NULL));
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(check_stats().retired, check_stats().reclaimed);
    CHECK_EQ(check_stats().pending, 0);
    return 0;
}
