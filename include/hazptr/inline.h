/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The fast paths of hazptr_acquire() and hazptr_release() in the caller's own code. Included by
 * <hazptr.h> if the program defines HAZPTR_INLINE before it; then both names mean these, and
 * HAZPTR_INLINED is defined. (Under a sanitizer they go on meaning the functions: it does not
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

/** hazptr_acquire(), inlined; out of line where the fast path does not serve. */
static inline __attribute__((__always_inline__)) void *
hazptr_acquire_inlined(struct hazptr_ctx *ctx, void *const *addr_p)
{
    const struct hazptr_control *control = hazptr_control_block();
    const intptr_t rseq = __atomic_load_n(&control->rseq_offset, __ATOMIC_RELAXED);
    struct hazptr_slot *slot;
    void *addr;

    if (__builtin_expect(rseq != 0, 1)) {
        __asm__ __volatile__(HAZPTR_SEQUENCE_ACQUIRE
                             : [slot] "=&r"(slot), [addr] "=&r"(addr)
                             : [control] "r"(control), [rseq] "r"(rseq), [addr_p] "r"(addr_p),
                               [current] "i"(offsetof(struct hazptr_control, current))
                             : "memory", "cc");
        if (__builtin_expect(addr != NULL, 1)) {
            ctx->slot = slot;
            return addr;
        }
        if (slot) { /* NULL protects nothing: its slot is still free. */
            ctx->slot = NULL;
            return NULL;
        }
    }
    return (hazptr_acquire)(ctx, addr_p);
}

/** hazptr_release(), inlined; out of line for backup slots and to wake waiters. */
static inline __attribute__((__always_inline__)) void
hazptr_release_inlined(struct hazptr_ctx *ctx, const void *addr)
{
    struct hazptr_slot *slot = ctx->slot;
    int somebody_sleeps;

    (void)addr;
    if (!slot)
        return;
    if (__builtin_expect(slot == &ctx->backup_slot.slot, 0)) {
        (hazptr_release)(ctx, addr);
        return;
    }
    /* First, as in the function; volatile, so that it stays first. */
    *(struct hazptr_slot *volatile *)&ctx->slot = NULL;
    __atomic_store_n(&slot->addr, (void *)NULL, __ATOMIC_RELEASE);
    /*
     * `word & HAZPTR_CONTROL_RELEASE_SLOW`, in one instruction, which the compiler leaves behind the
     * store: the light half of an asymmetric fence, see src/fence.rs.
     */
    __asm__ __volatile__("testl %[mask], %[word]"
                         : "=@ccnz"(somebody_sleeps)
                         : [mask] "i"(HAZPTR_CONTROL_RELEASE_SLOW),
                           [word] "m"(hazptr_control_block()->word)
                         : "memory");
    if (__builtin_expect(somebody_sleeps, 0))
        hazptr_wake(slot);
}

/* They may be macros already, where an engine for tests has its own names. */
#undef hazptr_acquire
#undef hazptr_release
#define hazptr_acquire(ctx, addr_p) hazptr_acquire_inlined((ctx), (addr_p))
#define hazptr_release(ctx, addr) hazptr_release_inlined((ctx), (addr))

#endif

#endif /* HAZPTR_INLINE_H */
