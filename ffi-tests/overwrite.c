/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A waiter is woken for the address that stood in the slot: also if it was overwritten by an
 * acquire that found another one when it looked again (scenario 12), and whatever the caller of a
 * release claims to have held (scenario 13).
 */
#include "waiter.h"
#include <semaphore.h>
#include <sys/mman.h>
#include <ucontext.h>

#define TRAP_FLAG 0x100

static long objects[64][8];

/* --- the wrong address --------------------------------------------------------------------------
 */

static void a_release_wakes_whatever_it_is_told(const void *told)
{
    const struct hazptr_statistics before = check_stats();
    void *pointer = objects[0];
    struct hazptr_ctx ctx;
    struct waiter waiter;
    unsigned long futex;

    CHECK(hazptr_acquire(&ctx, &pointer) == objects[0]);
    waiter_start(&waiter, objects[0]);
    futex = waiter_await_sleep(&waiter, before.sleeps);
    hazptr_release(&ctx, told);
    CHECK(!thread_stays_blocked(waiter.tid, futex));
    waiter_join(&waiter);
    CHECK_EQ(check_stats().wakes, before.wakes + 1);
}

/* --- the address overwritten --------------------------------------------------------------------
 */

/*
 * A portable acquire loads the pointer, publishes what it found, and loads again. The pointer lies
 * in a page that cannot be read: each load faults. One that comes before anything is published is
 * let through alone, by a single step; the one after finds the pointer changed, and a waiter asleep
 * for what is published.
 */
static struct {
    void **pointer;
    void *replacement;
    sem_t published;
    sem_t go_on;
} scene;

static void await(sem_t *semaphore)
{
    while (sem_wait(semaphore))
        CHECK_EQ(errno, EINTR);
}

static void protect(int protection)
{
    CHECK_EQ(mprotect(scene.pointer, (size_t)sysconf(_SC_PAGESIZE), protection), 0);
}

static void before_load(int signal, siginfo_t *info, void *context)
{
    CHECK(info->si_addr == scene.pointer);
    protect(PROT_READ | PROT_WRITE);
    if (check_stats().held == 0) {
        ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
        return;
    }
    *scene.pointer = scene.replacement;
    sem_post(&scene.published);
    await(&scene.go_on);
}

static void after_load(int signal, siginfo_t *info, void *context)
{
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
    protect(PROT_NONE);
}

static void handle(int signal, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    CHECK_EQ(sigaction(signal, &action, NULL), 0);
}

static void *acquire_what_changes(void *argument)
{
    struct hazptr_ctx ctx;

    CHECK(hazptr_acquire(&ctx, scene.pointer) == scene.replacement);
    CHECK_EQ(check_stats().held, scene.replacement != NULL);
    hazptr_release(&ctx, scene.replacement);
    return NULL;
}

static void an_acquire_wakes_who_sleeps_for_what_it_overwrites(void *replacement)
{
    const struct hazptr_statistics before = check_stats();
    struct waiter waiter;
    unsigned long futex;
    pthread_t reader;

    scene.replacement = replacement;
    *scene.pointer = objects[0];
    protect(PROT_NONE);
    reader = check_thread(acquire_what_changes, NULL);
    await(&scene.published);

    waiter_start(&waiter, objects[0]);
    futex = waiter_await_sleep(&waiter, before.sleeps);
    CHECK_EQ(check_stats().wakes, before.wakes);
    sem_post(&scene.go_on);
    CHECK_ERR(pthread_join(reader, NULL));
    CHECK(!thread_stays_blocked(waiter.tid, futex));
    waiter_join(&waiter);
    /* And one more at most for the reader's release, by the same hash. */
    CHECK(check_stats().wakes > before.wakes);
}

int main(void)
{
    unsigned int i;

    check_provokes = 1u << HAZPTR_DEBUG_WRONG_ADDRESS;
    check_mode();
    a_release_wakes_whatever_it_is_told(NULL);
    for (i = 0; i < 64; i++)
        a_release_wakes_whatever_it_is_told(objects[i]);

    if (hazptr_mode() == HAZPTR_MODE_RSEQ && !getenv("HAZPTR_MAX_LINES"))
        return 0; /* No second load. */
    scene.pointer = (void **)mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(scene.pointer != MAP_FAILED);
    CHECK_EQ(sem_init(&scene.published, 0, 0), 0);
    CHECK_EQ(sem_init(&scene.go_on, 0, 0), 0);
    handle(SIGSEGV, before_load);
    handle(SIGTRAP, after_load);
    an_acquire_wakes_who_sleeps_for_what_it_overwrites(objects[1]);
    an_acquire_wakes_who_sleeps_for_what_it_overwrites(NULL);
    return 0;
}
