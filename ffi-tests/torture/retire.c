/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "retire.h"
#include "hazard.h"
#include "parameters.h"
#include "stop.h"
#include "thread.h"

#include <errno.h>
#include <stddef.h>

/* Updates for which a writer reclaims at once, then leaves it to others, and so on. */
#define PHASE 1024
/* So many are retired together. */
#define TOGETHER 4
/* Once in so many times that the pool is empty: rarely, as a barrier does the worker's work. */
#define BARRIER_ODDS 16
#define COHORT_BARRIER_ODDS 16
#define COHORT_TIMEOUT_NS 1000000
/* At the other times, and between turns of the thread that stands in for the worker. */
#define PAUSE_MS 1

static struct thread reclaimer, drain;
static atomic_ulong in_worker, stray, barriers, barriers_early;

/* --- the ways to retire ---------------------------------------------------------------------- */

/* Each element always goes the same. */
enum way {
    BY_HEAD,
    BY_ADDRESS,
    IN_COHORT,
    WITHOUT_HELP,
    IN_LIST,
    WAYS
};

static enum way way_of(const struct element *element)
{
    return (enum way)((element - element->pool->elements) % WAYS);
}

static void called(struct hazptr_head *head);
static void called_by_address(void *address);

static void retire(struct element *element)
{
    struct hazptr_head *head = &element->head;

    atomic_store_explicit(&element->is_retired, true, memory_order_relaxed);
    if (parameters.type->busted) {
        called(head);
        return;
    }
    switch (way_of(element)) {
    case BY_ADDRESS:
        if (hazptr_retire_ptr(element, called_by_address))
            hazptr_retire(head, element, called);
        break;
    case IN_COHORT:
        hazptr_retire_in(&element->pool->cohort, head, element, called, 0);
        break;
    case WITHOUT_HELP:
        hazptr_retire_in(NULL, head, element, called, HAZPTR_RETIRE_NOHELP);
        break;
    default:
        hazptr_retire(head, element, called);
    }
}

static void retire_gathered(struct pool *pool)
{
    struct hazptr_head *first = pool->gathered;

    pool->gathered = NULL;
    pool->nr_gathered = 0;
    hazptr_retire_list(NULL, first, 0);
}

static void gather(struct element *element)
{
    struct pool *pool = element->pool;

    element->head.next = pool->gathered;
    element->head.func = called;
    element->head.addr = element;
    atomic_store_explicit(&element->is_retired, true, memory_order_relaxed);
    pool->gathered = &element->head;
    if (++pool->nr_gathered == TOGETHER)
        retire_gathered(pool);
}

/* --- callbacks ------------------------------------------------------------------------------- */

static void move_along(struct element *element)
{
    if (!thread_is_ours())
        count_one_shared(&in_worker);
    /* Nothing may be done with it: it is a reader's, or still the library's. */
    if (!atomic_exchange_explicit(&element->is_retired, false, memory_order_relaxed)) {
        count_one_shared(&stray);
        hazard_note_error();
        return;
    }
    if (pool_age(element))
        pool_give_back(element);
    else
        retire(element);
}

static void called(struct hazptr_head *head)
{
    move_along((struct element *)((char *)head - offsetof(struct element, head)));
}

static void called_by_address(void *address)
{
    move_along(address);
}

/* --- barriers, and what they must leave behind ------------------------------------------------ */

static void judge(bool was_early)
{
    count_one_shared(&barriers);
    if (!was_early)
        return;
    count_one_shared(&barriers_early);
    hazard_note_error();
}

/* What the writer has retired is at the first step until its callback. */
static bool has_any_at_first_step(const struct pool *pool)
{
    int i;

    for (i = 0; i < POOL_ELEMENTS; i++)
        if (atomic_load_explicit(&pool->elements[i].pipe_count, memory_order_relaxed) == 1)
            return true;
    return false;
}

static bool has_any_in_cohort(const struct pool *pool)
{
    int i;

    for (i = IN_COHORT; i < POOL_ELEMENTS; i += WAYS)
        if (atomic_load_explicit(&pool->elements[i].is_retired, memory_order_relaxed))
            return true;
    return false;
}

static void barrier(struct pool *pool)
{
    judge(hazptr_barrier() || has_any_at_first_step(pool));
}

static void cohort_barrier(struct pool *pool, uint64_t timeout_ns)
{
    const int error = hazptr_cohort_barrier(&pool->cohort, timeout_ns);

    if (error != ETIMEDOUT)
        judge(error || has_any_in_cohort(pool));
}

/* --- the writer's part ----------------------------------------------------------------------- */

void retire_removed(struct pool *pool, struct element *old)
{
    if (old && way_of(old) == IN_LIST && !parameters.type->busted)
        gather(old);
    else if (old)
        retire(old);
    if (count_read(&pool->version) / PHASE % 2 == 0)
        hazptr_reclaim_here();
}

void retire_wait(struct pool *pool, struct random *random)
{
    retire_gathered(pool);
    if (random_one_in(random, BARRIER_ODDS))
        barrier(pool);
    else if (random_one_in(random, COHORT_BARRIER_ODDS))
        cohort_barrier(pool, COHORT_TIMEOUT_NS);
    else
        stop_wait(PAUSE_MS);
}

/* --- start and end --------------------------------------------------------------------------- */

static void reclaim(struct thread *me)
{
    (void)me;
    while (!stop_wait(PAUSE_MS))
        hazptr_reclaim_here();
}

static void set_policy(void)
{
    struct hazptr_reclaim_policy policy;
    int error;

    hazptr_get_policy(&policy, sizeof(policy));
    if (parameters.retire_bound > 0)
        policy.bound = (uint32_t)parameters.retire_bound;
    if (parameters.retire_delay_us > 0)
        policy.delay_us = (uint32_t)parameters.retire_delay_us;
    if (!parameters.retire_worker)
        policy.flags |= HAZPTR_RECLAIM_NO_WORKER;
    error = hazptr_set_policy(&policy, sizeof(policy));
    if (error) {
        fprintf(stderr, "hazptrtorture: the library refuses the policy: %s\n", strerror(error));
        _exit(2);
    }
}

void retire_start(void)
{
    if (!parameters.type->retiring)
        return;
    set_policy();
    if (!parameters.retire_worker)
        thread_start(&reclaimer, "reclaimer", 0, reclaim);
}

/* One step at least for each barrier, as what a callback retires is left to the next one. */
static void drain_pool(struct pool *pool)
{
    int step;

    retire_gathered(pool);
    cohort_barrier(pool, HAZPTR_FOREVER);
    for (step = 1; step < PIPE_STEPS; step++)
        barrier(pool);
}

static void drain_all(struct thread *me)
{
    int i;

    (void)me;
    for (i = 0; i < pools_count(); i++)
        drain_pool(pools_nth(i));
}

void retire_stop(void)
{
    if (!parameters.type->retiring)
        return;
    if (!parameters.retire_worker)
        thread_join(&reclaimer);
    /* A thread, so that it is noticed if this never ends. */
    thread_start(&drain, "drain", 0, drain_all);
    thread_join(&drain);
}

void retire_sum(struct retire_counts *counts)
{
    counts->in_worker = count_read(&in_worker);
    counts->stray = count_read(&stray);
    counts->barriers = count_read(&barriers);
    counts->barriers_early = count_read(&barriers_early);
}
