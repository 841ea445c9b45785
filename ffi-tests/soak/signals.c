/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A handler may acquire, hold, protect, move and release, whatever it interrupts; retiring and waiting are
 * not safe in it. What it keeps, it keeps for threads that never wait: they would wait for themselves.
 */
#include "signals.h"
#include "children.h"
#include "roles.h"
#include <sys/time.h>

/* Of CPU time, between signals to whichever thread is running. */
#define TIMER_US 3000
#define NEST 3
#define KEEP_ODDS 4

static atomic_uint handler_random = 1;

/* Not the thread's, which it may be in the middle of changing. */
static unsigned int handler_draw(void)
{
    return (atomic_fetch_add(&handler_random, 1) * 2654435769u) >> 8;
}

static struct view acquire(struct thread *me, struct hazptr_ctx *ctx, unsigned int random)
{
    struct cell *cell = cell_any(random);

    count_one(me, ACQUIRED);
    return view_of(hazptr_acquire_masked(ctx, cell_address(cell), TAGS));
}

static void nest(struct thread *me, unsigned int random)
{
    struct hazptr_ctx ctx[NEST];
    struct view views[NEST];
    int i;

    for (i = 0; i < NEST; i++)
        views[i] = acquire(me, &ctx[i], random + (unsigned int)i);
    for (i = 0; i < NEST; i++) {
        view_check(&views[i], "by a handler, nested");
        hazptr_release(&ctx[i], views[i].object);
    }
}

static void hold(struct thread *me, unsigned int random)
{
    struct hazptr_ctx ctx, moved;
    struct view view;

    hazptr_hold(&ctx);
    view = view_of(hazptr_protect_masked(&ctx, cell_address(cell_any(random)), TAGS));
    count_one(me, PROTECTED);
    hazptr_move(&moved, &ctx);
    view_check(&view, "by a handler, in a context that keeps its slot");
    hazptr_release(&moved, view.object);
}

static void keep(struct thread *me, unsigned int random)
{
    if (!me->may_keep || me->keeps)
        return;
    me->kept_view = acquire(me, &me->kept, random);
    me->keeps = 1;
}

static void on_signal(int number)
{
    struct thread *me = thread_self();
    const unsigned int random = handler_draw();
    const int error = errno;

    if (random % KEEP_ODDS == 0)
        keep(me, random / KEEP_ODDS);
    if (random / 64 % 2)
        hold(me, random / 128);
    else
        nest(me, random / 128);
    count_one(me, HANDLERS);
    errno = error;
}

/* Where fork() is allowed, the child goes on with what was interrupted. */
static void on_fork_signal(int number)
{
    struct thread *me = thread_self();
    const int error = errno;

    if (me->may_fork && handler_draw() % 4)
        children_fork(me, fork, FORKED_IN_HANDLER);
    else if (children_fork(me, _Fork, FORKED_IN_HANDLER))
        child_ends_in_handler();
    errno = error;
}

/* --- start and end ---------------------------------------------------------------------------- */

static sigset_t ours(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGPROF);
    return set;
}

static void handle(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_mask = ours(), .sa_flags = SA_RESTART};

    CHECK_EQ(sigaction(number, &action, NULL), 0);
}

static void set_timer(long us)
{
    const struct itimerval timer = {{0, us}, {0, us}};

    CHECK_EQ(setitimer(ITIMER_PROF, &timer, NULL), 0);
}

void signals_begin(void)
{
    handle(SIGUSR1, on_signal);
    handle(SIGPROF, on_signal);
    handle(SIGUSR2, on_fork_signal);
    set_timer(TIMER_US);
}

void signals_end(void)
{
    set_timer(0);
}

void signals_block(void)
{
    const sigset_t set = ours();

    CHECK_ERR(pthread_sigmask(SIG_BLOCK, &set, NULL));
}

/* --- who sends them --------------------------------------------------------------------------- */

static void signal_once(struct thread *me)
{
    struct thread *target = threads_any(next_random(&me->random));

    /* None of them is joined before this one. */
    CHECK_ERR(pthread_kill(target->id, one_in(me, 16) ? SIGUSR2 : SIGUSR1));
    sleep_us(draw(me, 2000));
}

const struct role signaller = {.name = "signaller", .phase = SENDING, .turn = signal_once};
