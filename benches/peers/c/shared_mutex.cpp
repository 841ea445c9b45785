/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* std::shared_mutex, one for all objects. */
#include "plain.h"

#include <mutex>
#include <shared_mutex>

#define LIBRARY "libstdc++"
#define VERSION QUOTE(_GLIBCXX_RELEASE)
#define PROTECTS "lock"
#define NOTE "wait: the mutex, taken once exclusively"
#define ONE_SECTION
#define replace replace_object

namespace
{

alignas(128) std::shared_mutex mutex;

struct guard {
    std::shared_lock<std::shared_mutex> lock;
};

} // namespace

SUBJECT_INLINE struct object *enter(struct guard *guard, const struct place *place, int)
{
    guard->lock = std::shared_lock<std::shared_mutex>(mutex);
    return load(place);
}

/* The guard's destructor unlocks. */
SUBJECT_INLINE void leave(struct guard *)
{
}

SUBJECT_INLINE void replace_object()
{
    unpublish();
    std::unique_lock<std::shared_mutex> lock(mutex);
}

#include "loops.h"
