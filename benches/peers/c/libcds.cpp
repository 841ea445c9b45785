/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * libcds; compiled for each of its collectors that protect one object: PEERS_COLLECTOR is HP or
 * DHP. A guard is made each time, or kept and cleared.
 */
#include "plain.h"
#include "spin.h"

#include <atomic>
#include <cds/gc/dhp.h>
#include <cds/gc/hp.h>
#include <cds/init.h>
#include <cds/version.h>

#define LIBRARY "libcds"
#define VERSION CDS_VERSION_STRING
#define PROTECTS "one"
#define NOTE                                                                                       \
    "wait: retire(), then scan() until the disposer has run; retire: retire(), with HP's room "    \
    "for the default of 100 threads"
#define REGISTERS
#define reset(guard) (guard)->hazard.clear()
#define replace replace_object

namespace
{

using collector = cds::gc::PEERS_COLLECTOR;
using atomic_pointer = std::atomic<struct object *>;
static_assert(sizeof(atomic_pointer) == sizeof(struct object *), "an atomic pointer is a pointer");

/* HP wants to know beforehand how many threads there will be, DHP does not. It has room for
 * twice as many retired objects as hazards: where these are looked at, its default has to do. */
template <typename Collector>
struct with_limits : Collector {
    with_limits() : Collector(HAZARDS)
    {
    }
};
template <>
struct with_limits<cds::gc::HP> : cds::gc::HP {
    with_limits() : HP(HAZARDS, retiring ? 0 : 2048)
    {
    }
};

/* The collector lives from the first thread that needs it to the end of the process. */
struct library {
    struct initialised {
        initialised()
        {
            cds::Initialize();
        }
        ~initialised()
        {
            cds::Terminate();
        }
    } before;
    with_limits<collector> made;
};

struct guard {
    collector::Guard hazard;
};

} // namespace

static void thread_begin()
{
    static library once;

    cds::threading::Manager::attachThread();
}

static void thread_end()
{
    cds::threading::Manager::detachThread();
}

SUBJECT_INLINE struct object *enter(struct guard *guard, const struct place *place, int)
{
    return guard->hazard.protect(reinterpret_cast<const atomic_pointer &>(place->pointer));
}

/* The guard's destructor clears and frees the hazard pointer. */
SUBJECT_INLINE void leave(struct guard *)
{
}

/* Whether the collector has given back what was retired. */
static bool gone;

/* The object is used anew. */
static void dispose(void *)
{
    gone = true;
}

SUBJECT_INLINE void replace_object()
{
    unsigned int tries = 0;

    gone = false;
    collector::retire(unpublish(), dispose);
    for (collector::scan(); !gone; collector::scan())
        spin(&tries);
}

SUBJECT_INLINE void retire_object(struct object *next)
{
    collector::retire(publish(next), static_cast<void (*)(void *)>(retired_free));
}
#define retire_next retire_object

#include "loops.h"
