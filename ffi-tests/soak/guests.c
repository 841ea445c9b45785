/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads that come, do this and that, and go, some of them leaving a hazard behind; and moves. */
#include "children.h"
#include "handover.h"
#include "roles.h"

#define MOST 6
#define TURNS 64

static void leave_a_hazard(struct thread *me)
{
    struct parcel *parcel = parcel_new();
    struct cell *cell = cell_any(draw(me, CELLS));

    parcel->view = view_of(hazptr_acquire_masked(&parcel->ctx, cell_address(cell), TAGS));
    count_one(me, ACQUIRED);
    parcel_post(me, parcel);
}

static void guest_once(struct thread *me)
{
    switch (draw(me, 5)) {
    case 0:
        write_once(me);
        break;
    case 1:
        retire_once(me);
        break;
    case 2:
        hold_once(me);
        break;
    default:
        read_once(me);
    }
    /* Nobody is here who waits for what is held in between. */
    read_let_go(me);
}

static void guest_let_go(struct thread *me)
{
    read_let_go(me);
    retire_let_go(me);
}

static const struct role guest = {.name = "guest", .let_go = guest_let_go};

static void *run(void *argument)
{
    struct thread *me = argument;
    unsigned int turns;

    thread_enter(me);
    for (turns = draw(me, TURNS); turns > 0 && !in_child; turns--)
        guest_once(me);
    if (!in_child)
        guest_let_go(me);
    if (!in_child && one_in(me, 2))
        leave_a_hazard(me);
    if (in_child)
        child_ends(me);
    return NULL;
}

static void host_once(struct thread *me)
{
    struct thread *guests[MOST];
    unsigned int count = 1 + draw(me, MOST), i;

    me->doing = "threads that come";
    for (i = 0; i < count; i++) {
        guests[i] = thread_new(&guest);
        guests[i]->id = check_thread(run, guests[i]);
    }
    me->doing = "threads that go";
    for (i = 0; i < count; i++) {
        CHECK_ERR(pthread_join(guests[i]->id, NULL));
        thread_delete(guests[i]);
        count_one(me, GUESTS);
    }
    sleep_us(draw(me, 3000));
}

const struct role host = {.name = "host", .phase = DISTURBING, .turn = host_once};

/* --- moves ------------------------------------------------------------------------------------ */

static cpu_set_t all_cpus;

static void move_begin(struct thread *me)
{
    CHECK_EQ(sched_getaffinity(0, sizeof(all_cpus), &all_cpus), 0);
}

static void move_once(struct thread *me)
{
    const struct thread *target = threads_any(next_random(&me->random));
    cpu_set_t set;
    int cpu;

    CPU_ZERO(&set);
    for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &all_cpus) && one_in(me, 2))
            CPU_SET(cpu, &set);
    /* It may not have begun yet: number 0 would be the caller. */
    if (target->tid && CPU_COUNT(&set) > 0 &&
        sched_setaffinity(target->tid, sizeof(set), &set) == 0)
        count_one(me, MOVED);
    sleep_us(draw(me, 5000));
}

const struct role mover = {.name = "mover", .phase = SENDING, .begin = move_begin,
               .turn = move_once};
