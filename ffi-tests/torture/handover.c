/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "handover.h"
#include "parameters.h"
#include "stop.h"

struct list {
    struct hazard *_Atomic first;
} APART;

static struct list *lists;
static int nr_lists;
static struct thread cleaner;

static void release_all(struct list *list, struct thread *me)
{
    /* Acquire: pairs with the release in handover_defer(). Taken whole: no hazard comes back. */
    struct hazard *hazard = atomic_exchange_explicit(&list->first, NULL, memory_order_acquire);
    struct hazard *next;

    for (; hazard; hazard = next) {
        next = hazard->next;
        hazard_look(hazard, me);
        hazard_call_release(hazard);
        count_one(&me->counts.count[COUNT_UNDEFERRED]);
        free(hazard);
    }
}

static void clean(struct thread *me)
{
    int i;

    while (!stop_wait(parameters.kthread_do_pending_ms))
        for (i = 0; i < nr_lists; i++)
            release_all(&lists[i], me);
}

void handover_start(int readers)
{
    nr_lists = readers;
    lists = allocate((size_t)readers, sizeof(*lists));
    if (parameters.defer_modulus > 0)
        thread_start(&cleaner, "cleaner", 0, clean);
}

void handover_stop(struct thread *me)
{
    int i;

    if (parameters.defer_modulus > 0)
        thread_join(&cleaner);
    for (i = 0; i < nr_lists; i++)
        release_all(&lists[i], me);
    free(lists);
}

void handover_defer(struct hazard *hazard, struct thread *me)
{
    struct list *mine = &lists[me->number];

    hazptr_detach(&hazard->ctx);
    hazard->keep = false;
    count_one(&me->counts.count[COUNT_DEFERRED]);
    hazard->next = atomic_load_explicit(&mine->first, memory_order_relaxed);
    /* Release: the hazard is another thread's from here. */
    while (!atomic_compare_exchange_weak_explicit(&mine->first, &hazard->next, hazard,
                                                  memory_order_release, memory_order_relaxed))
        ;
    if (nr_lists > 1 && random_one_in(&me->random, 2))
        release_all(&lists[(me->number + 1) % nr_lists], me);
}
