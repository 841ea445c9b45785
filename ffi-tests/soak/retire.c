/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Those who retire, in every way that there is; what the callbacks do; and those who wait for them,
 * reclaim themselves, or change the policy.
 */
#include "roles.h"

#define TOGETHER 8
/* One retirement in so many is followed by a wait for the thread's own cohort. */
#define COHORT_ODDS 512

bool retire_loses_one;

/* Taken by callbacks; and by those who retire without helping. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* --- callbacks -------------------------------------------------------------------------------- */

enum errand {
    NOTHING,
    LOOK_AROUND,
    TAKE_LOCK,
    WAIT,
    ERRANDS
};

static void called(struct hazptr_head *head);

/* Acquires some other object, and looks at it. */
static void look_around(struct thread *me)
{
    struct cell *cell = cell_any(draw(me, CELLS));
    struct hazptr_ctx ctx;
    struct view view = view_of(hazptr_acquire_masked(&ctx, cell_address(cell), TAGS));

    view_check(&view, "by a callback");
    hazptr_release(&ctx, view.object);
    count_one(me, ACQUIRED);
}

static void run_errand(struct thread *me, struct object *object)
{
    switch (object->errand) {
    case LOOK_AROUND:
        look_around(me);
        break;
    case TAKE_LOCK:
        /* In a child its holder may be missing. */
        if (in_child)
            break;
        CHECK_ERR(pthread_mutex_lock(&lock));
        CHECK_ERR(pthread_mutex_unlock(&lock));
        break;
    case WAIT:
        /* Nobody protects it, or this would not be the callback. */
        hazptr_synchronize(object);
        count_one(me, SYNCHRONIZED);
        break;
    default:
        break;
    }
}

static void call_back(struct object *object)
{
    struct thread *me = thread_self();
    const char *doing = me->doing;
    const sig_atomic_t may_fork = me->may_fork;

    /* The child would have callbacks to run that are the parent's. */
    me->may_fork = 0;
    me->doing = "a callback";
    count_one(me, CALLED_BACK);
    if (object->state == REMOVED)
        object_poison(object);
    run_errand(me, object);
    if (object->again > 0) {
        object->again--;
        count_one(me, RETIRED);
        CHECK_EQ(hazptr_retire_in(object->cohort, &object->head, object, called, 0), 0);
    } else {
        object_free(me, object);
    }
    me->doing = doing;
    me->may_fork = may_fork;
}

static void called(struct hazptr_head *head)
{
    call_back((struct object *)((char *)head - offsetof(struct object, head)));
}

static void called_by_address(void *address)
{
    call_back(address);
}

/* --- the ways to retire ----------------------------------------------------------------------- */

/* Both allocate: a handler that forked in there would find malloc()'s locks taken. */
static void retire_by_address(struct thread *me, struct hazptr_cohort *cohort, struct object *object)
{
    int error;

    me->doing = "hazptr_retire_ptr()";
    if (cohort)
        error = hazptr_retire_ptr_in(cohort, object, called_by_address, 0);
    else
        error = hazptr_retire_ptr(object, called_by_address);
    /* That is promised to be another way. */
    if (error)
        CALL(me, hazptr_retire(&object->head, object, called));
}

static void retire_locked(struct thread *me, struct hazptr_cohort *cohort, struct object *object)
{
    int error;

    CHECK_ERR(pthread_mutex_lock(&lock));
    CALL(me, error = hazptr_retire_in(cohort, &object->head, object, called,
                      HAZPTR_RETIRE_NOHELP));
    CHECK_ERR(pthread_mutex_unlock(&lock));
    CHECK_EQ(error, 0);
}

static void retire_gathered(struct thread *me)
{
    struct hazptr_head *first = me->gathered;
    const unsigned int flags = one_in(me, 2) ? HAZPTR_RETIRE_NOHELP : 0;
    int error;

    count_many(me, RETIRED, me->nr_gathered);
    me->gathered = NULL;
    me->nr_gathered = 0;
    CALL(me, error = hazptr_retire_list(&me->cohort, first, flags));
    CHECK_EQ(error, 0);
}

/* Retired with the others of its list, a little later. */
static void gather(struct thread *me, struct object *object)
{
    object->cohort = &me->cohort;
    object->head.next = me->gathered;
    object->head.func = called;
    object->head.addr = object;
    me->gathered = &object->head;
    if (++me->nr_gathered >= TOGETHER)
        retire_gathered(me);
}

