/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "children.h"
#include "roles.h"
#include <sys/wait.h>

/* At the same time. */
#define MOST 16
/* After so long a child counts as hung. It takes milliseconds, if it has a CPU. */
#define PATIENCE_S 120
#define OWN 200
#define NEST 20

static atomic_int alive;
static atomic_ulong reaped;

bool children_fork(struct thread *me, pid_t (*fork_function)(void), enum count count)
{
    pid_t child;

    if (atomic_fetch_add(&alive, 1) >= MOST) {
        atomic_fetch_sub(&alive, 1);
        return false;
    }
    child = fork_function();
    if (child == 0) {
        in_child = 1;
        alarm(PATIENCE_S);
        return true;
    }
    if (child > 0)
        count_one(me, count);
    else
        atomic_fetch_sub(&alive, 1);
    return false;
}

/* --- in the child ----------------------------------------------------------------------------- */

#define EXPECT(a, b) expect((long)(a), (long)(b), #a " == " #b)

static void expect(long a, long b, const char *what)
{
    if (a != b)
        complain("%s: %ld and %ld", what, a, b);
}

struct own {
    struct hazptr_head head;
    atomic_uint calls;
};

static struct own own[OWN];

static void called(struct hazptr_head *head)
{
    ((struct own *)head)->calls++;
}

static unsigned int calls(void)
{
    unsigned int sum = 0, i;

    for (i = 0; i < OWN; i++)
        sum += own[i].calls;
    return sum;
}

/* Until nothing is pending that callbacks have retired. */
static void reclaim_all(void)
{
    int links;

    for (links = 0; links < 8; links++)
        EXPECT(hazptr_barrier(), 0);
    EXPECT(check_stats().pending, 0);
    EXPECT(check_stats().retired, check_stats().reclaimed);
}

static void hold_and_release(void)
{
    struct hazptr_ctx ctx[NEST], moved;
    void *pointer = own;
    int i;

    for (i = 0; i < NEST; i++)
        EXPECT(hazptr_acquire(&ctx[i], &pointer) == own, true);
    hazptr_move(&moved, &ctx[0]);
    hazptr_hold(&ctx[0]);
    EXPECT(hazptr_protect(&ctx[0], &pointer) == own, true);
    hazptr_reset(&ctx[0]);
    hazptr_release(&moved, NULL);
    while (i-- > 0)
        hazptr_release(&ctx[i], own);
}

static void *hold_and_wait(void *argument)
{
    hold_and_release();
    hazptr_synchronize(own);
    return NULL;
}

static void retire_and_reclaim(void)
{
    const unsigned int before = calls();
    struct hazptr_cohort cohort = HAZPTR_COHORT_INIT;
    void *pointer = &own[0];
    struct hazptr_ctx ctx;
    int i;

    hazptr_acquire(&ctx, &pointer);
    for (i = 0; i < OWN; i++)
        EXPECT(hazptr_retire_in(&cohort, &own[i].head, &own[i], called, 0), 0);
    EXPECT(hazptr_cohort_barrier(&cohort, 1000), ETIMEDOUT);
    EXPECT(check_stats().held, 1);
    hazptr_release(&ctx, NULL);
    EXPECT(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    EXPECT(calls() - before, OWN);
}

static void be_a_process_as_any_other(void)
{
    pthread_t thread = check_thread(hold_and_wait, NULL);

    hold_and_wait(NULL);
    CHECK_ERR(pthread_join(thread, NULL));
    retire_and_reclaim();
    reclaim_all();
    EXPECT(check_stats().held, 0);
    EXPECT(check_stats().held_backup, 0);
}

/* Its own child must not find what this one holds, nor what it has retired. */
static void fork_again(void)
{
    void *pointer = &own[0];
    struct hazptr_ctx ctx;
    pid_t child;
    int status;

    hazptr_acquire(&ctx, &pointer);
    hazptr_retire(&own[0].head, &own[0], called);
    child = fork();
    if (child == 0) {
        alarm(PATIENCE_S);
        EXPECT(check_stats().held, 0);
        EXPECT(check_stats().retired, 0);
        hazptr_synchronize(&own[0]);
        hazptr_release(&ctx, NULL);
        /* The object itself is pending in the parent. */
        hold_and_release();
        EXPECT(check_stats().held, 0);
        _exit(0);
    }
    hazptr_release(&ctx, NULL);
    reclaim_all();
    if (child < 0)
        return;
    while (waitpid(child, &status, 0) < 0)
        EXPECT(errno, EINTR);
    EXPECT(status, 0);
}

void child_ends(struct thread *me)
{
    /* A request to cancel its thread may have been inherited. */
    CHECK_ERR(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL));
    me->may_fork = 0;
    me->doing = "a child's own part";
    if (me->role->let_go)
        me->role->let_go(me);
    reclaim_all();
    EXPECT(check_stats().held, 0);
    EXPECT(check_stats().held_backup, 0);
    be_a_process_as_any_other();
    if (one_in(me, 8))
        fork_again();
    _exit(0);
}

void child_ends_in_handler(void)
{
    EXPECT(check_stats().held, 0);
    hold_and_release();
    EXPECT(check_stats().held, 0);
    EXPECT(check_stats().held_backup, 0);
    EXPECT(check_stats().retired, 0);
    _exit(0);
}

/* --- in the parent ---------------------------------------------------------------------------- */

static bool reap(int options)
{
    int status;
    pid_t child;

    do
        child = waitpid(-1, &status, options);
    while (child < 0 && errno == EINTR);
    if (child <= 0)
        return false;
    atomic_fetch_sub(&alive, 1);
    atomic_fetch_add(&reaped, 1);
    if (WIFSIGNALED(status))
        complain("child %d was ended by signal %d%s", (int)child, WTERMSIG(status),
             WTERMSIG(status) == SIGALRM ? ": it hung" : "");
    else if (status)
        complain("child %d ended with status %#x", (int)child, (unsigned int)status);
    return true;
}

void children_reap(void)
{
    while (reap(WNOHANG))
        ;
}

void children_reap_all(void)
{
    while (reap(0))
        ;
}

unsigned long children_reaped(void)
{
    return reaped;
}

/* --- who forks -------------------------------------------------------------------------------- */

static void fork_once(struct thread *me)
{
    me->doing = "fork()";
    if (children_fork(me, fork, FORKED))
        return;
    sleep_us(draw(me, 20000));
}

const struct role forker = {.name = "forker", .phase = DISTURBING, .turn = fork_once};
