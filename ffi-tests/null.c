/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * An acquire that loads NULL protects nothing, and its release does nothing: not even when another
 * acquire has meanwhile taken the slot that it looked at (scenario 4). Nor does a second release,
 * or one without an acquire. And no function ever changes errno.
 */
#include "check.h"
#include "surroundings.h"
#include "waiter.h"
#include <sys/resource.h>
#include <sys/wait.h>

/* More than the first chunk of lines has room for. */
#define MANY 700
#define SENTINEL 4321

static int object;
static void *null, *pointer = &object;

#define KEEPS_ERRNO(call)                                                                          \
    do {                                                                                           \
        errno = SENTINEL;                                                                          \
        call;                                                                                      \
        CHECK_EQ(errno, SENTINEL);                                                                 \
    } while (0)

static void nothing_is_held(void)
{
    struct hazptr_ctx ctx;

    CHECK(!hazptr_acquire(&ctx, &null));
    CHECK_EQ(check_stats().held, 0);
    hazptr_detach(&ctx);
    hazptr_release(&ctx, NULL);
    hazptr_release(&ctx, NULL);
    hazptr_synchronize(NULL);
    CHECK_EQ(check_stats().held, 0);
}

static void release_needs_no_acquire(void)
{
    struct hazptr_ctx ctx = HAZPTR_CTX_INIT;

    hazptr_release(&ctx, NULL);
    hazptr_release(&ctx, &object);
    hazptr_detach(&ctx);
    hazptr_detach(NULL);
    CHECK_EQ(check_stats().held, 0);
}

/* @stale held nothing when @stranger acquired: whatever is done with it, the waiter sleeps on. */
static void stranger_survives(struct hazptr_ctx *stale, struct hazptr_ctx *stranger)
{
    uint64_t sleeps = check_stats().sleeps;
    struct waiter waiter;

    CHECK_EQ(check_stats().held, 1);
    waiter_start(&waiter, &object);
    waiter_await_sleep(&waiter, sleeps);
    hazptr_detach(stale);
    hazptr_release(stale, NULL);
    hazptr_release(stale, &object);
    CHECK_EQ(check_stats().held, 1);
    waiter_await_sleep(&waiter, sleeps);
    hazptr_release(stranger, &object);
    waiter_join(&waiter);
    CHECK_EQ(check_stats().held, 0);
}

static void null_does_not_name_a_strangers_slot(void)
{
    struct hazptr_ctx stale, stranger;

    CHECK(!hazptr_acquire(&stale, &null));
    CHECK(hazptr_acquire(&stranger, &pointer) == &object);
    stranger_survives(&stale, &stranger);
}

static void released_does_not_name_a_strangers_slot(void)
{
    struct hazptr_ctx stale, stranger;

    hazptr_acquire(&stale, &pointer);
    hazptr_release(&stale, &object);
    CHECK(hazptr_acquire(&stranger, &pointer) == &object);
    stranger_survives(&stale, &stranger);
}

/* What a context held before does not shine through an acquire of NULL. */
static void null_replaces_what_the_context_held(void)
{
    struct hazptr_ctx reused, stranger;

    hazptr_acquire(&reused, &pointer);
    hazptr_release(&reused, &object);
    CHECK(!hazptr_acquire(&reused, &null));
    hazptr_acquire(&stranger, &pointer);
    stranger_survives(&reused, &stranger);
}

/* Near slots, far slots, new lines, a new chunk of lines or as many backup slots. */
static void errno_survives_acquires(void)
{
    static struct hazptr_ctx contexts[MANY];
    int i;

    for (i = 0; i < MANY; i++)
        KEEPS_ERRNO(hazptr_acquire(&contexts[i], &pointer));
    KEEPS_ERRNO(hazptr_note_context_switch());
    for (i = 0; i < MANY; i++) {
        KEEPS_ERRNO(hazptr_detach(&contexts[i]));
        KEEPS_ERRNO(hazptr_release(&contexts[i], &object));
    }
    KEEPS_ERRNO(hazptr_acquire(&contexts[0], &null));
    KEEPS_ERRNO(hazptr_release(&contexts[0], NULL));
}

