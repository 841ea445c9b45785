/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a generator cannot write: initialisers, typed macros, scopes. Included by <hazptr.h>.
 */
#ifndef HAZPTR_MACROS_H
#define HAZPTR_MACROS_H

/* Do not include this file; <hazptr.h> does, after its declarations. */
#ifndef HAZPTR_H
#error "include <hazptr.h>"
#endif

#ifdef HAZPTR_INLINE
#include <hazptr/inline.h>
#endif

/** The header's version as one number, to be compared with hazptr_version(). */
#define HAZPTR_VERSION                                                                             \
    ((HAZPTR_VERSION_MAJOR << 16) | (HAZPTR_VERSION_MINOR << 8) | HAZPTR_VERSION_PATCH)

/** What this header offers, for #ifdef. */
#define HAZPTR_HAS_SYNCHRONIZE 1
#define HAZPTR_HAS_STATS 1
#define HAZPTR_HAS_SCOPED 1
#define HAZPTR_HAS_INLINE 1
#define HAZPTR_HAS_RETIRE 1
#define HAZPTR_HAS_ACQUIRE_MASKED 1
#define HAZPTR_HAS_HOLD 1

/** Makes a release legal on a context that no acquire has seen: `struct hazptr_ctx c = ...;` */
#define HAZPTR_CTX_INIT {NULL, {{NULL}, NULL, NULL}, 0, 0, {NULL, NULL, NULL}}

/** An empty cohort: `struct hazptr_cohort c = HAZPTR_COHORT_INIT;` */
#define HAZPTR_COHORT_INIT {0, {0, 0, 0, 0, 0, 0, 0}}

/**
 * HAZPTR_ACQUIRE(ctx, pp), HAZPTR_PROTECT(ctx, pp): hazptr_acquire() and hazptr_protect() for any type.
 * @pp points to a `T *`, `T *volatile`, `T *_Atomic`, in C++ also to a `std::atomic<T *>`; the result is
 * a `T *`. They evaluate each argument once.
 */
#ifndef __cplusplus

/* The comma strips qualifiers, _Atomic included, from the type of *pp. The way through uintptr_t
 * keeps -Wcast-qual quiet about what hazptr_acquire() does not change. The comparison, which is not
 * evaluated, makes the compiler complain if *pp is no pointer. */
#define HAZPTR_TYPED_(function, ctx, pp)                                                           \
    ((void)sizeof(*(pp) == (const volatile void *)0),                                              \
     (__typeof__(((void)0, *(pp))))function((ctx), (void *const *)(uintptr_t)(pp)))
#define HAZPTR_ACQUIRE(ctx, pp) HAZPTR_TYPED_(hazptr_acquire, ctx, pp)
#define HAZPTR_PROTECT(ctx, pp) HAZPTR_TYPED_(hazptr_protect, ctx, pp)

#else

/* Also where somebody includes C headers as C. */
extern "C++" {

#include <atomic>

namespace hazptr_detail
{

/* A pointer's address as the functions take it. */
template <typename T>
inline void *const *untyped(T *const volatile *pp)
{
    return reinterpret_cast<void *const *>(reinterpret_cast<uintptr_t>(pp));
}

template <typename T>
inline void *const *untyped(const std::atomic<T *> *pp)
{
    static_assert(sizeof(*pp) == sizeof(void *), "an atomic pointer is a pointer here");
    return untyped(reinterpret_cast<T *const volatile *>(pp));
}

template <typename T>
inline T *acquire(struct ::hazptr_ctx *ctx, T *const volatile *pp)
{
    return static_cast<T *>(::hazptr_acquire(ctx, untyped(pp)));
}

template <typename T>
inline T *acquire(struct ::hazptr_ctx *ctx, const std::atomic<T *> *pp)
{
    return static_cast<T *>(::hazptr_acquire(ctx, untyped(pp)));
}

template <typename T>
inline T *protect(struct ::hazptr_ctx *ctx, T *const volatile *pp)
{
    return static_cast<T *>(::hazptr_protect(ctx, untyped(pp)));
}

template <typename T>
inline T *protect(struct ::hazptr_ctx *ctx, const std::atomic<T *> *pp)
{
    return static_cast<T *>(::hazptr_protect(ctx, untyped(pp)));
}

} // namespace hazptr_detail

} // extern "C++"

#define HAZPTR_ACQUIRE(ctx, pp) (::hazptr_detail::acquire((ctx), (pp)))
#define HAZPTR_PROTECT(ctx, pp) (::hazptr_detail::protect((ctx), (pp)))

#endif

static inline void hazptr_release_at_end_of_scope(struct hazptr_ctx *ctx)
{
    hazptr_release(ctx, NULL);
}

/**
 * HAZPTR_SCOPED(name, pp): declares @name, initialised as by HAZPTR_ACQUIRE(ctx, pp), and releases
 * it where its scope ends, however it is left (but for longjmp; and C code that pthread_exit() or an
 * exception leaves runs it only if compiled with -fexceptions). As the kernel's guards:
 *
 *     HAZPTR_SCOPED(conf, &current_conf);
 *     if (conf)
 *         use(conf);
 */
/* @pp is evaluated before the context exists: it may throw, or leave by a return of its own. */
#ifndef __cplusplus
#define HAZPTR_SCOPED(name, pp)                                                                    \
    __typeof__(&*(pp)) const hazptr_pp_of_##name = (pp);                                           \
    struct hazptr_ctx hazptr_ctx_of_##name                                                         \
        __attribute__((__cleanup__(hazptr_release_at_end_of_scope)));                              \
    __typeof__(((void)0, *(pp))) const name =                                                      \
        HAZPTR_ACQUIRE(&hazptr_ctx_of_##name, hazptr_pp_of_##name)
#else
#define HAZPTR_SCOPED(name, pp)                                                                    \
    auto *const hazptr_pp_of_##name = (pp);                                                        \
    struct ::hazptr_ctx hazptr_ctx_of_##name                                                       \
        __attribute__((__cleanup__(hazptr_release_at_end_of_scope)));                              \
    auto *const name = HAZPTR_ACQUIRE(&hazptr_ctx_of_##name, hazptr_pp_of_##name)
#endif

#endif /* HAZPTR_MACROS_H */
