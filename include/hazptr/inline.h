/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The fast paths of hazptr_acquire(), hazptr_release() and the functions for held hazards in the
 * caller's own code. Included by <hazptr.h> if the program defines HAZPTR_INLINE before it; then these
 * names mean these, and HAZPTR_INLINED is defined. (Under a sanitizer they go on meaning the functions: it does not
 * understand sequences.) A program built so asks for the very layout of the control block that it
 * was compiled with: with a library of another one the loader says "undefined symbol:
 * hazptr_control_" and the number; compile it anew.
 */
#ifndef HAZPTR_INLINE_H
#define HAZPTR_INLINE_H

#ifndef HAZPTR_H
#error "include <hazptr.h>"
#endif

#include <hazptr/control.h>
#include <hazptr/sequence.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAZPTR_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define HAZPTR_SANITIZED 1
#endif
#endif

/* Nor with compilers before gcc 6 and clang 9, which cannot take a condition from assembly. */
#if !defined(HAZPTR_SANITIZED) && defined(__GCC_ASM_FLAG_OUTPUTS__)
#define HAZPTR_INLINED 1

/*
 * The sequence: the slot that protects what @addr_p holds, loaded into *@addr. NULL where the fast path
 * does not serve; then *@addr is NULL too. With a slot, it is that of NULL, which leaves the slot free.
 */
static inline __attribute__((__always_inline__)) struct hazptr_slot *
hazptr_slot_take_inlined(const struct hazptr_control *control, void *const *addr_p, void **addr)
{
    const intptr_t rseq = __atomic_load_n(&control->rseq_offset, __ATOMIC_RELAXED);
    struct hazptr_slot *slot;

    *addr = NULL;
    if (__builtin_expect(rseq == 0, 0))
        return NULL;
    __asm__ __volatile__(HAZPTR_SEQUENCE_ACQUIRE
                         : [slot] "=&r"(slot), [addr] "=&r"(*addr)
                         : [control] "r"(control), [rseq] "r"(rseq), [addr_p] "r"(addr_p),
                           [current] "i"(offsetof(struct hazptr_control, current))
                         : "memory", "cc");
    return slot;
}

/** hazptr_acquire(), inlined; out of line where the fast path does not serve. */
static inline __attribute__((__always_inline__)) void *
hazptr_acquire_inlined(struct hazptr_ctx *ctx, void *const *addr_p)
{
    void *addr;
    struct hazptr_slot *slot = hazptr_slot_take_inlined(hazptr_control_block(), addr_p, &addr);

    if (__builtin_expect(addr != NULL, 1)) {
        ctx->slot = slot;
        return addr;
    }
    if (slot) { /* NULL protects nothing: its slot is still free. */
        ctx->slot = NULL;
        return NULL;
    }
    return (hazptr_acquire)(ctx, addr_p);
}

/* Puts something else in the place of an address; returns whether somebody sleeps, perhaps for that. */
static inline __attribute__((__always_inline__)) int
hazptr_slot_replace_inlined(const struct hazptr_control *control, struct hazptr_slot *slot, void *addr)
{
    int somebody_sleeps;

    __atomic_store_n(&slot->addr, addr, __ATOMIC_RELEASE);
    /*
     * `word & HAZPTR_CONTROL_RELEASE_SLOW`, in one instruction, which the compiler leaves behind the
     * store: the light half of an asymmetric fence, see src/fence.rs.
     */
    __asm__ __volatile__("testl %[mask], %[word]"
                         : "=@ccnz"(somebody_sleeps)
                         : [mask] "i"(HAZPTR_CONTROL_RELEASE_SLOW), [word] "m"(control->word)
                         : "memory");
    return somebody_sleeps;
}

/* The same, and wakes those who wait for it. */
static inline __attribute__((__always_inline__)) void
hazptr_slot_store_inlined(struct hazptr_slot *slot, void *addr)
{
    if (__builtin_expect(hazptr_slot_replace_inlined(hazptr_control_block(), slot, addr), 0))
        hazptr_wake(slot);
}

