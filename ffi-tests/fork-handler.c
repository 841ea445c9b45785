/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A signal handler forks in the middle of a call. The child goes on with that call, by itself, on
 * state that is not its parent's: whatever the call then does, it does no damage, and everything
 * after it works as in any process.
 *
 * Where it matters the handler is made to come at one certain instruction: the load of the pointer
 * or the store to the context, which faults.
 */
#include "check.h"
#include "waiter.h"
#include <sys/mman.h>
#include <sys/wait.h>

#define INTERRUPTED 60
#define NEST 6

static int object, child_object;
static void *pointer = &object, *child_pointer = &child_object;

/* Set by the handler. */
static int in_child;
static pid_t forked;

static void handle(int number, void (*handler)(int))
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    CHECK_EQ(sigaction(number, &action, NULL), 0);
}

static void fork_here(pid_t (*fork_function)(void))
{
    pid_t child = fork_function();

    if (child == 0)
        in_child = 1;
    else
        __atomic_store_n(&forked, child, __ATOMIC_RELEASE);
}

/* In the parent: the child has ended, and found nothing wrong. */
static void reap(void)
{
    int status;
    pid_t child;

    while (!(child = __atomic_exchange_n(&forked, 0, __ATOMIC_ACQUIRE)))
        sched_yield();
    CHECK(child > 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

static void *hold_and_release(void *argument)
{
    struct hazptr_ctx ctx[NEST];
    int i;

    for (i = 0; i < NEST; i++)
        CHECK(hazptr_acquire(&ctx[i], &pointer) == &object);
    for (i = 0; i < NEST; i++)
        hazptr_release(&ctx[i], &object);
    return NULL;
}

/* The child is a process as any other, in which nothing is held. */
static void works(void)
{
    uint64_t sleeps = check_stats().sleeps;
    struct waiter waiter;
    struct hazptr_ctx ctx;

    CHECK_EQ(check_stats().held, 0);
    CHECK(hazptr_acquire(&ctx, &child_pointer) == &child_object);
    waiter_start(&waiter, &child_object);
    waiter_await_sleep(&waiter, sleeps);
    CHECK_ERR(pthread_join(check_thread(hold_and_release, NULL), NULL));
    CHECK_EQ(check_stats().held, 1);
    hazptr_release(&ctx, &child_object);
    waiter_join(&waiter);
    hazptr_synchronize(&object);
    CHECK_EQ(check_stats().held, 0);
}

/* --- anywhere in a loop of acquires and releases ---------------------------------------------- */

static int stop;

static void on_fork_signal(int number)
{
    fork_here(fork);
}

static void on_raw_fork_signal(int number)
{
    fork_here(_Fork);
}

/* Goes on for a while in the child, then ends it. */
static void *acquire_nested(void *argument)
{
    struct hazptr_ctx ctx[NEST];
    int left = 100, i;

    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        for (i = 0; i < NEST; i++)
            CHECK(hazptr_acquire(&ctx[i], &pointer) == &object);
        while (i-- > 0)
            hazptr_release(&ctx[i], &object);
        if (in_child && left-- == 0) {
            CHECK_EQ(check_stats().held, 0);
            hazptr_synchronize(&object);
            _exit(0);
        }
    }
    return NULL;
}

static void in_a_loop(void)
{
    pthread_t thread = check_thread(acquire_nested, NULL);
    int i;

    for (i = 0; i < INTERRUPTED; i++) {
        CHECK_ERR(pthread_kill(thread, i % 2 ? SIGUSR1 : SIGUSR2));
        reap();
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    CHECK_ERR(pthread_join(thread, NULL));
    CHECK_EQ(check_stats().held, 0);
}

/* --- in a sleeping waiter --------------------------------------------------------------------- */

/* What the handler leaves behind in the child: a hazard, and a thread asleep for its object. */
static struct hazptr_ctx child_ctx;
static struct waiter child_sleeper;

static void on_fork_and_sleep_signal(int number)
{
    fork_here(fork);
    if (!in_child)
        return;
    CHECK(hazptr_acquire(&child_ctx, &child_pointer) == &child_object);
    waiter_start(&child_sleeper, &child_object);
    waiter_await_sleep(&child_sleeper, 0);
}

/* The wait that the handler interrupted is over, and has not taken the sleeper's announcement. */
static void child_sleeper_is_woken(void)
{
    const uint64_t wakes = check_stats().wakes;

    hazptr_release(&child_ctx, &child_object);
    CHECK_EQ(check_stats().wakes, wakes + 1);
    waiter_join(&child_sleeper);
}

static void *synchronize_and_end_child(void *argument)
{
    struct waiter *waiter = (struct waiter *)argument;

    __atomic_store_n(&waiter->tid, thread_id(), __ATOMIC_RELEASE);
    hazptr_synchronize(waiter->addr);
    if (in_child) {
        if (child_sleeper.addr)
            child_sleeper_is_woken();
        works();
        _exit(0);
    }
    __atomic_store_n(&waiter->returned, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* In the child the parent's hazard is none, so that the waiter goes on. In the parent it sleeps. */
static void in_a_sleeping_waiter(int number)
{
    struct waiter waiter = {&object, NULL, pthread_self(), 0, 0};
    uint64_t sleeps = check_stats().sleeps;
    struct hazptr_ctx ctx;

    CHECK(hazptr_acquire(&ctx, &pointer) == &object);
    waiter.thread = check_thread(synchronize_and_end_child, &waiter);
    waiter_await_sleep(&waiter, sleeps);
    CHECK_ERR(pthread_kill(waiter.thread, number));
    reap();
    waiter_await_sleep(&waiter, sleeps);
    hazptr_release(&ctx, &object);
    waiter_join(&waiter);
}

/* --- at one instruction of an acquire --------------------------------------------------------- */

static void *page;
static long page_size;
static int use_in_handler;

static void on_fault(int number)
{
    CHECK_EQ(mprotect(page, (size_t)page_size, PROT_READ | PROT_WRITE), 0);
    fork_here(fork);
    /* The child's state is then not fresh any more when the call goes on. */
    if (in_child && use_in_handler)
        hold_and_release(NULL);
}

/* An acquire through @addr_p into @ctx, one of which is in the page. */
static void acquire_with_fault(struct hazptr_ctx *ctx, void **addr_p, int protection)
{
    struct hazptr_ctx others[3];
    int i;

    CHECK_EQ(mprotect(page, (size_t)page_size, protection), 0);
    CHECK(hazptr_acquire(ctx, addr_p) == &object);
    if (!in_child) {
        reap();
        CHECK_EQ(check_stats().held, 1);
        hazptr_release(ctx, &object);
        CHECK_EQ(check_stats().held, 0);
        return;
    }
    /* Whether that hazard counts for the child or is an inherited one: it can be released, and
     * the release takes nothing from others. */
    for (i = 0; i < 3; i++)
        CHECK(hazptr_acquire(&others[i], &child_pointer) == &child_object);
    hazptr_release(ctx, &object);
    memset(ctx, 0xa5, sizeof(*ctx));
    CHECK_EQ(check_stats().held, 3);
    for (i = 0; i < 3; i++)
        hazptr_release(&others[i], &child_object);
    works();
    _exit(0);
}

static void at_the_load_of_the_pointer(void)
{
    struct hazptr_ctx ctx;
    void **addr_p = (void **)page;

    *addr_p = &object;
    acquire_with_fault(&ctx, addr_p, PROT_NONE);
}

static void at_the_store_to_the_context(void)
{
    acquire_with_fault((struct hazptr_ctx *)page, &pointer, PROT_READ);
}

static void at_one_instruction(void)
{
    page_size = sysconf(_SC_PAGESIZE);
    page = mmap(NULL, (size_t)page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0);
    CHECK(page != MAP_FAILED);
    for (use_in_handler = 0; use_in_handler < 2; use_in_handler++) {
        at_the_load_of_the_pointer();
        at_the_store_to_the_context();
    }
    CHECK_EQ(munmap(page, (size_t)page_size), 0);
}

int main(void)
{
    check_provokes = 1u << HAZPTR_DEBUG_FORKED;
    check_mode();
    handle(SIGUSR1, on_fork_signal);
    handle(SIGUSR2, on_raw_fork_signal);
    handle(SIGURG, on_fork_and_sleep_signal);
    handle(SIGSEGV, on_fault);
    in_a_loop();
    in_a_sleeping_waiter(SIGUSR1);
    in_a_sleeping_waiter(SIGURG);
    at_one_instruction();
    return 0;
}
