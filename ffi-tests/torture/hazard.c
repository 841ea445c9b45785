/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "hazard.h"
#include "parameters.h"
#include "remote.h"
#include "stop.h"

/* One in so many releases is one of the slot too. */
#define KEPT_ODDS 8

static _Atomic int64_t first_error;

void hazard_note_error(void)
{
    int64_t none = 0;

    atomic_compare_exchange_strong(&first_error, &none, clock_ns());
}

int64_t hazard_first_error(void)
{
    return atomic_load_explicit(&first_error, memory_order_relaxed);
}

void hazard_begin(struct hazard *hazard)
{
    hazard->kept = hazard->keep = false;
}

void hazard_end(struct hazard *hazard)
{
    if (!hazard->kept)
        return;
    hazard->keep = false;
    hazard_call_release(hazard);
}

void hazard_aim(struct hazard *hazard, struct thread *me)
{
    if (!hazard->kept)
        hazard->keep = random_one_in(&me->random, parameters.held);
    hazard->pool = pools_any(random_next(&me->random));
    hazard->version = count_read(&hazard->pool->version);
}

void hazard_call_acquire(struct hazard *hazard)
{
    (parameters.type->inlined ? &calls_inlined : &calls)->acquire(hazard);
    if (hazard->element)
        hazard->content = element_content(hazard->element);
}

void hazard_call_release(struct hazard *hazard)
{
    (parameters.type->inlined ? &calls_inlined : &calls)->release(hazard);
}

/* Made by a handler, or by @me: what is counted is @there or @here. */
static void call_somewhere(void (*call)(struct hazard *), long odds, enum count there,
                           enum count here, struct hazard *hazard, struct thread *me)
{
    if (random_one_in(&me->random, odds) && remote_call(call, hazard, me)) {
        count_one(&me->counts.count[there]);
        return;
    }
    call(hazard);
    count_one(&me->counts.count[here]);
}

void hazard_acquire(struct hazard *hazard, struct thread *me)
{
    hazard_aim(hazard, me);
    call_somewhere(hazard_call_acquire, parameters.irq_acquire, COUNT_ACQUIRED_IRQ, COUNT_ACQUIRED,
                   hazard, me);
}

void hazard_release(struct hazard *hazard, struct thread *me)
{
    if (hazard->kept && random_one_in(&me->random, KEPT_ODDS))
        hazard->keep = false;
    call_somewhere(hazard_call_release, parameters.irq_release, COUNT_RELEASED_IRQ, COUNT_RELEASED,
                   hazard, me);
}

void hazard_look(const struct hazard *hazard, struct thread *me)
{
    unsigned long updates;
    unsigned int step;

    if (!hazard->element)
        return;
    updates = count_read(&hazard->pool->version) - hazard->version;
    step = atomic_load_explicit(&hazard->element->pipe_count, memory_order_acquire);
    count_one(&me->counts.pipe[histogram_index(step)]);
    count_one(&me->counts.batch[histogram_index(updates)]);
    if (step > 1)
        hazard_note_error();
    /* Zero was torn or spoilt at the acquire already. */
    if (hazard->content == 0 || element_content(hazard->element) != hazard->content) {
        count_one(&me->counts.count[COUNT_SPOILT]);
        hazard_note_error();
    }
}