/** hazptr_release(), inlined; out of line for backup slots and to wake waiters. */
static inline __attribute__((__always_inline__)) void
hazptr_release_inlined(struct hazptr_ctx *ctx, const void *addr)
{
    struct hazptr_slot *slot = ctx->slot;

    (void)addr;
    if (!slot)
        return;
    if (__builtin_expect(slot == &ctx->backup_slot.slot, 0)) {
        (hazptr_release)(ctx, addr);
        return;
    }
    /* First, as in the function; volatile, so that it stays first. */
    *(struct hazptr_slot *volatile *)&ctx->slot = NULL;
    hazptr_slot_store_inlined(slot, NULL);
}

/*
 * The state of the control block that a held slot relies on, and what it is now: generation and word,
 * which are neighbours, in one load each.
 */
typedef uint64_t __attribute__((__may_alias__)) hazptr_both;

/** hazptr_hold(), inlined; out of line where the fast path of an acquire does not serve. */
static inline __attribute__((__always_inline__)) void hazptr_hold_inlined(struct hazptr_ctx *ctx)
{
    static void *const nothing = (void *)1;
    const struct hazptr_control *control = hazptr_control_block();
    /* Before the sequence, and again behind it: if a handler has forked, the slot may be of either. */
    const uint64_t generation = __atomic_load_n(&control->generation, __ATOMIC_RELAXED);
    void *addr;
    struct hazptr_slot *slot = hazptr_slot_take_inlined(control, &nothing, &addr);

    if (__builtin_expect(slot != NULL, 1)) {
        ctx->slot = slot;
        if (__builtin_expect(__atomic_load_n(&control->generation, __ATOMIC_RELAXED) == generation,
                             1)) {
            *(hazptr_both *)&ctx->generation = ((uint64_t)HAZPTR_CONTROL_QUIET << 32) | generation;
            return;
        }
        (hazptr_release)(ctx, NULL);
    }
    (hazptr_hold)(ctx);
}

/** hazptr_reset(), inlined; out of line to wake waiters. */
static inline __attribute__((__always_inline__)) void hazptr_reset_inlined(struct hazptr_ctx *ctx)
{
    hazptr_slot_store_inlined(ctx->slot, (void *)1);
}

/* Puts an address, not NULL, into a held slot. Whether that was enough. */
static inline __attribute__((__always_inline__)) int
hazptr_is_published_inlined(struct hazptr_ctx *ctx, const void *addr)
{
    int is_quiet;

    __atomic_store_n(&ctx->slot->addr, (void *)(uintptr_t)addr, __ATOMIC_RELEASE);
    /* Behind the store, and before what is loaded next; as in hazptr_slot_store_inlined(). */
    __asm__ __volatile__("cmpq %[now], %[then]"
                         : "=@cce"(is_quiet)
                         : [then] "r"(*(const hazptr_both *)&ctx->generation),
                           [now] "m"(*(const hazptr_both *)&hazptr_control_block()->generation)
                         : "memory");
    return is_quiet;
}

/** hazptr_publish(), inlined; out of line in lower modes, for sleepers, and in forked children. */
static inline __attribute__((__always_inline__)) void
hazptr_publish_inlined(struct hazptr_ctx *ctx, const void *addr)
{
    /* Never NULL: the slot is in use. */
    if (__builtin_expect(!hazptr_is_published_inlined(ctx, addr ? addr : (void *)1), 0))
        (hazptr_publish)(ctx, addr);
}

