/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Pointers that carry tag bits: hazptr_acquire_masked() returns them as they are, and protects what is
 * left without the mask's bits. Waiters and retirers give that address, whatever the tags were, and
 * whether the hazard lies in a near slot, a far one or the context.
 */
#include "retired.h"
#include "surroundings.h"

/* Past the first line, wherever one begins. */
#define NESTED 40
#define TAGS 8
#define TAG_MASK ((uintptr_t)TAGS - 1)

static struct object objects[NESTED];

static void *tagged(void *addr, uintptr_t tag)
{
    return (void *)((uintptr_t)addr | tag);
}

static void acquire_tagged(struct hazptr_ctx *ctx, void *addr, uintptr_t tag, uintptr_t mask)
{
    void *pointer = tagged(addr, tag);

    KEEPS_ERRNO(CHECK(hazptr_acquire_masked(ctx, &pointer, mask) == pointer));
}

/* --- what is returned and what is protected --------------------------------------------------- */

static void tags_are_returned(void)
{
    struct hazptr_ctx ctx;
    uintptr_t tag;

    for (tag = 0; tag < TAGS; tag++) {
        acquire_tagged(&ctx, &objects[0], tag, TAG_MASK);
        CHECK_EQ(check_stats().held, 1);
        CHECK(ctx.slot->addr == (void *)&objects[0]);
        hazptr_release(&ctx, tagged(&objects[0], tag));
        CHECK_EQ(check_stats().held, 0);
    }
}

/* Bits at the top, a mask of bits that are not set, and none: then it is an ordinary acquire. */
static void any_mask_will_do(void)
{
    const uintptr_t top = (uintptr_t)0xffff << 48;
    struct hazptr_ctx ctx;

    acquire_tagged(&ctx, &objects[0], (uintptr_t)0x5a5a << 48, top);
    CHECK(ctx.slot->addr == (void *)&objects[0]);
    hazptr_release(&ctx, NULL);
    acquire_tagged(&ctx, &objects[0], ((uintptr_t)0x8001 << 48) | 5, top | TAG_MASK);
    CHECK(ctx.slot->addr == (void *)&objects[0]);
    hazptr_release(&ctx, NULL);
    acquire_tagged(&ctx, &objects[0], 0, 0);
    CHECK(ctx.slot->addr == (void *)&objects[0]);
    hazptr_release(&ctx, NULL);
    /* Bits that the mask does not name are part of the address. */
    acquire_tagged(&ctx, &objects[0], 5, 1);
    CHECK(ctx.slot->addr == tagged(&objects[0], 4));
    hazptr_release(&ctx, NULL);
    CHECK_EQ(check_stats().held, 0);
}

/* NULL with tags protects nothing, and its context names no slot that others take. */
static void nothing_but_tags_protects_nothing(void)
{
    struct hazptr_ctx ctx, stranger;
    uint64_t sleeps = check_stats().sleeps;
    struct waiter waiter;
    uintptr_t tag;

    for (tag = 0; tag < TAGS; tag++) {
        acquire_tagged(&ctx, NULL, tag, TAG_MASK);
        CHECK_EQ(check_stats().held, 0);
        CHECK(!ctx.slot);
        hold(&stranger, &objects[0]);
        hazptr_release(&ctx, tagged(NULL, tag));
        CHECK_EQ(check_stats().held, 1);
        hazptr_release(&stranger, &objects[0]);
    }
    acquire_tagged(&ctx, NULL, UINTPTR_MAX, UINTPTR_MAX);
    CHECK_EQ(check_stats().held, 0);
    acquire_tagged(&ctx, NULL, 1, TAG_MASK);
    hold(&stranger, &objects[0]);
    waiter_start(&waiter, &objects[0]);
    waiter_await_sleep(&waiter, sleeps);
    hazptr_release(&ctx, NULL);
    waiter_await_sleep(&waiter, sleeps);
    hazptr_release(&stranger, &objects[0]);
    waiter_join(&waiter);
}

/* --- in every kind of slot -------------------------------------------------------------------- */

static struct hazptr_ctx contexts[NESTED];

static void hold_all(void)
{
    int i;

    for (i = 0; i < NESTED; i++) {
        /* Among those that protect nothing and leave no gap. */
        acquire_tagged(&contexts[i], NULL, (uintptr_t)i % TAGS, TAG_MASK);
        acquire_tagged(&contexts[i], &objects[i], (uintptr_t)i % TAGS, TAG_MASK);
        CHECK(contexts[i].slot->addr == (void *)&objects[i]);
        CHECK_EQ(check_stats().held, i + 1);
    }
}

