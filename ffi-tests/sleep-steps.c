/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A waiter that goes to sleep while the last holder releases (scenario 8), one instruction at a
 * time: the release comes at each instruction of a waiter that is about to sleep, and the waiter
 * comes at each instruction of the release. Whoever sleeps after the release is over has missed it.
 *
 * A thread steps through its own code by the processor's trap flag, whose signal stops it at the
 * instruction chosen. Not in backup slots: signals are blocked while their lock is held.
 */
#include "waiter.h"
#include <limits.h>
#include <semaphore.h>
#include <ucontext.h>

#define TRAP_FLAG 0x100

static long object;

/* The thread that steps. */
static struct {
    pthread_t thread;
    pid_t tid;
    struct hazptr_ctx ctx;
    unsigned long step, stop_at;
    sem_t stops; /* at the step chosen, or at the end */
    sem_t go;
    int stopped, over;
} stepper;

static int get(const int *flag)
{
    return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

static void set(int *flag)
{
    __atomic_store_n(flag, 1, __ATOMIC_RELEASE);
}

static void await(sem_t *semaphore)
{
    while (sem_wait(semaphore))
        CHECK_EQ(errno, EINTR);
}

static void step(int signal, siginfo_t *info, void *context)
{
    if (++stepper.step != stepper.stop_at)
        return;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
    set(&stepper.stopped);
    sem_post(&stepper.stops);
    await(&stepper.go);
}

/* The stack is moved because the compiler may keep data below its top. */
#define CHANGE_FLAGS(change)                                                                       \
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\t" change                                 \
                     "\n\tpopfq\n\tlea 128(%%rsp), %%rsp" ::                                       \
                         : "memory", "cc")

static void *synchronize_in_steps(void *argument)
{
    __atomic_store_n(&stepper.tid, thread_id(), __ATOMIC_RELEASE);
    CHANGE_FLAGS("orq $0x100, (%%rsp)");
    hazptr_synchronize(&object);
    CHANGE_FLAGS("andq $~0x100, (%%rsp)");
    set(&stepper.over);
    sem_post(&stepper.stops);
    return NULL;
}

static void *release_in_steps(void *argument)
{
    __atomic_store_n(&stepper.tid, thread_id(), __ATOMIC_RELEASE);
    CHANGE_FLAGS("orq $0x100, (%%rsp)");
    hazptr_release(&stepper.ctx, &object);
    CHANGE_FLAGS("andq $~0x100, (%%rsp)");
    set(&stepper.over);
    sem_post(&stepper.stops);
    return NULL;
}

static void start(void *(*function)(void *), unsigned long stop_at)
{
    void *pointer = &object;

    memset(&stepper, 0, sizeof(stepper));
    stepper.stop_at = stop_at;
    CHECK_EQ(sem_init(&stepper.stops, 0, 0), 0);
    CHECK_EQ(sem_init(&stepper.go, 0, 0), 0);
    CHECK(hazptr_acquire(&stepper.ctx, &pointer) == &object);
    stepper.thread = check_thread(function, NULL);
}

/* The release is over: the waiter returns, and without any sleep. */
static void await_without_sleep(const int *returned, pid_t tid, unsigned long stop_at)
{
    while (!get(returned)) {
        unsigned long futex = thread_futex(tid);

        if (futex && thread_stays_blocked(tid, futex) && !get(returned))
            check_failed(__FILE__, __LINE__, "awake", ": sleeps after all, stopped at step %lu",
                         stop_at);
        give_way();
    }
}

/* How many instructions a waiter takes from its call to its sleep. */
static unsigned long count_steps_to_the_sleep(void)
{
    const uint64_t sleeps = check_stats().sleeps;
    unsigned long steps;

    start(synchronize_in_steps, ULONG_MAX);
    while (check_stats().sleeps == sleeps || !thread_futex(stepper.tid))
        give_way();
    steps = __atomic_load_n(&stepper.step, __ATOMIC_RELAXED);
    hazptr_release(&stepper.ctx, &object);
    CHECK_ERR(pthread_join(stepper.thread, NULL));
    return steps;
}

/* Stops the waiter at an instruction of that way, and releases there. */
static void release_at(unsigned long stop_at)
{
    start(synchronize_in_steps, stop_at);
    await(&stepper.stops);
    CHECK(get(&stepper.stopped));
    hazptr_release(&stepper.ctx, &object);
    sem_post(&stepper.go);
    await_without_sleep(&stepper.over, stepper.tid, stop_at);
    CHECK_ERR(pthread_join(stepper.thread, NULL));
}

/* Of that way the last part, in which it looks once more. Most before is spinning. */
#define LAST_STEPS 120

static void a_release_at_any_step_of_a_waiter_is_seen(void)
{
    unsigned long steps = count_steps_to_the_sleep(), stop_at;

    CHECK(steps > LAST_STEPS);
    for (stop_at = steps - LAST_STEPS; stop_at < steps; stop_at++)
        release_at(stop_at);
    printf("%lu steps to a waiter's sleep\n", steps);
}

/* Stops the release at an instruction, and waits there. False if it was over before. */
static int wait_at(unsigned long stop_at)
{
    const struct hazptr_statistics before = check_stats();
    struct hazptr_statistics after;
    struct waiter waiter;
    int stopped;

    start(release_in_steps, stop_at);
    await(&stepper.stops);
    waiter_start(&waiter, &object);
    while (!waiter_returned(&waiter) &&
           (check_stats().sleeps == before.sleeps || !thread_futex(waiter.tid)))
        give_way();
    stopped = get(&stepper.stopped);
    sem_post(&stepper.go);
    CHECK_ERR(pthread_join(stepper.thread, NULL));
    await_without_sleep(&waiter.returned, waiter.tid, stop_at);
    waiter_join(&waiter);

    after = check_stats();
    if (after.sleeps != before.sleeps)
        CHECK_EQ(after.wakes - before.wakes, 1);
    return stopped;
}

static void a_waiter_at_any_step_of_a_release_is_woken(void)
{
    unsigned long stop_at = 1;

    while (wait_at(stop_at))
        stop_at++;
    printf("%lu steps of a release\n", stop_at - 1);
}

int main(void)
{
    struct sigaction action;

    check_mode();
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = step;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    CHECK_EQ(sigaction(SIGTRAP, &action, NULL), 0);
    /* Once unstepped: the dynamic linker binds functions at their first call. */
    hazptr_synchronize(&object);
    hazptr_release(&stepper.ctx, NULL);

    a_release_at_any_step_of_a_waiter_is_seen();
    a_waiter_at_any_step_of_a_release_is_woken();
    return 0;
}
