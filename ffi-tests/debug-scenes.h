/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What debug.c has processes do: everything that is to be reported, in functions whose names a report must
 * have; and what looks like it, and is right.
 */
#ifndef DEBUG_SCENES_H
#define DEBUG_SCENES_H

#include "speaker.h"
#include "waiter.h"
#include <stddef.h>
#include <sys/mman.h>

static int objects[2];
static void *pointer = &objects[0], *other_pointer = &objects[1], *null_pointer;

/* --- the places that reports are to name --------------------------------------------------------
 */

#ifdef __cplusplus
#define PLACE extern "C" __attribute__((noinline, visibility("default")))
#else
#define PLACE __attribute__((noinline, visibility("default")))
#endif
/* Behind a call, so that it is not the last thing that a function does. */
#define RETURN_HERE() __asm__ volatile("" ::: "memory")

PLACE void place_of_acquire(struct hazptr_ctx *ctx, void *const *pp);
PLACE void place_of_acquire(struct hazptr_ctx *ctx, void *const *pp)
{
    CHECK(hazptr_acquire(ctx, pp) == *pp);
    RETURN_HERE();
}

PLACE void place_of_release(struct hazptr_ctx *ctx, const void *addr);
PLACE void place_of_release(struct hazptr_ctx *ctx, const void *addr)
{
    hazptr_release(ctx, addr);
    RETURN_HERE();
}

PLACE void place_of_misuse(struct hazptr_ctx *ctx, const void *addr);
PLACE void place_of_misuse(struct hazptr_ctx *ctx, const void *addr)
{
    hazptr_release(ctx, addr);
    RETURN_HERE();
}

PLACE void place_of_hold(struct hazptr_ctx *ctx);
PLACE void place_of_hold(struct hazptr_ctx *ctx)
{
    hazptr_hold(ctx);
    RETURN_HERE();
}

PLACE void place_of_protect(struct hazptr_ctx *ctx, void *const *pp);
PLACE void place_of_protect(struct hazptr_ctx *ctx, void *const *pp)
{
    CHECK(hazptr_protect(ctx, pp) == *pp);
    RETURN_HERE();
}

PLACE void place_of_reset(struct hazptr_ctx *ctx);
PLACE void place_of_reset(struct hazptr_ctx *ctx)
{
    hazptr_reset(ctx);
    RETURN_HERE();
}

PLACE void place_of_wait(const void *addr);
PLACE void place_of_wait(const void *addr)
{
    hazptr_synchronize(addr);
    RETURN_HERE();
}

static void reclaimed(struct hazptr_head *head)
{
    (void)head;
}

PLACE void place_of_retire(struct hazptr_head *head);
PLACE void place_of_retire(struct hazptr_head *head)
{
    hazptr_retire(head, pointer, reclaimed);
    RETURN_HERE();
}

/* --- what is wrong ------------------------------------------------------------------------------
 */

static void release_twice(void)
{
    struct hazptr_ctx ctx;

    place_of_acquire(&ctx, &pointer);
    place_of_release(&ctx, pointer);
    errno = EXDEV;
    place_of_misuse(&ctx, pointer);
    CHECK_EQ(errno, EXDEV);
}

/* It holds nothing, so that it may be copied. */
static void release_a_copy_of_what_was_released(void)
{
    struct hazptr_ctx *ctx = (struct hazptr_ctx *)malloc(sizeof(*ctx)), copy;
    char before[sizeof(*ctx)];

    CHECK(ctx);
    place_of_acquire(ctx, &pointer);
    place_of_release(ctx, pointer);
    copy = *ctx;
    /* Its memory is for something else. */
    memset(ctx, 0xa5, sizeof(*ctx));
    memset(before, 0xa5, sizeof(before));
    place_of_misuse(&copy, pointer);
    CHECK(!memcmp(ctx, before, sizeof(before)));
    hazptr_release(&copy, pointer);
    free(ctx);
}

static void reset_what_was_released(void)
{
    struct hazptr_ctx ctx;

    place_of_hold(&ctx);
    place_of_release(&ctx, NULL);
    place_of_reset(&ctx);
}

