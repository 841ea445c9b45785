/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A hazard is nobody's property: who acquired it may end, be switched away from or be a handler
 * that has returned, and any other thread, handler or fibre releases it (scenarios 5 and 6). Until
 * then, and not longer, a waiter waits.
 */
#include "check.h"
#include "surroundings.h"
#include "waiter.h"
#include <ucontext.h>

#define HANDLED 300
#define FIBRES 24
#define STACK 65536

static int object;
static void *pointer = &object;
static struct hazptr_ctx ctx;

static void acquire(void)
{
    CHECK(hazptr_acquire(&ctx, &pointer) == &object);
}

static void release(void)
{
    hazptr_release(&ctx, &object);
}

/* The object is held by one hazard; @release_it is how that ends. */
static void waits_until(void (*release_it)(void))
{
    uint64_t sleeps = check_stats().sleeps;
    struct waiter waiter;

    CHECK_EQ(check_stats().held, 1);
    waiter_start(&waiter, &object);
    waiter_await_sleep(&waiter, sleeps);
    release_it();
    waiter_join(&waiter);
    CHECK_EQ(check_stats().held, 0);
    hazptr_synchronize(&object);
}

static void *in_thread(void *function)
{
    (*(void (**)(void))function)();
    return NULL;
}

static void run_in_thread(void (*function)(void))
{
    CHECK_ERR(pthread_join(check_thread(in_thread, &function), NULL));
}

static void release_in_thread(void)
{
    run_in_thread(release);
}

static void detach_and_release_in_thread(void)
{
    hazptr_detach(&ctx);
    CHECK_EQ(check_stats().held, 1);
    release_in_thread();
}

static void release_in_another_thread(void)
{
    acquire();
    waits_until(release_in_thread);
    acquire();
    waits_until(detach_and_release_in_thread);
}

static void release_after_the_acquirer_has_ended(void)
{
    run_in_thread(acquire);
    waits_until(release);
    run_in_thread(acquire);
    waits_until(release_in_thread);
}

/* --- signal handlers -------------------------------------------------------------------------- */

static void (*in_handler)(void);

static void on_signal(int number)
{
    in_handler();
}

static void run_in_handler(void (*function)(void))
{
    in_handler = function;
    CHECK_EQ(raise(SIGUSR1), 0);
}

static void release_in_handler(void)
{
    run_in_handler(release);
}

static void handlers_acquire_and_release(void)
{
    acquire();
    waits_until(release_in_handler);
    run_in_handler(acquire);
    waits_until(release);
    run_in_handler(acquire);
    waits_until(release_in_handler);
    run_in_handler(acquire);
    waits_until(release_in_thread);
}

static struct hazptr_ctx kept[HANDLED];
static int nr_kept, stop;

static void acquire_one_more(void)
{
    int n = __atomic_load_n(&nr_kept, __ATOMIC_RELAXED);

    if (n == HANDLED)
        return;
    CHECK(hazptr_acquire(&kept[n], &pointer) == &object);
    __atomic_store_n(&nr_kept, n + 1, __ATOMIC_RELEASE);
}

static void *acquire_and_release_until_stopped(void *argument)
{
    static int own_object;
    void *own = &own_object;
    struct hazptr_ctx first, second;

    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        CHECK(hazptr_acquire(&first, &own) == &own_object);
        CHECK(hazptr_acquire(&second, &own) == &own_object);
        CHECK(first.slot->addr == &own_object);
        hazptr_release(&second, &own_object);
        hazptr_release(&first, &own_object);
    }
    return NULL;
}

/* Scenario 5: wherever in an acquire or release the handler comes, its hazard stays. */
static void handler_keeps_what_it_acquired_in_the_middle_of_an_acquire(void)
{
    uint64_t sleeps = check_stats().sleeps;
    struct waiter waiter;
    pthread_t thread;

    in_handler = acquire_one_more;
    thread = check_thread(acquire_and_release_until_stopped, NULL);
    while (__atomic_load_n(&nr_kept, __ATOMIC_ACQUIRE) < HANDLED) {
        CHECK_ERR(pthread_kill(thread, SIGUSR1));
        sched_yield();
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    CHECK_ERR(pthread_join(thread, NULL));
    CHECK_EQ(check_stats().held, HANDLED);
    waiter_start(&waiter, &object);
    while (nr_kept > 1)
        hazptr_release(&kept[--nr_kept], &object);
    waiter_await_sleep(&waiter, sleeps);
    hazptr_release(&kept[--nr_kept], &object);
    waiter_join(&waiter);
    CHECK_EQ(check_stats().held, 0);
}

/* --- fibres ----------------------------------------------------------------------------------- */

static ucontext_t scheduler, fibres[FIBRES];
static char stacks[FIBRES][STACK];
static int running;

static void switch_away(void)
{
    CHECK_EQ(swapcontext(&fibres[running], &scheduler), 0);
}

static void switch_to(int fibre)
{
    running = fibre;
    CHECK_EQ(swapcontext(&scheduler, &fibres[fibre]), 0);
    hazptr_note_context_switch();
}

/* Holds a hazard while it is switched away from. */
static void fibre_main(void)
{
    struct hazptr_ctx own;

    CHECK(hazptr_acquire(&own, &pointer) == &object);
    switch_away();
    CHECK(own.slot->addr == &object);
    hazptr_release(&own, &object);
}

static void start_fibre(int fibre)
{
    CHECK_EQ(getcontext(&fibres[fibre]), 0);
    fibres[fibre].uc_stack.ss_sp = stacks[fibre];
    fibres[fibre].uc_stack.ss_size = sizeof(stacks[fibre]);
    fibres[fibre].uc_link = &scheduler;
    makecontext(&fibres[fibre], fibre_main, 0);
    switch_to(fibre);
}

static void resume_last_fibre(void)
{
    switch_to(FIBRES - 1);
}

static void resume_last_fibre_in_thread(void)
{
    run_in_thread(resume_last_fibre);
}

static void fibres_hold_while_switched_away(void (*resume_last)(void))
{
    struct hazptr_statistics before = check_stats(), after;
    int i;

    for (i = 0; i < FIBRES; i++)
        start_fibre(i);
    after = check_stats();
    CHECK_EQ(after.held, FIBRES);
    /* The switch moves the line, so that each fibre began with an empty one. */
    if (hazptr_mode() == HAZPTR_MODE_RSEQ && !getenv("HAZPTR_MAX_LINES")) {
        CHECK_EQ(after.parks - before.parks, FIBRES);
        CHECK_EQ(after.acquire_far, before.acquire_far);
    }
    for (i = 0; i < FIBRES - 1; i++)
        switch_to(i);
    waits_until(resume_last);
}

/* Where there are no sequences, no line is taken for any CPU. */
static void a_cpu_has_lines_for_sequences_only(void)
{
    const uint64_t lines = check_stats().lines;

    acquire();
    release();
    if (hazptr_mode() != HAZPTR_MODE_RSEQ)
        CHECK_EQ(check_stats().lines, lines);
}

int main(void)
{
    struct sigaction action;

    check_mode();
    a_cpu_has_lines_for_sequences_only();
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    release_in_another_thread();
    release_after_the_acquirer_has_ended();
    handlers_acquire_and_release();
    handler_keeps_what_it_acquired_in_the_middle_of_an_acquire();
    /* The line that is moved is this CPU's; stay there. */
    bind_to_a_cpu();
    fibres_hold_while_switched_away(resume_last_fibre);
    fibres_hold_while_switched_away(resume_last_fibre_in_thread);
    return 0;
}
