/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * std::shared_ptr, loaded atomically: as C++20's std::atomic<std::shared_ptr> if PEERS_ATOMIC is
 * defined, else by std::atomic_load(), which takes one of a few mutexes.
 */
#include "place.h"
#include "spin.h"
#include "subject.h"

#include <atomic>
#include <memory>
#include <new>
#include <utility>

#define LIBRARY "libstdc++"
#define VERSION QUOTE(_GLIBCXX_RELEASE)
#define PROTECTS "lock"
#define NOTE "wait: polls until the last reference is the waiter's"
#define replace replace_object

namespace
{

using reference = std::shared_ptr<struct object>;

/* Puts object and counts together, and no two of them on a cache line. */
template <typename T>
struct allocator {
    using value_type = T;

    allocator() = default;
    template <typename U>
    allocator(const allocator<U> &)
    {
    }
    T *allocate(std::size_t n)
    {
        return static_cast<T *>(
            ::operator new((n * sizeof(T) + 127) / 128 * 128, std::align_val_t(128)));
    }
    void deallocate(T *p, std::size_t)
    {
        ::operator delete(p, std::align_val_t(128));
    }
    template <typename U>
    bool operator==(const allocator<U> &) const
    {
        return true;
    }
};

reference make()
{
    return std::allocate_shared<struct object>(allocator<struct object>());
}

struct shared_place {
#ifdef PEERS_ATOMIC
    alignas(128) std::atomic<reference> pointer;
    reference get() const
    {
        return pointer.load(std::memory_order_acquire);
    }
    reference exchange(reference next)
    {
        return pointer.exchange(std::move(next));
    }
#else
    alignas(128) reference pointer;
    reference get() const
    {
        return std::atomic_load_explicit(&pointer, std::memory_order_acquire);
    }
    reference exchange(reference next)
    {
        return std::atomic_exchange(&pointer, std::move(next));
    }
#endif
};

shared_place shared{make()};
shared_place others[HAZARDS] = {{make()}, {make()}, {make()}, {make()}};

struct guard {
    reference kept;
};

} // namespace

SUBJECT_INLINE struct object *enter(struct guard *guard, const shared_place *place, int)
{
    guard->kept = place->get();
    return guard->kept.get();
}

/* The guard's destructor gives the reference back. */
SUBJECT_INLINE void leave(struct guard *)
{
}

SUBJECT_INLINE void replace_object()
{
    static reference spare = make();
    reference old = shared.exchange(std::move(spare));
    unsigned int tries = 0;

    while (old.use_count() != 1)
        spin(&tries);
    std::atomic_thread_fence(std::memory_order_acquire);
    spare = std::move(old);
}

#include "loops.h"
