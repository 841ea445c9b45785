/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What cannot be done is refused, and then nothing has been retired: wrong arguments, no memory.
 * errno is never changed.
 */
#include "retired.h"
#include "surroundings.h"
#include <sys/resource.h>
#include <sys/wait.h>

static struct object object;
static struct hazptr_cohort cohort;

static void nothing_was_retired(void)
{
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(check_stats().retired, 0);
    CHECK_EQ(check_stats().pending, 0);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, 0), 0);
    CHECK_EQ(times_reclaimed(&object), 0);
}

/* --- wrong arguments -------------------------------------------------------------------------- */

static void wrong_flags(unsigned int flags)
{
    KEEPS_ERRNO(CHECK_EQ(
        hazptr_retire_in(&cohort, &object.head, &object, note_reclaimed, flags), EINVAL));
    KEEPS_ERRNO(CHECK_EQ(
        hazptr_retire_ptr_in(&cohort, &object, note_reclaimed_addr, flags), EINVAL));
    object.head.func = note_reclaimed;
    object.head.next = NULL;
    KEEPS_ERRNO(CHECK_EQ(hazptr_retire_list(&cohort, &object.head, flags), EINVAL));
}

static void no_callback(void)
{
    struct object others[2];

    KEEPS_ERRNO(CHECK_EQ(hazptr_retire_in(&cohort, &object.head, &object, NULL, 0), EINVAL));
    KEEPS_ERRNO(CHECK_EQ(hazptr_retire_ptr(&object, NULL), EINVAL));
    KEEPS_ERRNO(CHECK_EQ(hazptr_retire_ptr_in(&cohort, &object, NULL, 0), EINVAL));
    /* The last of a list. */
    memset(others, 0, sizeof(others));
    object.head.func = others[0].head.func = note_reclaimed;
    object.head.next = &others[0].head;
    others[0].head.next = &others[1].head;
    KEEPS_ERRNO(CHECK_EQ(hazptr_retire_list(&cohort, &object.head, 0), EINVAL));
    CHECK_EQ(times_reclaimed(&others[0]), 0);
}

static void no_object(void)
{
    KEEPS_ERRNO(CHECK_EQ(hazptr_retire_in(&cohort, NULL, &object, note_reclaimed, 0), EINVAL));
    KEEPS_ERRNO(CHECK_EQ(hazptr_retire_ptr(NULL, note_reclaimed_addr), 0));
    KEEPS_ERRNO(CHECK_EQ(hazptr_retire_ptr_in(&cohort, NULL, note_reclaimed_addr, 0), 0));
    KEEPS_ERRNO(CHECK_EQ(hazptr_retire_list(&cohort, NULL, 0), 0));
    KEEPS_ERRNO(CHECK_EQ(hazptr_cohort_barrier(NULL, 0), EINVAL));
    KEEPS_ERRNO(CHECK_EQ(hazptr_cohort_barrier(NULL, HAZPTR_FOREVER), EINVAL));
}

/* --- no memory -------------------------------------------------------------------------------- */

/*
 * The address space may not grow any more, and what malloc() still has is taken out first. A
 * sanitizer's malloc() would end the program.
 */
static int malloc_can_be_exhausted(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 0;
#else
    return !under_valgrind();
#endif
}

static void exhaust_malloc(void)
{
    const struct rlimit none = {0, 0};
    /* Seen from outside, so that the compiler does not leave the calls out. */
    void *volatile got;
    size_t size;

    CHECK_EQ(setrlimit(RLIMIT_AS, &none), 0);
    for (size = 4096; size >= 1; size /= 2) {
        do
            got = malloc(size);
        while (got);
    }
}

static void no_memory_for_the_node(void)
{
    struct hazptr_ctx ctx;

    exhaust_malloc();
    KEEPS_ERRNO(CHECK_EQ(hazptr_retire_ptr(&object, note_reclaimed_addr), ENOMEM));
    KEEPS_ERRNO(CHECK_EQ(hazptr_retire_ptr_in(&cohort, &object, note_reclaimed_addr, 0), ENOMEM));
    nothing_was_retired();
    /* With a head of its own it needs none, and reclaiming does not. */
    hold(&ctx, &object);
    KEEPS_ERRNO(retire_in(&cohort, &object, 0));
    KEEPS_ERRNO(hazptr_reclaim_here());
    CHECK_EQ(times_reclaimed(&object), 0);
    hazptr_release(&ctx, &object);
    KEEPS_ERRNO(CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0));
    CHECK_EQ(times_reclaimed(&object), 1);
}

static void in_a_child(void (*function)(void))
{
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (child == 0) {
        function();
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

/* --- errno ------------------------------------------------------------------------------------ */

static void spoil_errno(struct hazptr_head *head)
{
    note_reclaimed(head);
    errno = ENXIO;
}

static void retire_spoiler(void)
{
    memset(&object, 0, sizeof(object));
    KEEPS_ERRNO(hazptr_retire(&object.head, &object, spoil_errno));
}

/* The first one starts the worker, or sleeps and wakes; and the callback has an errno of its own. */
static void errno_survives(void)
{
    struct hazptr_reclaim_policy policy;
    int round;

    for (round = 0; round < 100; round++) {
        retire_spoiler();
        KEEPS_ERRNO(CHECK_EQ(hazptr_barrier(), 0));
        CHECK_EQ(times_reclaimed(&object), 1);
        retire_spoiler();
        KEEPS_ERRNO(hazptr_reclaim_here());
        KEEPS_ERRNO(CHECK_EQ(hazptr_barrier(), 0));
        KEEPS_ERRNO(CHECK_EQ(
            hazptr_retire_in(&cohort, &object.head, &object, spoil_errno, 0), 0));
        KEEPS_ERRNO(CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0));
        KEEPS_ERRNO(CHECK_EQ(hazptr_retire_ptr(malloc(1), free), 0));
    }
    KEEPS_ERRNO(policy = policy_in_force());
    KEEPS_ERRNO(CHECK_EQ(set_policy(&policy), 0));
}

int main(void)
{
    check_mode();
    wrong_flags(HAZPTR_RETIRE_NOHELP << 1);
    wrong_flags(~0u);
    no_callback();
    no_object();
    nothing_was_retired();
    if (malloc_can_be_exhausted())
        in_a_child(no_memory_for_the_node);
    errno_survives();
    return 0;
}
