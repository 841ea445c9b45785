/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Signals that a call into the library brings about by itself reach the program's handler wherever
 * they arise, also where the library has blocked all others: a filter that asks the program what to
 * answer to a system call, and contexts in memory whose writes are tracked by faults.
 */
#include "check.h"
#include "filter.h"
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>

static int object;
static void *pointer = &object;

static void handle(int number, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO;
    CHECK_EQ(sigaction(number, &action, NULL), 0);
}

/* --- a filter that asks ------------------------------------------------------------------------ */

static volatile int asked;

static void answer_eperm(int number, siginfo_t *info, void *context)
{
    asked++;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = -EPERM;
}

/* Initialisation asks for membarrier under its lock, and so does a waiter that goes on without. */
static void filter_that_asks(void)
{
    struct hazptr_ctx ctx;
    int status;
    pid_t pid;

    handle(SIGSYS, answer_eperm);
    filter_install(SECCOMP_FILTER_FLAG_TSYNC, SYS_membarrier, ANY_ARGUMENT, SECCOMP_RET_TRAP);
    pid = fork();
    CHECK(pid >= 0);
    if (!pid) {
        CHECK_EQ(hazptr_mode(), HAZPTR_MODE_FENCE);
        _exit(asked ? 0 : 2);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);

    CHECK(hazptr_acquire(&ctx, &pointer) == &object);
    hazptr_release(&ctx, &object);
    hazptr_synchronize(&object);
    CHECK_EQ(hazptr_mode(), HAZPTR_MODE_FENCE);
    CHECK(asked);
}

/* --- tracked memory ---------------------------------------------------------------------------- */

#define CONTEXTS 3

static volatile int faults;
static char *heap;
static long page_size;

static void allow_writing(int number, siginfo_t *info, void *context)
{
    const uintptr_t page = (uintptr_t)info->si_addr & -(uintptr_t)page_size;

    faults++;
    CHECK_EQ(mprotect((void *)page, (size_t)page_size, PROT_READ | PROT_WRITE), 0);
}

static struct hazptr_ctx *context(int i)
{
    return (struct hazptr_ctx *)(heap + i * page_size);
}

static void track(void)
{
    CHECK_EQ(mprotect(heap, (size_t)(CONTEXTS * page_size), PROT_READ), 0);
}

/* Each call finds its own context not writable, and those of its neighbours on a list. */
static void contexts_in_tracked_memory(void)
{
    int i;

    page_size = sysconf(_SC_PAGESIZE);
    heap = (char *)mmap(NULL, (size_t)(CONTEXTS * page_size), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(heap != MAP_FAILED);
    handle(SIGSEGV, allow_writing);
    for (i = 0; i < CONTEXTS; i++) {
        track();
        CHECK(hazptr_acquire(context(i), &pointer) == &object);
    }
    CHECK_EQ(check_stats().held, CONTEXTS);
    for (i = 0; i < CONTEXTS; i++) {
        track();
        hazptr_release(context((i + 1) % CONTEXTS), &object);
    }
    CHECK_EQ(check_stats().held, 0);
    CHECK(faults >= 2 * CONTEXTS);
    CHECK(signal(SIGSEGV, SIG_DFL) != SIG_ERR);
}

static void allow_writing_and_acquire(int number, siginfo_t *info, void *at)
{
    struct hazptr_ctx own;

    allow_writing(number, info, at);
    CHECK(hazptr_acquire(&own, &pointer) == &object);
    hazptr_release(&own, &object);
}

/* The context begins in a page that can be written, and ends in one that cannot. */
static void moves_into_tracked_memory(void)
{
    struct hazptr_ctx *there = (struct hazptr_ctx *)(heap + page_size - 32), here;

    handle(SIGSEGV, allow_writing_and_acquire);
    CHECK(hazptr_acquire(&here, &pointer) == &object);
    memset(heap, 0, (size_t)(2 * page_size));
    CHECK_EQ(mprotect(heap + page_size, (size_t)page_size, PROT_READ), 0);
    faults = 0;
    hazptr_move(there, &here);
    CHECK_EQ(faults, 1);
    CHECK_EQ(check_stats().held, 1);
    CHECK_EQ(mprotect(heap + page_size, (size_t)page_size, PROT_READ), 0);
    hazptr_move(&here, there);
    hazptr_release(&here, &object);
    CHECK_EQ(check_stats().held, 0);
    CHECK(signal(SIGSEGV, SIG_DFL) != SIG_ERR);
}

/* --- a signal that the program has blocked ------------------------------------------------------ */

static volatile int delivered;

static void note_delivery(int number, siginfo_t *info, void *context)
{
    delivered++;
}

/* What the library leaves open for faults, it does not open for one that is blocked and pending. */
static void blocked_stays_blocked(void)
{
    struct hazptr_ctx ctx;
    sigset_t trap;

    handle(SIGTRAP, note_delivery);
    CHECK_EQ(sigemptyset(&trap), 0);
    CHECK_EQ(sigaddset(&trap, SIGTRAP), 0);
    CHECK_ERR(pthread_sigmask(SIG_BLOCK, &trap, NULL));
    CHECK_EQ(raise(SIGTRAP), 0);
    CHECK(hazptr_acquire(&ctx, &pointer) == &object);
    hazptr_release(&ctx, &object);
    CHECK_EQ(delivered, 0);
    CHECK_ERR(pthread_sigmask(SIG_UNBLOCK, &trap, NULL));
    CHECK_EQ(delivered, 1);
}

int main(void)
{
    check_mode();
    blocked_stays_blocked();
    contexts_in_tracked_memory();
    moves_into_tracked_memory();
    filter_that_asks();
    return 0;
}