/** hazptr_protect_masked(), inlined; out of line as hazptr_publish(). */
static inline __attribute__((__always_inline__)) void *
hazptr_protect_masked_inlined(struct hazptr_ctx *ctx, void *const *addr_p, size_t mask)
{
    void *addr = __atomic_load_n(addr_p, __ATOMIC_ACQUIRE), *now;

    for (;;) {
        void *const held = (void *)((uintptr_t)addr & ~mask);

        if (__builtin_expect(!held, 0)) {
            hazptr_reset_inlined(ctx);
            return addr;
        }
        if (__builtin_expect(!hazptr_is_published_inlined(ctx, held), 0))
            return (hazptr_protect_masked)(ctx, addr_p, mask);
        now = __atomic_load_n(addr_p, __ATOMIC_ACQUIRE);
        if (__builtin_expect((((uintptr_t)now ^ (uintptr_t)addr) & ~mask) == 0, 1))
            return now;
        addr = now;
    }
}

/** hazptr_protect(), inlined. */
static inline __attribute__((__always_inline__)) void *
hazptr_protect_inlined(struct hazptr_ctx *ctx, void *const *addr_p)
{
    return hazptr_protect_masked_inlined(ctx, addr_p, 0);
}

/** hazptr_try_protect(), inlined. */
static inline __attribute__((__always_inline__)) int
hazptr_try_protect_inlined(struct hazptr_ctx *ctx, void **expected, void *const *addr_p)
{
    void *now;

    hazptr_publish_inlined(ctx, *expected);
    now = __atomic_load_n(addr_p, __ATOMIC_ACQUIRE);
    if (__builtin_expect(now == *expected, 1))
        return 1;
    hazptr_reset_inlined(ctx);
    *expected = now;
    return 0;
}

/** hazptr_light_fence(), inlined; out of line in lower modes. */
static inline __attribute__((__always_inline__)) void hazptr_light_fence_inlined(void)
{
    int is_rseq;

    __asm__ __volatile__("cmpb %[rseq], %[mode]"
                         : "=@cce"(is_rseq)
                         : [rseq] "i"(HAZPTR_CONTROL_QUIET >> HAZPTR_CONTROL_MODE_SHIFT),
                           [mode] "m"(((const unsigned char *)&hazptr_control_block()->word)[3])
                         : "memory");
    if (__builtin_expect(!is_rseq, 0))
        (hazptr_light_fence)();
}

/** hazptr_move(), inlined; out of line for backup slots. */
static inline __attribute__((__always_inline__)) void
hazptr_move_inlined(struct hazptr_ctx *dst, struct hazptr_ctx *src)
{
    struct hazptr_slot *slot = src->slot;

    if (__builtin_expect(slot == &src->backup_slot.slot || dst == src, 0)) {
        (hazptr_move)(dst, src);
        return;
    }
    dst->slot = slot;
    *(hazptr_both *)&dst->generation = *(const hazptr_both *)&src->generation;
    src->slot = NULL;
}

/* They may be macros already, where an engine for tests has its own names. */
#undef hazptr_acquire
#undef hazptr_release
#undef hazptr_hold
#undef hazptr_protect
#undef hazptr_protect_masked
#undef hazptr_try_protect
#undef hazptr_reset
#undef hazptr_publish
#undef hazptr_light_fence
#undef hazptr_move
/* Of any number of arguments: C++ has commas that a macro does not understand. */
#define hazptr_acquire(...) hazptr_acquire_inlined(__VA_ARGS__)
#define hazptr_release(...) hazptr_release_inlined(__VA_ARGS__)
#define hazptr_hold(...) hazptr_hold_inlined(__VA_ARGS__)
#define hazptr_protect(...) hazptr_protect_inlined(__VA_ARGS__)
#define hazptr_protect_masked(...) hazptr_protect_masked_inlined(__VA_ARGS__)
#define hazptr_try_protect(...) hazptr_try_protect_inlined(__VA_ARGS__)
#define hazptr_reset(...) hazptr_reset_inlined(__VA_ARGS__)
#define hazptr_publish(...) hazptr_publish_inlined(__VA_ARGS__)
#define hazptr_light_fence(...) hazptr_light_fence_inlined(__VA_ARGS__)
#define hazptr_move(...) hazptr_move_inlined(__VA_ARGS__)

#endif

#endif /* HAZPTR_INLINE_H */
