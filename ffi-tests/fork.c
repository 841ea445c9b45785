/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A process forks while its threads are in the middle of everything (scenario 17). The child
 * begins with nothing held and works at once; releasing what it inherited does no damage. The
 * parent's hazards are not disturbed.
 */
#include "check.h"
#include "surroundings.h"
#include "waiter.h"
#include <hazptr/control.h>
#include <sys/wait.h>

#define INHERITED 40
#define NEST 6

static int inherited_objects[INHERITED], child_object;
static void *inherited_pointers[INHERITED], *child_pointer = &child_object;
static struct hazptr_ctx inherited[INHERITED];

static int stop;

static int stopped(void)
{
    return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

/* --- what goes on in the parent --------------------------------------------------------------- */

static int updated_objects[2];
static void *volatile updated = &updated_objects[0];

static void *acquire_nested(void *argument)
{
    struct hazptr_ctx ctx[NEST];
    unsigned int n, i;

    for (n = 0; !stopped(); n++) {
        for (i = 0; i <= n % NEST; i++)
            CHECK(HAZPTR_ACQUIRE(&ctx[i], &updated));
        while (i-- > 0)
            hazptr_release(&ctx[i], NULL);
        sched_yield();
    }
    return NULL;
}

static void *swap_lines(void *argument)
{
    struct hazptr_ctx ctx;

    while (!stopped()) {
        CHECK(HAZPTR_ACQUIRE(&ctx, &updated));
        hazptr_note_context_switch();
        hazptr_release(&ctx, NULL);
        sched_yield();
    }
    return NULL;
}

static void *synchronize(void *argument)
{
    int n;

    for (n = 1; !stopped(); n = !n) {
        __atomic_store_n(&updated, &updated_objects[n], __ATOMIC_RELEASE);
        hazptr_synchronize(&updated_objects[!n]);
        sched_yield();
    }
    return NULL;
}

static void *(*const going_on[])(void *) = {acquire_nested, acquire_nested, swap_lines,
                                            synchronize,    synchronize};
#define GOING_ON (sizeof(going_on) / sizeof(*going_on))

/* --- the child -------------------------------------------------------------------------------- */

static unsigned int round_of_forks;
static struct hazptr_ctx childs;

static void hold_one(void)
{
    CHECK(hazptr_acquire(&childs, &child_pointer) == &child_object);
    CHECK_EQ(check_stats().held, 1);
}

/* None of them is the child's. */
static void release_inherited(void)
{
    int i;

    for (i = 0; i < INHERITED; i++)
        hazptr_release(&inherited[i], &inherited_objects[i]);
}

static void release_inherited_while_a_waiter_sleeps(void)
{
    uint64_t sleeps = check_stats().sleeps;
    struct waiter waiter;

    waiter_start(&waiter, &child_object);
    waiter_await_sleep(&waiter, sleeps);
    release_inherited();
    CHECK_EQ(check_stats().held, 1);
    waiter_await_sleep(&waiter, sleeps);
    hazptr_release(&childs, &child_object);
    waiter_join(&waiter);
}

static void *use_in_new_thread(void *argument)
{
    int own;
    void *own_pointer = &own;
    struct hazptr_ctx ctx[NEST];
    int i;

    for (i = 0; i < NEST; i++)
        CHECK(hazptr_acquire(&ctx[i], &own_pointer) == &own);
    for (i = 0; i < NEST; i++)
        hazptr_release(&ctx[i], &own);
    hazptr_synchronize(&own);
    return NULL;
}

static void new_threads_work(void)
{
    pthread_t threads[2];
    int i;

    for (i = 0; i < 2; i++)
        threads[i] = check_thread(use_in_new_thread, NULL);
    for (i = 0; i < 2; i++)
        CHECK_ERR(pthread_join(threads[i], NULL));
}

static void fork_and_check(void (*child_main)(uint32_t generation))
{
    uint32_t generation = hazptr_control_block()->generation;
    int status;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        child_main(generation + 1);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

/* What its parent acquired for itself is inherited here. */
static void grandchild_main(uint32_t generation)
{
    struct hazptr_ctx own;

    CHECK(hazptr_acquire(&own, &child_pointer) == &child_object);
    CHECK_EQ(hazptr_control_block()->generation, generation);
    hazptr_release(&childs, &child_object);
    release_inherited();
    CHECK_EQ(check_stats().held, 1);
    hazptr_release(&own, &child_object);
    hazptr_synchronize(&child_object);
    CHECK_EQ(check_stats().held, 0);
}

static void child_main(uint32_t generation)
{
    /* The first call is another one each time. */
    switch (round_of_forks % 4) {
    case 0:
        release_inherited();
        break;
    case 1:
        hazptr_synchronize(&inherited_objects[0]);
        break;
    case 2:
        new_threads_work();
        break;
    default:
        break;
    }
    hold_one();
    CHECK_EQ(hazptr_control_block()->generation, generation);
    /* Held by the parent alone. */
    hazptr_synchronize(&inherited_objects[INHERITED - 1]);
    switch (round_of_forks % 10) {
    case 1:
        fork_and_check(grandchild_main);
        break;
    case 3:
        release_inherited_while_a_waiter_sleeps();
        break;
    default:
        break;
    }
    release_inherited();
    CHECK_EQ(check_stats().held, hazptr_is_protected(&child_object));
    hazptr_release(&childs, &child_object);
    hazptr_synchronize(&child_object);
    CHECK_EQ(check_stats().held, 0);
}

int main(void)
{
    pthread_t threads[GOING_ON];
    uint64_t sleeps = check_stats().sleeps;
    struct waiter waiter;
    unsigned int forks = under_valgrind() ? 20 : 200, i;

    check_provokes = 1u << HAZPTR_DEBUG_FORKED | 1u << HAZPTR_DEBUG_NOT_HELD;
    check_mode();
    for (i = 0; i < INHERITED; i++) {
        inherited_pointers[i] = &inherited_objects[i];
        CHECK(hazptr_acquire(&inherited[i], &inherited_pointers[i]) == &inherited_objects[i]);
    }
    waiter_start(&waiter, &inherited_objects[0]);
    waiter_await_sleep(&waiter, sleeps);
    for (i = 0; i < GOING_ON; i++)
        threads[i] = check_thread(going_on[i], NULL);
    for (round_of_forks = 0; round_of_forks < forks; round_of_forks++)
        fork_and_check(child_main);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (i = 0; i < GOING_ON; i++)
        CHECK_ERR(pthread_join(threads[i], NULL));

    CHECK_EQ(hazptr_control_block()->generation, 1);
    CHECK_EQ(check_stats().held, INHERITED);
    waiter_await_sleep(&waiter, sleeps);
    for (i = 0; i < INHERITED; i++)
        hazptr_release(&inherited[i], &inherited_objects[i]);
    waiter_join(&waiter);
    CHECK_EQ(check_stats().held, 0);
    return 0;
}
