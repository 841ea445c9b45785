/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Debug mode: whatever is done wrong is reported once, when it is done, with the places of both sides; and
 * what looks like it and is right is not. Each scene runs in a process of its own.
 */
#include "speaker.h"
#include "waiter.h"
#include <dlfcn.h>
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

static void *acquire_for_another(void *argument)
{
    place_of_acquire((struct hazptr_ctx *)argument, &pointer);
    return argument;
}

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

/* --- what is said -------------------------------------------------------------------------------
 */

static const struct misuse {
    void (*act)(void);
    const char *report;
    /* What each place is called, and the function that it is in. */
    const char *sites[3][2];
    /* Which report it is. */
    unsigned int kind;
    /* It does not end by itself. */
    int waits;
    const char *debug;
} misuses[] = {
    {release_twice,
     "release of a context that holds nothing: the one at 0x",
     {{"here", "place_of_misuse"},
      {"acquired", "place_of_acquire"},
      {"released", "place_of_release"}},
     HAZPTR_DEBUG_NOT_HELD, 0, NULL},
    {release_a_copy_of_what_was_released,
     "release of a context that holds nothing: the one at 0x",
     {{"here", "place_of_misuse"},
      {"acquired", "place_of_acquire"},
      {"released", "place_of_release"}},
     HAZPTR_DEBUG_NOT_HELD, 0, NULL},
    {reset_what_was_released,
     "reset of a context that holds nothing: the one at 0x",
     {{"here", "place_of_reset"}, {"acquired", "place_of_hold"}, {"released", "place_of_release"}},
     HAZPTR_DEBUG_NOT_HELD, 0, NULL},
    {release_what_was_never_acquired,
     "release of a context that holds nothing, and never did: 0x",
     {{"here", "place_of_misuse"}},
     HAZPTR_DEBUG_NOT_HELD, 0, NULL},
    {protect_by_what_was_released,
     "protect by a context that holds nothing: the one at 0x",
     {{"here", "place_of_protect"}, {"acquired", "place_of_hold"}, {"released", "place_of_release"}},
     HAZPTR_DEBUG_NOT_HELD, 0, NULL},
    {release_another_address,
     "release of 0x",
     {{"here", "place_of_misuse"}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_WRONG_ADDRESS, 0, NULL},
    {release_at_the_same_time,
     "two releases at the same time of a context: the one at 0x",
     {{"here", "place_of_misuse"},
      {"acquired", "place_of_acquire"},
      {"released", "place_of_release"}},
     HAZPTR_DEBUG_RACE, 0, NULL},
    {acquire_twice,
     "acquire on a context that still holds: the context at 0x",
     {{"here", "acquire_twice"}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_STILL_HELD, 0, NULL},
    {hold_what_is_held,
     "acquire on a context that still holds: the context at 0x",
     {{"here", "place_of_hold"}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_STILL_HELD, 0, NULL},
    {move_to_what_is_held,
     "hazptr_move() to a context that still holds: the context at 0x",
     {{"here", "move_to_what_is_held"}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_STILL_HELD, 0, NULL},
    {release_a_copy,
     "release of a context that was copied: a copy of the one at 0x",
     {{"here", "place_of_misuse"}, {"the original was acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_COPIED, 0, NULL},
    {protect_by_a_copy,
     "protect by a context that was copied: 0x",
     {{"here", "place_of_protect"}, {"the original was acquired", "place_of_hold"}},
     HAZPTR_DEBUG_COPIED, 0, NULL},
    {end_a_thread_that_holds,
     "a thread ends, and in its memory the context at 0x",
     {{"here", ""}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_THREAD_ENDED, 0, NULL},
    {use_in_child,
     "use of a hazard that was held across a fork: the context at 0x",
     {{"released here", "place_of_misuse"}, {"acquired in the parent", "place_of_acquire"}},
     HAZPTR_DEBUG_FORKED, 0, NULL},
    {wait_for_own,
     "wait for 0x",
     {{"here", "place_of_wait"}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_SELF_WAIT, 1, NULL},
    {wait_for_own_among_others,
     "wait for 0x",
     {{"here", "acquire_and_wait_for_many"}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_SELF_WAIT, 1, NULL},
    {await_own_callback,
     "wait for 0x",
     {{"here", "acquire_and_await_callbacks"}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_SELF_WAIT, 1, NULL},
    {await_own_cohort,
     "wait for 0x",
     {{"here", "acquire_and_await_cohort"}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_SELF_WAIT, 1, NULL},
    {retire_twice,
     "retire of 0x",
     {{"here", "retire_twice"}, {"retired", "place_of_retire"}},
     HAZPTR_DEBUG_DOUBLE_RETIRE, 0, NULL},
    {retire_twice_without_a_node,
     "retire of 0x",
     {{"here", "retire_twice_without_a_node"}, {"retired", "place_of_retire_ptr"}},
     HAZPTR_DEBUG_DOUBLE_RETIRE, 0, NULL},
    {retire_twice_in_child,
     "retire of 0x",
     {{"here", "retire_in_child"}, {"retired", "place_of_retire"}},
     HAZPTR_DEBUG_DOUBLE_RETIRE, 0, NULL},
    {retire_a_list_with_one_that_is,
     "retire of 0x",
     {{"here", "retire_a_list_with_one_that_is"}, {"retired", "place_of_retire"}},
     HAZPTR_DEBUG_DOUBLE_RETIRE, 0, NULL},
    {release_in_another_thread,
     "release by another thread, and no hazptr_detach(): the context at 0x",
     {{"here", "place_of_misuse"}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_OTHER_THREAD, 0, "report,threads"},
};
#define MISUSES (sizeof(misuses) / sizeof(misuses[0]))

/* What the program itself is told. */
static void tell(unsigned int kind, const char *report)
{
    fprintf(stderr, "kind %u: %s\n", kind, report);
    errno = EPERM;
}

static void open_scene(struct speaker *speaker, unsigned int number, const char *debug)
{
    char scene[16];

    snprintf(scene, sizeof(scene), "%u", number);
    speak(speaker, scene, "HAZPTR_DEBUG", debug);
}

static void go_on(struct speaker *speaker)
{
    CHECK_EQ(close(speaker->held_up), 0);
    speaker->held_up = -1;
}

/* Then its own frames come first, for they cannot be told from the program's. */
static int library_is_in_program(void)
{
    Dl_info library, program;

    CHECK(dladdr((void *)(uintptr_t)hazptr_mode, &library));
    CHECK(dladdr((void *)(uintptr_t)place_of_wait, &program));
    return library.dli_fbase == program.dli_fbase;
}

/* The report, and nothing else. */
static void is_reported(const struct misuse *misuse, struct speaker *speaker, const char *prefix)
{
    unsigned int i;

    if (!next(speaker) || strncmp(speaker->line, prefix, strlen(prefix)) ||
        strncmp(speaker->line + strlen(prefix), misuse->report, strlen(misuse->report)))
        check_failed(__FILE__, __LINE__, misuse->report, ": %s", speaker->line);
    for (i = 0; i < 3 && misuse->sites[i][0]; i++) {
        const char *did = misuse->sites[i][0], *place = misuse->sites[i][1];
        char start[64], *frames;

        snprintf(start, sizeof(start), "  %s: thread ", did);
        if (!next(speaker) || strncmp(speaker->line, start, strlen(start)) ||
            !strstr(speaker->line, " on CPU ") || !strstr(speaker->line, " s ago, at "))
            check_failed(__FILE__, __LINE__, did, ": %s", speaker->line);
        frames = strstr(speaker->line, " s ago, at ");
        if (!library_is_in_program())
            frames[strcspn(frames, "<")] = 0;
        if (!strstr(frames, place))
            check_failed(__FILE__, __LINE__, did, " in %s, not%s", place, frames);
    }
    if (misuse->waits)
        go_on(speaker);
}

static void each_misuse_is_reported_once_with_its_places(void)
{
    struct speaker speaker;
    unsigned int i;

    for (i = 0; i < MISUSES; i++) {
        open_scene(&speaker, i, misuses[i].debug ? misuses[i].debug : "report");
        is_reported(&misuses[i], &speaker, "hazptr: debug: ");
        says_no_more(&speaker);
    }
}

static void a_handler_is_told_what_it_is(void)
{
    struct speaker speaker;
    char prefix[64];
    unsigned int i;

    for (i = 0; i < MISUSES; i++) {
        open_scene(&speaker, i, misuses[i].debug ? "handler,threads" : "handler");
        snprintf(prefix, sizeof(prefix), "kind %u: hazptr: debug: ", misuses[i].kind);
        is_reported(&misuses[i], &speaker, prefix);
        says_no_more(&speaker);
    }
}

static void a_report_ends_the_process_if_it_is_to(void)
{
    struct speaker speaker;
    int status;

    open_scene(&speaker, 0, "abort");
    is_reported(&misuses[0], &speaker, "hazptr: debug: ");
    CHECK(!next(&speaker));
    fclose(speaker.says);
    close(speaker.held_up);
    CHECK_EQ(waitpid(speaker.child, &status, 0), speaker.child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void nothing_is_said_of(const char *scene, const char *debug)
{
    struct speaker speaker;

    speak(&speaker, scene, "HAZPTR_DEBUG", debug);
    says_no_more(&speaker);
}

static void what_is_right_is_not_reported(void)
{
    char scene[16];
    unsigned int i;

    nothing_is_said_of("right", "report");
    nothing_is_said_of("detached", "report,threads");
    nothing_is_said_of("file", "report");
    /* Only if asked for. */
    for (i = 0; misuses[i].kind != HAZPTR_DEBUG_OTHER_THREAD; i++)
        ;
    snprintf(scene, sizeof(scene), "%u", i);
    nothing_is_said_of(scene, "report");
}

static void a_wish_that_is_none_is_complained_of(void)
{
    struct speaker speaker;

    speak(&speaker, "mode", "HAZPTR_DEBUG", "loud");
    CHECK(next(&speaker));
    CHECK(!strcmp(speaker.line, "hazptr: HAZPTR_DEBUG=loud: not one of report, abort, handler, with or "
                                "without \",threads\"; debug mode is off"));
    says_no_more(&speaker);
}

/* Another file has its number. */
static void misuse_without_stderr(void)
{
    FILE *file = tmpfile();

    CHECK(file);
    CHECK_EQ(dup2(fileno(file), 2), 2);
    release_twice();
    CHECK_EQ(lseek(2, 0, SEEK_END), 0);
}

static void expect_no_debug_mode(void)
{
    struct hazptr_ctx ctx;

    CHECK(hazptr_acquire(&ctx, &pointer) == pointer);
    hazptr_release(&ctx, other_pointer);
}

/* --- who holds it -------------------------------------------------------------------------------
 */

static void *hold_until_told(void *argument)
{
    CHECK_ERR(pthread_setname_np(pthread_self(), "the holder"));
    place_of_acquire(&kept, &pointer);
    CHECK_EQ(hazptr_dump(2), 0);
    until_told();
    hazptr_release(&kept, pointer);
    return argument;
}

static void wait_for_the_holder(void)
{
    pthread_t thread = check_thread(hold_until_told, NULL);

    while (!hazptr_is_protected(pointer))
        give_way();
    hazptr_synchronize(pointer);
    CHECK_ERR(pthread_join(thread, NULL));
}

static void stalls_and_dumps_tell_who_holds_it(void)
{
    struct speaker speaker;
    int dumped = 0;
    char *holder;

    CHECK_EQ(setenv("HAZPTR_STALL_MS", "200", 1), 0);
    speak(&speaker, "holder", "HAZPTR_DEBUG", "report");
    CHECK_EQ(unsetenv("HAZPTR_STALL_MS"), 0);
    while (next(&speaker) && !strstr(speaker.line, "stall: ")) {
        holder = strstr(speaker.line, "; by thread ");
        if (holder && strstr(holder, " (the holder) at 0x"))
            dumped++;
    }
    CHECK_EQ(dumped, 1);
    CHECK(strstr(speaker.line, "; by thread ") && strstr(speaker.line, " (the holder) on CPU ") &&
          strstr(speaker.line, "place_of_acquire") && strstr(speaker.line, "; that thread sleeps"));
    go_on(&speaker);
    while (next(&speaker))
        CHECK(strstr(speaker.line, "stall: "));
    says_no_more(&speaker);
}

static int play(const char *scene)
{
    static const struct {
        const char *name;
        void (*act)(void);
    } scenes[] = {
        {"right", do_what_is_right},
        {"detached", release_in_another_thread_detached},
        {"mode", expect_no_debug_mode},
        {"file", misuse_without_stderr},
        {"holder", wait_for_the_holder},
    };
    unsigned int i;

    for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
        if (!strcmp(scene, scenes[i].name)) {
            scenes[i].act();
            return 0;
        }
    }
    hazptr_set_debug_handler(tell);
    misuses[atoi(scene)].act();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return play(argv[1]);
    check_mode();
    each_misuse_is_reported_once_with_its_places();
    a_handler_is_told_what_it_is();
    a_report_ends_the_process_if_it_is_to();
    what_is_right_is_not_reported();
    a_wish_that_is_none_is_complained_of();
    stalls_and_dumps_tell_who_holds_it();
    return 0;
}
