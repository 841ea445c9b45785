/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Read sides in the caller's own code, for <hazptr/urcu.h> with HAZPTR_INLINE. Out of line goes what
 * has to do with contexts: all of it in other modes than rseq, in debug mode, and under sanitizers.
 */
#ifndef HAZPTR_URCU_INLINE_H
#define HAZPTR_URCU_INLINE_H

/* Do not include this file; <hazptr/urcu.h> does. */
#ifndef HAZPTR_URCU_H
#error "include <hazptr/urcu.h>"
#endif

/* As hazptr_control_block(), by way of the global offset table. */
static inline const struct hazptr_rcu_shared *hazptr_rcu_shared_inlined(void)
{
    const struct hazptr_rcu_shared *shared;

    __asm__("movq hazptr_rcu_shared_1@GOTPCREL(%%rip), %0" : "=r"(shared));
    return shared;
}

/* That of the library's engine; the library itself has a shorter way to it. */
#ifndef HAZPTR_RCU_CONTROL
#define HAZPTR_RCU_CONTROL() (hazptr_rcu_shared_inlined()->control)
#endif

/*
 * One deeper, or less deep: in one instruction, so that a section which a handler's fork has protected anew
 * in the child meanwhile goes on by what protects it there.
 */
#define HAZPTR_RCU_READER_ADD(n)                                                                   \
    __asm__ __volatile__("addq %[by], %[word]" : [word] "+m"(hazptr_rcu_reader_1) : [by] "i"(n) : "cc")

/*
 * The slot first, the word behind it: a handler in between finds 0 and takes a slot of its own, and what it
 * does with the word is undone when it returns.
 */
static inline __attribute__((__always_inline__)) void hazptr_rcu_read_lock_inlined(void)
{
    const uint64_t reader = __atomic_load_n(&hazptr_rcu_reader_1, __ATOMIC_RELAXED);
    struct hazptr_slot *slot;
    void *epoch;

    if (__builtin_expect(reader != 0, 0)) {
        HAZPTR_RCU_READER_ADD(1);
        return;
    }
#ifdef HAZPTR_INLINED
    slot = hazptr_slot_take_inlined(HAZPTR_RCU_CONTROL(), &hazptr_rcu_shared_inlined()->epoch, &epoch);
#else
    slot = NULL;
    (void)epoch;
#endif
    if (__builtin_expect(slot == NULL, 0)) {
        hazptr_rcu_read_lock_slow_1();
        return;
    }
    __atomic_store_n(&hazptr_rcu_reader_1, HAZPTR_RCU_READER_WORD(slot) | 1, __ATOMIC_RELAXED);
}

/* The word first, for the same reason. */
static inline __attribute__((__always_inline__)) void hazptr_rcu_read_unlock_inlined(void)
{
    const uint64_t reader = __atomic_load_n(&hazptr_rcu_reader_1, __ATOMIC_RELAXED);

    if (__builtin_expect((reader & (HAZPTR_RCU_READER_DEPTH | HAZPTR_RCU_READER_CONTEXT)) == 1, 1)) {
        __atomic_store_n(&hazptr_rcu_reader_1, 0, __ATOMIC_RELAXED);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
#ifdef HAZPTR_INLINED
        if (__builtin_expect(hazptr_slot_replace_inlined(
                                 HAZPTR_RCU_CONTROL(),
                                 (struct hazptr_slot *)HAZPTR_RCU_READER_ADDRESS(reader), NULL),
                             0))
            hazptr_rcu_wake_1((struct hazptr_slot *)HAZPTR_RCU_READER_ADDRESS(reader));
#endif
    } else if (__builtin_expect((reader & HAZPTR_RCU_READER_DEPTH) > 1, 1)) {
        HAZPTR_RCU_READER_ADD(-1);
    } else {
        hazptr_rcu_read_unlock_slow_1();
    }
}

/** hazptr_rcu_read_ongoing(), inlined. */
static inline __attribute__((__always_inline__)) int hazptr_rcu_read_ongoing_inlined(void)
{
    return (int)(__atomic_load_n(&hazptr_rcu_reader_1, __ATOMIC_RELAXED) & HAZPTR_RCU_READER_DEPTH);
}

#define hazptr_rcu_read_lock() hazptr_rcu_read_lock_inlined()
#define hazptr_rcu_read_unlock() hazptr_rcu_read_unlock_inlined()
#define hazptr_rcu_read_ongoing() hazptr_rcu_read_ongoing_inlined()

#endif /* HAZPTR_URCU_INLINE_H */
