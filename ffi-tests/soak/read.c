/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Readers. None of them ever waits for anything, so that a handler may keep a hazard for them, and
 * whoever waits for what they hold waits for the end of their turn at most.
 */
#include "handover.h"
#include "roles.h"

#define NEST 6
/* Enough to fill a line twice, once in so many turns. */
#define DEEP 40
#define DEEP_ODDS 256
#define SLEEP_ODDS 2048
#define PARCEL_ODDS 32
/* More than a core's own caches hold: a hazard is seen late if it stands in line behind stores there. */
#define COLD_LINES (1 << 16)

static volatile unsigned long cold[COLD_LINES][8];

static void store_cold(struct thread *me)
{
    unsigned int stores;

    for (stores = draw(me, 16); stores > 0; stores--)
        cold[draw(me, COLD_LINES)][0] = stores;
}

/* Mostly a moment; seldom so long that whoever waits goes to sleep. */
static void linger(struct thread *me)
{
    unsigned int spins;

    if (one_in(me, SLEEP_ODDS)) {
        sleep_us(draw(me, 500));
    } else if (one_in(me, 64)) {
        sched_yield();
    } else {
        for (spins = draw(me, 64); spins > 0; spins--)
            __builtin_ia32_pause();
    }
}

/* --- by hazptr_acquire() and hazptr_release() ------------------------------------------------- */

static struct view acquire(struct thread *me, struct hazptr_ctx *ctx)
{
    struct cell *cell = cell_any(draw(me, CELLS));
    void *pointer;

    if (cell_is_tagged(cell))
        CALL(me, pointer = hazptr_acquire_masked(ctx, cell_address(cell), TAGS));
    else
        CALL(me, pointer = hazptr_acquire(ctx, cell_address(cell)));
    count_one(me, ACQUIRED);
    return view_of(pointer);
}

static void acquire_and_post(struct thread *me)
{
    struct parcel *parcel = parcel_new();
    struct hazptr_ctx ctx;

    if (one_in(me, 2)) {
        parcel->view = acquire(me, &parcel->ctx);
    } else {
        parcel->view = acquire(me, &ctx);
        CALL(me, hazptr_move(&parcel->ctx, &ctx));
    }
    parcel_post(me, parcel);
}

static void release(struct thread *me, struct hazptr_ctx *ctx, const struct view *view)
{
    view_check(view, "by hazptr_acquire()");
    CALL(me, hazptr_release(ctx, view->object));
}

static void nest(struct thread *me)
{
    unsigned int count = 1 + (one_in(me, DEEP_ODDS) ? draw(me, DEEP) : draw(me, NEST)), i;
    struct hazptr_ctx ctx[DEEP];
    struct view views[DEEP];

    for (i = 0; i < count; i++) {
        store_cold(me);
        views[i] = acquire(me, &ctx[i]);
        view_check(&views[i], "by hazptr_acquire() just now");
    }
    linger(me);
    if (one_in(me, 64))
        CALL(me, hazptr_note_context_switch());
    if (one_in(me, 2)) {
        for (i = 0; i < count; i++)
            release(me, &ctx[i], &views[i]);
    } else {
        while (i-- > 0)
            release(me, &ctx[i], &views[i]);
    }
}

static void release_kept(struct thread *me)
{
    if (!me->keeps)
        return;
    view_check(&me->kept_view, "by a handler");
    CALL(me, hazptr_release(&me->kept, me->kept_view.object));
    me->keeps = 0;
}

void read_once(struct thread *me)
{
    nest(me);
    release_kept(me);
    if (one_in(me, PARCEL_ODDS))
        acquire_and_post(me);
    if (one_in(me, PARCEL_ODDS / 2))
        parcels_take(me);
}

/* --- by contexts that keep their slots -------------------------------------------------------- */

static void hold(struct thread *me)
{
    int i;

    for (i = 0; i < NR_HELD; i++)
        me->held_view[i].object = NULL;
    CALL(me, hazptr_hold_many(me->held, NR_HELD));
    me->holds = true;
}

static void protect(struct thread *me, int i)
{
    struct cell *cell = cell_any(draw(me, CELLS));
    void *pointer;

    if (cell_is_tagged(cell))
        CALL(me, pointer = hazptr_protect_masked(&me->held[i], cell_address(cell), TAGS));
    else
        CALL(me, pointer = hazptr_protect(&me->held[i], cell_address(cell)));
    me->held_view[i] = view_of(pointer);
}

static void try_protect(struct thread *me, int i)
{
    /* Not tagged. */
    struct cell *cell = cell_any(draw(me, CELLS / 2) * 2);
    void *expected = cell->pointer;
    int is_protected;

    CALL(me, is_protected = hazptr_try_protect(&me->held[i], &expected, cell_address(cell)));
    me->held_view[i] = view_of(is_protected ? expected : NULL);
}

/* What another context protects as long as this one names it. */
static void publish(struct thread *me, int i)
{
    int other = (i + 1) % NR_HELD;

    CALL(me, hazptr_publish(&me->held[i], me->held_view[other].object));
    hazptr_light_fence();
    view_check(&me->held_view[other], "by two contexts");
    CALL(me, hazptr_reset(&me->held[i]));
    me->held_view[i].object = NULL;
}

/* To another context and back, or to another thread. */
static void hand_over(struct thread *me, int i)
{
    struct parcel *parcel = parcel_new();

    CALL(me, hazptr_move(&parcel->ctx, &me->held[i]));
    parcel->view = me->held_view[i];
    view_check(&parcel->view, "by a context that it was moved to");
    if (one_in(me, 4)) {
        parcel_post(me, parcel);
        CALL(me, hazptr_hold(&me->held[i]));
        me->held_view[i].object = NULL;
    } else {
        CALL(me, hazptr_move(&me->held[i], &parcel->ctx));
        free(parcel);
    }
}

static void reset(struct thread *me, int i)
{
    if (one_in(me, 16)) {
        CALL(me, hazptr_release(&me->held[i], NULL));
        CALL(me, hazptr_hold(&me->held[i]));
    } else {
        CALL(me, hazptr_reset(&me->held[i]));
    }
    me->held_view[i].object = NULL;
}

static void use_held(struct thread *me, int i)
{
    view_check(&me->held_view[i], "by a context that keeps its slot, since the last turn");
    store_cold(me);
    switch (draw(me, 16)) {
    case 0:
        hand_over(me, i);
        break;
    case 1:
        publish(me, i);
        break;
    case 2:
    case 3:
        reset(me, i);
        break;
    case 4:
    case 5:
        try_protect(me, i);
        break;
    default:
        protect(me, i);
    }
    count_one(me, PROTECTED);
    view_check(&me->held_view[i], "by a context that keeps its slot");
}

void hold_once(struct thread *me)
{
    int i;

    if (!me->holds)
        hold(me);
    for (i = 0; i < NR_HELD; i++)
        use_held(me, i);
    linger(me);
    for (i = 0; i < NR_HELD; i++)
        view_check(&me->held_view[i], "by a context that keeps its slot");
    release_kept(me);
}

void read_let_go(struct thread *me)
{
    int i;

    release_kept(me);
    for (i = 0; me->holds && i < NR_HELD; i++) {
        view_check(&me->held_view[i], "by a context that keeps its slot, to the end");
        CALL(me, hazptr_release(&me->held[i], NULL));
    }
    me->holds = false;
}

const struct role reader = {.name = "reader", .phase = READING, .may_keep = true,
                .turn = read_once, .let_go = read_let_go};
const struct role holder = {.name = "holder", .phase = READING, .may_keep = true,
                .turn = hold_once, .let_go = read_let_go};
