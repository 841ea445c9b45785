/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SHARED_HPP
#define SHARED_HPP

#include <hazptr.h>
#ifndef HAZPTR_INLINED
#error "the fast paths are not inlined here"
#endif

extern void *pointer;
extern int *typed;
extern int two();

inline int untyped_once(void **p)
{
    struct hazptr_ctx ctx;
    int *object = static_cast<int *>(hazptr_acquire(&ctx, p));
    const int value = *object;

    hazptr_release(&ctx, object);
    return value;
}

template <typename T> int typed_once(T **p)
{
    HAZPTR_SCOPED(object, p);

    return *object;
}

#endif /* SHARED_HPP */