static void release_what_was_never_acquired(void)
{
    struct hazptr_slot slot = {NULL};
    struct hazptr_ctx ctx = HAZPTR_CTX_INIT;

    ctx.slot = &slot;
    place_of_misuse(&ctx, pointer);
}

static void release_another_address(void)
{
    struct hazptr_ctx ctx;

    place_of_acquire(&ctx, &pointer);
    place_of_misuse(&ctx, other_pointer);
}

static struct hazptr_ctx *paged;

/* In the middle of a release, which was about to write to its context. */
static void release_in_handler(int number)
{
    (void)number;
    CHECK_EQ(mprotect(paged, sizeof(*paged), PROT_READ | PROT_WRITE), 0);
    place_of_misuse(paged, pointer);
}

static void release_at_the_same_time(void)
{
    void *page = mmap(NULL, sizeof(*paged), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(page != MAP_FAILED);
    paged = (struct hazptr_ctx *)page;
    CHECK(signal(SIGSEGV, release_in_handler) != SIG_ERR);
    place_of_acquire(paged, &pointer);
    CHECK_EQ(mprotect(paged, sizeof(*paged), PROT_READ), 0);
    place_of_release(paged, pointer);
}

PLACE void acquire_twice(void);
PLACE void acquire_twice(void)
{
    struct hazptr_ctx ctx;

    place_of_acquire(&ctx, &pointer);
    /* Forgotten, and used again. */
    hazptr_acquire(&ctx, &other_pointer);
    RETURN_HERE();
    hazptr_release(&ctx, other_pointer);
    /* That was said. */
    hazptr_acquire(&ctx, &other_pointer);
    hazptr_release(&ctx, other_pointer);
    CHECK(hazptr_is_protected(pointer) && !hazptr_is_protected(other_pointer));
}

static void hold_what_is_held(void)
{
    struct hazptr_ctx ctx;

    place_of_acquire(&ctx, &pointer);
    place_of_hold(&ctx);
    hazptr_release(&ctx, NULL);
}

PLACE void move_to_what_is_held(void);
PLACE void move_to_what_is_held(void)
{
    struct hazptr_ctx ctx, other;

    place_of_acquire(&ctx, &pointer);
    hazptr_acquire(&other, &other_pointer);
    hazptr_move(&ctx, &other);
    RETURN_HERE();
    hazptr_release(&ctx, other_pointer);
}

static void release_a_copy(void)
{
    struct hazptr_ctx ctx, copy;

    place_of_acquire(&ctx, &pointer);
    memcpy(&copy, &ctx, sizeof(ctx));
    place_of_misuse(&copy, pointer);
    /* It was released by that. */
    hazptr_synchronize(pointer);
    hazptr_release(&ctx, pointer);
}

static void protect_by_a_copy(void)
{
    struct hazptr_ctx ctx, copy;

    place_of_hold(&ctx);
    memcpy(&copy, &ctx, sizeof(ctx));
    place_of_protect(&copy, &pointer);
    CHECK(hazptr_is_protected(pointer));
    hazptr_release(&copy, NULL);
    hazptr_release(&ctx, NULL);
}

static void protect_by_what_was_released(void)
{
    struct hazptr_ctx ctx;

    place_of_hold(&ctx);
    place_of_release(&ctx, NULL);
    place_of_protect(&ctx, &pointer);
    CHECK(hazptr_is_protected(pointer));
    hazptr_release(&ctx, NULL);
}

static void *end_with_a_hazard(void *argument)
{
    struct hazptr_ctx ctx;

    place_of_acquire(&ctx, &pointer);
    return argument;
}

static void end_a_thread_that_holds(void)
{
    CHECK_ERR(pthread_join(check_thread(end_with_a_hazard, NULL), NULL));
    CHECK(hazptr_is_protected(pointer));
}

static void in_child(void (*act)(void))
{
    int status;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (!pid) {
        act();
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static struct hazptr_ctx kept;

static void release_kept(void)
{
    place_of_misuse(&kept, pointer);
    /* Once is enough. */
    hazptr_release(&kept, pointer);
}

static void use_in_child(void)
{
    place_of_acquire(&kept, &pointer);
    in_child(release_kept);
    place_of_release(&kept, pointer);
}

static void until_told(void)
{
    char byte;

    CHECK_EQ(read(0, &byte, 1), 0);
}

#define OTHERS 20
static struct hazptr_ctx others[OTHERS];

/* Somebody has to end it. */
static void with_a_waiter(void (*wait)(const void *))
{
    struct waiter waiter;
    int i;

    waiter_start_by(&waiter, wait, pointer);
    until_told();
    hazptr_release(&kept, NULL);
    for (i = 0; i < OTHERS; i++)
        hazptr_release(&others[i], NULL);
    waiter_join(&waiter);
}

PLACE void acquire_and_wait_for_many(const void *addr);
PLACE void acquire_and_wait_for_many(const void *addr)
{
    const void *addrs[] = {addr, other_pointer};

    place_of_acquire(&kept, &other_pointer);
    CHECK_EQ(hazptr_synchronize_many(addrs, 2), 0);
    RETURN_HERE();
}

static void acquire_and_wait(const void *addr)
{
    place_of_acquire(&kept, &pointer);
    place_of_wait(addr);
}

static void protect_and_wait(const void *addr)
{
    place_of_hold(&kept);
    place_of_protect(&kept, &pointer);
    place_of_wait(addr);
}

static void wait_for_own_held(void)
{
    with_a_waiter(protect_and_wait);
}

static void wait_for_own(void)
{
    with_a_waiter(acquire_and_wait);
}

/* Not the first that it would find. */
static void wait_for_own_among_others(void)
{
    int i;

    for (i = 0; i < OTHERS; i++)
        hazptr_acquire(&others[i], &pointer);
    with_a_waiter(acquire_and_wait_for_many);
}

PLACE void acquire_and_await_callbacks(const void *addr);
PLACE void acquire_and_await_callbacks(const void *addr)
{
    struct hazptr_head head;

    (void)addr;
    place_of_acquire(&kept, &pointer);
    place_of_retire(&head);
    CHECK_EQ(hazptr_barrier(), 0);
    RETURN_HERE();
}

static void await_own_callback(void)
{
    with_a_waiter(acquire_and_await_callbacks);
}

PLACE void acquire_and_await_cohort(const void *addr);
PLACE void acquire_and_await_cohort(const void *addr)
{
    struct hazptr_cohort cohort = HAZPTR_COHORT_INIT;
    struct hazptr_head head;

    place_of_acquire(&kept, &pointer);
    CHECK_EQ(hazptr_retire_in(&cohort, &head, (void *)(uintptr_t)addr, reclaimed, 0), 0);
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    RETURN_HERE();
}

static void await_own_cohort(void)
{
    with_a_waiter(acquire_and_await_cohort);
}

/* Keeps what is retired from being reclaimed, until it is released. */
static struct hazptr_ctx keeper;

PLACE void retire_twice(void);
PLACE void retire_twice(void)
{
    struct hazptr_head head;

    hazptr_acquire(&keeper, &pointer);
    place_of_retire(&head);
    hazptr_retire(&head, pointer, reclaimed);
    RETURN_HERE();
    hazptr_release(&keeper, pointer);
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(check_stats().reclaimed, 1);
}

static int freed;

static void count_freed(void *object)
{
    (void)object;
    __atomic_fetch_add(&freed, 1, __ATOMIC_RELAXED);
}

PLACE void place_of_retire_ptr(void *object);
PLACE void place_of_retire_ptr(void *object)
{
    CHECK_EQ(hazptr_retire_ptr(object, free), 0);
    RETURN_HERE();
}

PLACE void retire_twice_without_a_node(void);
PLACE void retire_twice_without_a_node(void)
{
    void *object = malloc(sizeof(objects[0]));

    CHECK(object);
    hazptr_acquire(&keeper, &object);
    place_of_retire_ptr(object);
    CHECK_EQ(hazptr_retire_ptr(object, free), 0);
    hazptr_release(&keeper, object);
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(check_stats().reclaimed, 1);
}

PLACE void retire_in_child(void);
PLACE void retire_in_child(void)
{
    struct hazptr_head head;

    /* The first that it does. */
    place_of_retire(&head);
    hazptr_retire(&head, pointer, reclaimed);
    RETURN_HERE();
    CHECK_EQ(hazptr_barrier(), 0);
    _exit(0);
}

PLACE void retire_twice_in_child(void);
PLACE void retire_twice_in_child(void)
{
    in_child(retire_in_child);
}

PLACE void retire_a_list_with_one_that_is(void);
PLACE void retire_a_list_with_one_that_is(void)
{
    struct hazptr_head first, second;

    hazptr_acquire(&keeper, &pointer);
    place_of_retire(&second);
    first.func = second.func = reclaimed;
    first.addr = second.addr = pointer;
    first.next = &second;
    CHECK_EQ(hazptr_retire_list(NULL, &first, 0), 0);
    hazptr_release(&keeper, pointer);
    CHECK_EQ(hazptr_barrier(), 0);
    /* All of the list was left out, so this is the first time. */
    first.next = NULL;
    CHECK_EQ(hazptr_retire_list(NULL, &first, 0), 0);
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(check_stats().reclaimed, 2);
}

static void *release_elsewhere(void *argument)
{
    place_of_misuse(&kept, pointer);
    return argument;
}

static void release_in_another_thread(void)
{
    place_of_acquire(&kept, &pointer);
    CHECK_ERR(pthread_join(check_thread(release_elsewhere, NULL), NULL));
}

/* --- what is right ------------------------------------------------------------------------------
 */

static void release_in_another_thread_detached(void)
{
    place_of_acquire(&kept, &pointer);
    hazptr_detach(&kept);
    CHECK_ERR(pthread_join(check_thread(release_elsewhere, NULL), NULL));
}

static void *wait_for_kept(void *argument)
{
    hazptr_synchronize(pointer);
    return argument;
}

static void acquire_detach_and_wait(const void *addr)
{
    place_of_acquire(&kept, &pointer);
    hazptr_detach(&kept);
    hazptr_synchronize(addr);
}

/* A callback's object is the callback's. */
static void retire_once_more(struct hazptr_head *head)
{
    if (!freed++)
        hazptr_retire(head, pointer, retire_once_more);
}

static void acquire_something(void)
{
    struct hazptr_ctx ctx;

    place_of_acquire(&ctx, &pointer);
    hazptr_release(&ctx, pointer);
    hazptr_synchronize(pointer);
}

/* What was held is used again: it protects there. */
static void protect_by_kept(void)
{
    place_of_protect(&kept, &pointer);
    CHECK(hazptr_is_protected(pointer));
    hazptr_release(&kept, NULL);
}

static pthread_key_t key;

static void release_at_end(void *ctx)
{
    hazptr_release((struct hazptr_ctx *)ctx, pointer);
}

/* By a destructor, when the thread has ended already. */
static void *acquire_until_end(void *argument)
{
    static __thread struct hazptr_ctx ctx;

    place_of_acquire(&ctx, &pointer);
    CHECK_ERR(pthread_setspecific(key, &ctx));
    return argument;
}

static void *acquire_for_another(void *argument)
{
    place_of_acquire((struct hazptr_ctx *)argument, &pointer);
    return argument;
}

#define MANY 40000

static void do_what_is_right(void)
{
    struct hazptr_ctx ctx = HAZPTR_CTX_INIT, other, *heap;
    void *tagged = (char *)pointer + 1, *expected = pointer;
    struct waiter waiter;
    struct hazptr_head head;
    pthread_t thread;
    uint64_t sleeps;
    int i;

    /* Nothing was acquired. */
    hazptr_release(&ctx, NULL);
    place_of_acquire(&ctx, &null_pointer);
    hazptr_release(&ctx, NULL);
    hazptr_release(&ctx, NULL);
    for (i = 0; i < 3; i++) {
        place_of_acquire(&ctx, &pointer);
        CHECK(hazptr_is_protected(pointer));
        hazptr_release(&ctx, i ? pointer : NULL);
        CHECK(!hazptr_is_protected(pointer));
    }
    /* So many that they are not told apart by a hash of their addresses. */
    heap = (struct hazptr_ctx *)malloc(MANY * sizeof(*heap));
    CHECK(heap);
    for (i = 0; i < MANY; i++)
        CHECK(hazptr_acquire(&heap[i], &pointer) == pointer);
    for (i = 0; i < MANY; i++)
        hazptr_release(&heap[i], pointer);
    CHECK(!hazptr_is_protected(pointer));
    free(heap);
    /* With the tag and without. */
    CHECK(hazptr_acquire_masked(&ctx, &tagged, 1) == tagged);
    hazptr_release(&ctx, tagged);
    CHECK(hazptr_acquire_masked(&ctx, &tagged, 1) == tagged);
    CHECK(hazptr_is_protected(pointer));
    hazptr_release(&ctx, pointer);
    /* Moved on, there and back. */
    place_of_acquire(&ctx, &pointer);
    hazptr_move(&other, &ctx);
    hazptr_release(&ctx, pointer);
    CHECK(hazptr_is_protected(pointer));
    hazptr_move(&ctx, &other);
    hazptr_move(&ctx, &ctx);
    CHECK(hazptr_is_protected(pointer));
    hazptr_release(&ctx, pointer);
    /* Held, and set again and again. */
    place_of_hold(&ctx);
    place_of_protect(&ctx, &pointer);
    CHECK(hazptr_is_protected(pointer));
    place_of_protect(&ctx, &other_pointer);
    CHECK(!hazptr_is_protected(pointer) && hazptr_is_protected(other_pointer));
    hazptr_reset(&ctx);
    CHECK(!hazptr_is_protected(other_pointer));
    CHECK(hazptr_try_protect(&ctx, &expected, &pointer));
    CHECK(hazptr_is_protected(pointer));
    CHECK(hazptr_protect_masked(&ctx, &tagged, 1) == tagged);
    CHECK(hazptr_is_protected(pointer));
    hazptr_publish(&ctx, other_pointer);
    hazptr_light_fence();
    CHECK(hazptr_is_protected(other_pointer));
    hazptr_move(&other, &ctx);
    CHECK(hazptr_is_protected(other_pointer));
    place_of_protect(&other, &null_pointer);
    CHECK(hazptr_protect_masked(&other, &tagged, 1) == tagged);
    hazptr_release(&other, tagged);
    CHECK(!hazptr_is_protected(other_pointer));
    /* A limit is a way out. */
    place_of_acquire(&ctx, &pointer);
    CHECK_EQ(hazptr_synchronize_timeout(pointer, 1000000), ETIMEDOUT);
    /* Others wait for it. */
    thread = check_thread(wait_for_kept, NULL);
    while (!check_stats().sleeps)
        give_way();
    hazptr_release(&ctx, pointer);
    CHECK_ERR(pthread_join(thread, NULL));
    /* Another thread's, which ends before it. */
    heap = (struct hazptr_ctx *)malloc(sizeof(*heap));
    CHECK(heap);
    CHECK_ERR(pthread_join(check_thread(acquire_for_another, heap), NULL));
    CHECK(hazptr_is_protected(pointer));
    hazptr_release(heap, pointer);
    free(heap);
    CHECK_ERR(pthread_key_create(&key, release_at_end));
    CHECK_ERR(pthread_join(check_thread(acquire_until_end, NULL), NULL));
    CHECK(!hazptr_is_protected(pointer));
    /* One's own, when another thread is to release it. */
    sleeps = check_stats().sleeps;
    waiter_start_by(&waiter, acquire_detach_and_wait, pointer);
    waiter_await_sleep(&waiter, sleeps);
    hazptr_release(&kept, pointer);
    waiter_join(&waiter);
    /* References, put one by one. */
    hazptr_acquire(&ctx, &pointer);
    for (i = 0; i < 3; i++)
        CHECK_EQ(hazptr_retire_ptr(pointer, count_freed), 0);
    hazptr_release(&ctx, pointer);
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(freed, 3);
    freed = 0;
    /* Retired again by its callback. */
    hazptr_retire(&head, pointer, retire_once_more);
    while (__atomic_load_n(&freed, __ATOMIC_RELAXED) < 2)
        CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(hazptr_barrier(), 0);
    hazptr_retire(&head, pointer, reclaimed);
    CHECK_EQ(hazptr_barrier(), 0);
    /* In a child. */
    in_child(acquire_something);
    place_of_hold(&kept);
    in_child(protect_by_kept);
    hazptr_release(&kept, NULL);
}

#endif /* DEBUG_SCENES_H */
