/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * In place of liburcu's header of this name: loading and changing pointers that readers use. Each
 * evaluates its arguments once. Loads order what comes after them, changes what has come before.
 */
#ifndef HAZPTR_URCU_POINTER_H
#define HAZPTR_URCU_POINTER_H

/* What programs that include <urcu.h> use besides, if it is there. */
#if defined(__has_include)
#if __has_include(<urcu/wfcqueue.h>)
#include <urcu/compiler.h>
#include <urcu/arch.h>
#include <urcu/uatomic.h>
#include <urcu/wfcqueue.h>
#ifdef _LGPL_SOURCE
#include <assert.h>
#include <stdint.h>
#include <unistd.h>
#include <urcu/system.h>
#include <urcu/list.h>
#include <urcu/futex.h>
#include <urcu/tls-compat.h>
#endif
#endif
#endif

/**
 * The pointer @p, to be followed in a read-side critical section. As with liburcu it has to be an lvalue if
 * _LGPL_SOURCE is defined; so it has under ThreadSanitizer, which does not see the other way.
 */
#if defined(_LGPL_SOURCE) || defined(__SANITIZE_THREAD__)
#define rcu_dereference(p) __atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#else
#define rcu_dereference(p)                                                                         \
    __extension__({                                                                                \
        __typeof__(p) hazptr_rcu_loaded_ = (p);                                                    \
        __asm__ __volatile__("" : "+r"(hazptr_rcu_loaded_) : : "memory");                          \
        hazptr_rcu_loaded_;                                                                        \
    })
#endif

/** Publish @v at @p: what has been written to it is written before. */
#define rcu_set_pointer(p, v)                                                                      \
    do {                                                                                           \
        __typeof__(*(p)) hazptr_rcu_new_ = (v);                                                    \
        __atomic_store_n((p), hazptr_rcu_new_, __ATOMIC_RELEASE);                                  \
    } while (0)

/** As rcu_set_pointer(), for the lvalue @p. */
#define rcu_assign_pointer(p, v) rcu_set_pointer(&(p), v)

/** Put @v at @p; what was there before. */
#define rcu_xchg_pointer(p, v)                                                                     \
    __extension__({                                                                                \
        __typeof__(*(p)) hazptr_rcu_new_ = (v);                                                    \
        __atomic_exchange_n((p), hazptr_rcu_new_, __ATOMIC_SEQ_CST);                               \
    })

/** Put @v at @p if @old is there; what was there before. */
#define rcu_cmpxchg_pointer(p, old, v)                                                             \
    __extension__({                                                                                \
        __typeof__(*(p)) hazptr_rcu_old_ = (old);                                                  \
        __typeof__(*(p)) hazptr_rcu_new_ = (v);                                                    \
        __atomic_compare_exchange_n((p), &hazptr_rcu_old_, hazptr_rcu_new_, 0, __ATOMIC_SEQ_CST,   \
                                    __ATOMIC_SEQ_CST);                                             \
        hazptr_rcu_old_;                                                                           \
    })

#endif /* HAZPTR_URCU_POINTER_H */
