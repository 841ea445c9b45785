/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Threads that are cancelled: while they hold, so that others have to release it; and while they wait,
 * which goes on until it is over, for no function of the library is a cancellation point. Asynchronous
 * requests only where the thread is in none of them, as nothing else is promised.
 *
 * A handler must not run where a request is acted upon: it would be cut off in the middle of an acquire.
 */
#include "children.h"
#include "handover.h"
#include "roles.h"
#include "signals.h"

/* One round: the canceller's and its victim's. */
struct round {
    struct thread *victim;
    /* What the victim acquires, and leaves behind or not. */
    struct parcel *parcel;
    bool releases_itself;
    /* What the canceller holds, and the victim waits for. */
    struct object *object;
    void *pointer;
    atomic_bool begun, over;
};

/* --- while it holds --------------------------------------------------------------------------- */

static void release_on_cleanup(void *argument)
{
    struct round *round = argument;

    if (!round->releases_itself)
        return;
    parcel_release(round->victim, round->parcel);
    round->parcel = NULL;
}

static void hold(struct thread *me, struct round *round)
{
    struct cell *cell = cell_any(draw(me, CELLS));
    struct hazptr_ctx *ctx = &round->parcel->ctx;
    void *pointer;

    if (one_in(me, 2)) {
        CALL(me, pointer = hazptr_acquire_masked(ctx, cell_address(cell), TAGS));
        count_one(me, ACQUIRED);
    } else {
        CALL(me, hazptr_hold(ctx));
        CALL(me, pointer = hazptr_protect_masked(ctx, cell_address(cell), TAGS));
        count_one(me, PROTECTED);
    }
    round->parcel->view = view_of(pointer);
    if (in_child) {
        hazptr_release(ctx, NULL);
        child_ends(me);
    }
}

static void await_request(struct thread *me, struct round *round)
{
    volatile unsigned long turns = 0;

    me->doing = "a wait for being cancelled";
    if (one_in(me, 2)) {
        round->begun = true;
        for (;;)
            pause();
    }
    CHECK_ERR(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL));
    round->begun = true;
    for (;;)
        turns = turns + 1;
}

static void *hold_to_the_end(void *argument)
{
    struct round *round = argument;
    struct thread *me = round->victim;

    thread_enter(me);
    hold(me, round);
    signals_block();
    pthread_cleanup_push(release_on_cleanup, round);
    await_request(me, round);
    pthread_cleanup_pop(0);
    return NULL;
}

/* --- while it waits --------------------------------------------------------------------------- */

static void synchronize(struct thread *me, struct object *object)
{
    CALL(me, hazptr_synchronize(object));
    count_one(me, SYNCHRONIZED);
    object_free(me, object);
}

static void retire_and_wait(struct thread *me, struct object *object)
{
    int error;

    retire_somehow(me, object);
    if (in_child)
        return;
    retire_let_go(me);
    if (in_child)
        return;
    CALL(me, error = hazptr_barrier());
    count_one(me, BARRIERS);
    CHECK_EQ(error, 0);
}

static void *wait_to_the_end(void *argument)
{
    struct round *round = argument;
    struct thread *me = round->victim;

    thread_enter(me);
    round->pointer = NULL;
    object_remove(round->object);
    round->begun = true;
    if (one_in(me, 2))
        synchronize(me, round->object);
    else
        retire_and_wait(me, round->object);
    if (in_child)
        child_ends(me);
    round->over = true;
    signals_block();
    pthread_testcancel();
    complain("a request to cancel has come to nothing");
    return NULL;
}

/* --- the canceller ---------------------------------------------------------------------------- */

static void start(struct round *round, void *(*run)(void *))
{
    static const struct role victim = {.name = "victim"};

    round->victim = thread_new(&victim);
    round->victim->id = check_thread(run, round);
    while (!round->begun)
        sched_yield();
}

static void cancel(struct thread *me, struct round *round)
{
    if (one_in(me, 2))
        sleep_us(draw(me, 300));
    CHECK_ERR(pthread_cancel(round->victim->id));
    count_one(me, CANCELLED);
}

static void join(struct round *round)
{
    void *result;

    CHECK_ERR(pthread_join(round->victim->id, &result));
    if (result != PTHREAD_CANCELED)
        complain("a thread that was cancelled has ended otherwise");
    thread_delete(round->victim);
}

static void cancel_one_that_holds(struct thread *me)
{
    struct round round = {.parcel = parcel_new(), .releases_itself = one_in(me, 4)};

    start(&round, hold_to_the_end);
    cancel(me, &round);
    join(&round);
    if (!round.parcel)
        return;
    if (one_in(me, 2))
        parcel_post(me, round.parcel);
    else
        parcel_release(me, round.parcel);
}

static void cancel_one_that_waits(struct thread *me)
{
    struct round round = {.object = object_new(me)};
    struct hazptr_ctx ctx;
    struct view view;

    if (!round.object)
        return;
    round.pointer = round.object;
    view = view_of(hazptr_acquire(&ctx, &round.pointer));
    count_one(me, ACQUIRED);
    start(&round, wait_to_the_end);
    cancel(me, &round);
    if (one_in(me, 2))
        sleep_us(draw(me, 300));
    if (round.over)
        complain("a wait has ended while its object was held, as its thread was cancelled");
    view_check(&view, "while another thread waits for it");
    hazptr_release(&ctx, view.object);
    join(&round);
    if (!round.over)
        complain("a wait has not ended before its thread was cancelled");
}

static void cancel_once(struct thread *me)
{
    me->doing = "cancelling one that holds";
    cancel_one_that_holds(me);
    if (in_child)
        return;
    me->doing = "cancelling one that waits";
    cancel_one_that_waits(me);
    sleep_us(draw(me, 3000));
}

const struct role canceller = {.name = "canceller", .phase = DISTURBING, .turn = cancel_once};