static void waiter_of_the_plain_address_waits(void)
{
    uint64_t sleeps;
    struct waiter waiter;
    int i;

    hold_all();
    for (i = 0; i < NESTED; i++) {
        sleeps = check_stats().sleeps;
        waiter_start(&waiter, &objects[i]);
        waiter_await_sleep(&waiter, sleeps);
        hazptr_release(&contexts[i], NULL);
        waiter_join(&waiter);
    }
    CHECK_EQ(check_stats().held, 0);
}

static void retired_by_the_plain_address_it_stays(void)
{
    int i, n;

    memset(objects, 0, sizeof(objects));
    hold_all();
    for (i = 0; i < NESTED; i++)
        retire(&objects[i]);
    for (i = 0; i < NESTED; i++) {
        await_a_pass();
        for (n = i; n < NESTED; n++)
            CHECK_EQ(times_reclaimed(&objects[n]), 0);
        hazptr_release(&contexts[i], tagged(&objects[i], (uintptr_t)i % TAGS));
        AWAIT(times_reclaimed(&objects[i]));
    }
    CHECK_EQ(hazptr_barrier(), 0);
}

/* --- tags that change under the reader -------------------------------------------------------- */

enum { LIVE = 0x11fe, POISONED = 0xdead };

#define BOXES 2
#define NODES 64

/* What readers find in a box is never poisoned, whichever tag it has just then. */
struct node {
    struct hazptr_head head;
    unsigned int content;
    unsigned int free;
};

static struct node nodes[BOXES][NODES];
static void *boxes[BOXES];
static int stop;

static void poison(struct hazptr_head *head)
{
    struct node *node = (struct node *)head;

    __atomic_store_n(&node->content, POISONED, __ATOMIC_RELAXED);
    __atomic_store_n(&node->free, 1, __ATOMIC_RELEASE);
}

static void read_nested(struct hazptr_ctx *ctx, int depth)
{
    struct node *node;
    uintptr_t pointer;

    pointer = (uintptr_t)hazptr_acquire_masked(ctx, &boxes[depth % BOXES], TAG_MASK);
    node = (struct node *)(pointer & ~TAG_MASK);
    if (depth)
        read_nested(ctx + 1, depth - 1);
    if (node)
        CHECK_EQ(__atomic_load_n(&node->content, __ATOMIC_RELAXED), LIVE);
    hazptr_release(ctx, node);
}

static void *read_until_stopped(void *argument)
{
    struct hazptr_ctx ctx[20];
    int depth;

    for (depth = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); depth = (depth + 1) % 20)
        read_nested(ctx, depth);
    return NULL;
}

static void *change_tags_until_stopped(void *argument)
{
    void *old;
    int i;

    for (i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i = !i) {
        old = __atomic_load_n(&boxes[i], __ATOMIC_RELAXED);
        __atomic_compare_exchange_n(&boxes[i], &old, (void *)((uintptr_t)old ^ (TAGS - 3)), 0,
                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void replace(int box, struct node *node, uintptr_t tag)
{
    void *old;

    if (node)
        __atomic_store_n(&node->content, LIVE, __ATOMIC_RELAXED);
    old = __atomic_exchange_n(&boxes[box], tagged(node, tag), __ATOMIC_ACQ_REL);
    old = (void *)((uintptr_t)old & ~TAG_MASK);
    if (old)
        hazptr_retire((struct hazptr_head *)old, old, poison);
}

static void tags_change_under_readers(void)
{
    unsigned int updates = under_valgrind() ? 2000 : 100000, i;
    pthread_t threads[3];
    struct node *node;
    int box, n;

    for (box = 0; box < BOXES; box++)
        for (n = 0; n < NODES; n++)
            nodes[box][n].free = 1;
    for (n = 0; n < 3; n++)
        threads[n] = check_thread(n ? read_until_stopped : change_tags_until_stopped, NULL);
    for (i = 0; i < updates; i++) {
        box = i % BOXES;
        node = &nodes[box][i / BOXES % NODES];
        while (!__atomic_load_n(&node->free, __ATOMIC_ACQUIRE))
            hazptr_reclaim_here();
        node->free = 0;
        replace(box, node, i % TAGS);
        if (i % 7 == 0)
            replace(box, NULL, i % TAGS);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (n = 0; n < 3; n++)
        CHECK_ERR(pthread_join(threads[n], NULL));
    for (box = 0; box < BOXES; box++)
        replace(box, NULL, 0);
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(check_stats().held, 0);
    CHECK_EQ(check_stats().pending, 0);
}

int main(void)
{
    cpu_set_t allowed = cpus_allowed();

    check_mode();
    /* In one line after the other. */
    bind_to_a_cpu();
    tags_are_returned();
    any_mask_will_do();
    nothing_but_tags_protects_nothing();
    waiter_of_the_plain_address_waits();
    retired_by_the_plain_address_it_stays();
    bind_to_cpus(&allowed);
    tags_change_under_readers();
    return 0;
}