static void errno_survives_the_rest(void)
{
    struct hazptr_statistics stats;

    KEEPS_ERRNO(hazptr_init());
    KEEPS_ERRNO(hazptr_version());
    KEEPS_ERRNO(hazptr_mode());
    KEEPS_ERRNO(hazptr_stats(&stats, sizeof(stats)));
    KEEPS_ERRNO(CHECK_EQ(hazptr_stats(&stats, 1), EINVAL));
    KEEPS_ERRNO(hazptr_synchronize(NULL));
    KEEPS_ERRNO(hazptr_synchronize(&object));
    KEEPS_ERRNO(CHECK_EQ(hazptr_synchronize_timeout(&object, 0), 0));
    KEEPS_ERRNO(CHECK_EQ(hazptr_synchronize_range(&object, sizeof(object)), 0));
    KEEPS_ERRNO(CHECK_EQ(hazptr_synchronize_many(NULL, 0), 0));
    KEEPS_ERRNO(CHECK_EQ(hazptr_is_protected(&object), 0));
    KEEPS_ERRNO(CHECK_EQ(hazptr_dump(-1), EBADF));
}

static void *synchronize_keeps_errno(void *argument)
{
    struct waiter *waiter = (struct waiter *)argument;

    __atomic_store_n(&waiter->tid, thread_id(), __ATOMIC_RELEASE);
    KEEPS_ERRNO(hazptr_synchronize(waiter->addr));
    __atomic_store_n(&waiter->returned, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* The waiter's sleep fails (EINTR, EAGAIN) or not, the release makes a system call. */
static void errno_survives_sleep_and_wake(void)
{
    struct waiter waiter = {&object, NULL, pthread_self(), 0, 0};
    uint64_t sleeps = check_stats().sleeps;
    struct hazptr_ctx ctx;
    int i;

    hazptr_acquire(&ctx, &pointer);
    waiter.thread = check_thread(synchronize_keeps_errno, &waiter);
    for (i = 0; i < 3; i++) {
        waiter_await_sleep(&waiter, sleeps);
        CHECK_ERR(pthread_kill(waiter.thread, SIGUSR1));
    }
    waiter_await_sleep(&waiter, sleeps);
    KEEPS_ERRNO(hazptr_release(&ctx, &object));
    waiter_join(&waiter);
}

static void on_signal(int number)
{
    struct hazptr_ctx ctx;

    KEEPS_ERRNO(hazptr_acquire(&ctx, &pointer));
    KEEPS_ERRNO(hazptr_release(&ctx, &object));
}

/* In a child that may map nothing: its first line is refused, and the backup slot serves. */
static void errno_survives_refusal(void)
{
    struct rlimit none = {0, 0};
    struct hazptr_ctx ctx;

    CHECK_EQ(setrlimit(RLIMIT_AS, &none), 0);
    KEEPS_ERRNO(CHECK(hazptr_acquire(&ctx, &pointer) == &object));
    CHECK_EQ(check_stats().held_backup, 1);
    KEEPS_ERRNO(hazptr_release(&ctx, &object));
    KEEPS_ERRNO(hazptr_synchronize(&object));
    CHECK_EQ(check_stats().held, 0);
}

/* The first call in a child initialises the library anew, whichever it is. */
static void first_call(int which)
{
    struct hazptr_ctx ctx = HAZPTR_CTX_INIT;
    struct hazptr_statistics stats;

    switch (which) {
    case 0:
        KEEPS_ERRNO(hazptr_acquire(&ctx, &pointer));
        break;
    case 1:
        KEEPS_ERRNO(hazptr_synchronize(&object));
        break;
    case 2:
        KEEPS_ERRNO(hazptr_note_context_switch());
        break;
    case 3:
        KEEPS_ERRNO(hazptr_mode());
        break;
    case 4:
        KEEPS_ERRNO(hazptr_stats(&stats, sizeof(stats)));
        break;
    case 5:
        KEEPS_ERRNO(hazptr_init());
        break;
    case 6:
        KEEPS_ERRNO(hazptr_release(&ctx, NULL));
        break;
    default:
        if (!under_valgrind())
            errno_survives_refusal();
    }
    hazptr_release(&ctx, &object);
    CHECK_EQ(check_stats().held, 0);
}

static void errno_survives_the_first_call_after_fork(void)
{
    int which, status;
    pid_t child;

    for (which = 0; which < 8; which++) {
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            first_call(which);
            _exit(0);
        }
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
    }
}

int main(void)
{
    struct sigaction action;

    check_provokes = 1u << HAZPTR_DEBUG_NOT_HELD;
    check_mode();
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    /* On one CPU, where the stranger takes the very slot. */
    bind_to_a_cpu();
    nothing_is_held();
    release_needs_no_acquire();
    null_does_not_name_a_strangers_slot();
    released_does_not_name_a_strangers_slot();
    null_replaces_what_the_context_held();
    errno_survives_acquires();
    errno_survives_the_rest();
    errno_survives_sleep_and_wake();
    errno_survives_the_first_call_after_fork();
    CHECK_EQ(check_stats().held, 0);
    return 0;
}
