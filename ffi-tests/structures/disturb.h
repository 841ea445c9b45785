/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Included before the source of a structure, which stays as it is: what it does with memory that
 * others see is then delayed at random, so that operations overlap in all ways; what it retires is
 * often reclaimed at once, so that a hazard is missed where one is missing; and its nodes come from
 * memory that faults when it is touched after it was freed.
 */
#ifndef DISTURB_H
#define DISTURB_H

#include <hazptr.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Mostly nothing; now and then some instructions, or a turn for another thread. */
void disturb(void);

/* hazptr_reclaim_here(), or nothing. */
void reclaim_perhaps(void);

void *guarded_malloc(size_t size);
void guarded_free(void *node);

static inline void *disturbed_acquire(struct hazptr_ctx *ctx, void *const *addr_p, size_t mask)
{
    void *addr;

    disturb();
    addr = mask ? hazptr_acquire_masked(ctx, addr_p, mask) : hazptr_acquire(ctx, addr_p);
    disturb();
    return addr;
}

static inline void disturbed_release(struct hazptr_ctx *ctx, const void *addr)
{
    disturb();
    hazptr_release(ctx, addr);
    disturb();
}

static inline int disturbed_retire_in(struct hazptr_cohort *cohort, struct hazptr_head *head,
                                      void *addr, void (*func)(struct hazptr_head *head),
                                      unsigned int flags)
{
    int error;

    disturb();
    error = hazptr_retire_in(cohort, head, addr, func, flags);
    reclaim_perhaps();
    return error;
}

#undef hazptr_acquire
#undef hazptr_acquire_masked
#undef hazptr_release
#undef hazptr_retire_in
#define hazptr_acquire(ctx, addr_p) disturbed_acquire((ctx), (addr_p), 0)
#define hazptr_acquire_masked(ctx, addr_p, mask) disturbed_acquire((ctx), (addr_p), (mask))
#define hazptr_release(ctx, addr) disturbed_release((ctx), (addr))
#define hazptr_retire_in(cohort, head, addr, func, flags)                                          \
    disturbed_retire_in((cohort), (head), (addr), (func), (flags))

#define malloc(size) guarded_malloc(size)
#define free(node) guarded_free(node)

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak_explicit
#ifdef __clang__
#define atomic_load_explicit(p, order) (disturb(), __c11_atomic_load((p), (order)))
#define atomic_store_explicit(p, value, order) (disturb(), __c11_atomic_store((p), (value), (order)))
#define atomic_compare_exchange_strong_explicit(p, old, new, success, failure)                     \
    (disturb(), __c11_atomic_compare_exchange_strong((p), (old), (new), (success), (failure)))
#else
#define atomic_load_explicit(p, order) (disturb(), __atomic_load_n((p), (order)))
#define atomic_store_explicit(p, value, order) (disturb(), __atomic_store_n((p), (value), (order)))
#define atomic_compare_exchange_strong_explicit(p, old, new, success, failure)                     \
    (disturb(), __atomic_compare_exchange_n((p), (old), (new), 0, (success), (failure)))
#endif
#define atomic_compare_exchange_weak_explicit atomic_compare_exchange_strong_explicit

#endif /* DISTURB_H */