static bool is_to_be_lost(void)
{
    static atomic_bool lost;

    return retire_loses_one && !atomic_exchange(&lost, true);
}

void retire_somehow(struct thread *me, struct object *object)
{
    struct hazptr_cohort *cohort = one_in(me, 2) ? &me->cohort : NULL;
    const unsigned int way = draw(me, 8);

    object->errand = one_in(me, 8) ? draw(me, ERRANDS) : NOTHING;
    object->again = one_in(me, 8) ? 1 + draw(me, 3) : 0;
    object->cohort = cohort;
    if (way == 0) {
        gather(me, object);
        return;
    }
    count_one(me, RETIRED);
    if (way == 1)
        retire_by_address(me, cohort, object);
    else if (way == 2)
        retire_locked(me, cohort, object);
    else if (cohort)
        CALL(me, hazptr_retire_in(cohort, &object->head, object, called, 0));
    else
        CALL(me, hazptr_retire(&object->head, object, called));
}

/* --- waiting for what is retired -------------------------------------------------------------- */

static void wait_for_cohort(struct thread *me, uint64_t timeout_ns)
{
    int error;

    CALL(me, error = hazptr_cohort_barrier(&me->cohort, timeout_ns));
    count_one(me, BARRIERS);
    if (error && (error != ETIMEDOUT || timeout_ns == HAZPTR_FOREVER))
        complain("hazptr_cohort_barrier(): %s", strerror(error));
}

void retire_once(struct thread *me)
{
    struct object *object = cell_replace(me, cell_any(draw(me, CELLS)));

    if (object && is_to_be_lost())
        count_one(me, RETIRED);
    else if (object)
        retire_somehow(me, object);
    if (one_in(me, COHORT_ODDS))
        wait_for_cohort(me, one_in(me, 2) ? HAZPTR_FOREVER : draw(me, 1000000));
    if (one_in(me, 64))
        sched_yield();
}

void retire_let_go(struct thread *me)
{
    /* In a child these are the parent's. */
    if (in_child)
        return;
    retire_gathered(me);
    wait_for_cohort(me, HAZPTR_FOREVER);
}

const struct role retirer = {.name = "retirer", .phase = WORKING, .turn = retire_once,
                 .let_go = retire_let_go};

static void barrier(struct thread *me)
{
    int error;

    CALL(me, error = hazptr_barrier());
    count_one(me, BARRIERS);
    if (error)
        complain("hazptr_barrier(): %s", strerror(error));
}

static struct hazptr_reclaim_policy usual;

static void set_policy(const struct hazptr_reclaim_policy *policy)
{
    const int error = hazptr_set_policy(policy, sizeof(*policy));

    /* The worker may have to be started, and the system be short of threads. */
    if (error && error != EAGAIN)
        complain("hazptr_set_policy(): %s", strerror(error));
}

static void change_policy(struct thread *me)
{
    struct hazptr_reclaim_policy policy = usual;

    me->doing = "hazptr_set_policy()";
    if (one_in(me, 2))
        policy.bound = 1u << draw(me, 12);
    if (one_in(me, 2))
        policy.batch = 1 + draw(me, policy.bound);
    if (one_in(me, 2))
        policy.delay_us = 1 + draw(me, 20000);
    if (one_in(me, 4))
        policy.flags = HAZPTR_RECLAIM_NO_WORKER;
    set_policy(&policy);
    count_one(me, POLICIES);
}

static void reclaim_begin(struct thread *me)
{
    CHECK_EQ(hazptr_get_policy(&usual, sizeof(usual)), 0);
}

static void reclaim_once(struct thread *me)
{
    switch (draw(me, 8)) {
    case 0:
        change_policy(me);
        break;
    case 1:
    case 2:
        CALL(me, hazptr_reclaim_here());
        count_one(me, BARRIERS);
        break;
    case 3:
        CALL(me, check_stats());
        break;
    default:
        barrier(me);
    }
    sleep_us(draw(me, 5000));
}

static void reclaim_let_go(struct thread *me)
{
    if (!in_child)
        set_policy(&usual);
}

const struct role reclaimer = {.name = "reclaimer", .phase = WORKING, .begin = reclaim_begin,
                   .turn = reclaim_once, .let_go = reclaim_let_go};
