/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * xenium; compiled for each of its schemes, as PEERS_SCHEME says.
 *
 * A guard_ptr that ends protection gives its hazard back: none can be kept. No call reclaims at
 * once, but hazard pointers do in reclaim() if their threshold is one, and stamp-it does when a
 * region is left. The others have no wait: whether they reclaim depends on what else is retired, or
 * on other readers that come by. To retire, all are used as they come.
 */
#include "retired.h"
#include "spin.h"

#include <array>
#include <new>
#include <optional>

#define HAZARD_POINTER 1
#define HAZARD_ERAS 2
#define EPOCH 3
#define QUIESCENT 4
#define STAMP_IT 5

#define LIBRARY "xenium"
#define VERSION PEERS_VERSION

#if PEERS_SCHEME == HAZARD_POINTER
#include <xenium/reclamation/hazard_pointer.hpp>
#define PROTECTS "one"
#define NOTE                                                                                       \
    "wait: reclaim() with a threshold of 1, which scans, until the deleter has run; "              \
    "retire: reclaim() with the default threshold"

/* For all threads, so that a waiter's reclaim() scans. */
struct strategy : xenium::reclamation::hp_allocation::static_strategy<HAZARDS> {
    static size_t retired_nodes_threshold()
    {
        return retiring ? static_strategy::retired_nodes_threshold() : 1;
    }
};

using scheme =
    xenium::reclamation::hazard_pointer<>::with<xenium::policy::allocation_strategy<strategy>>;

#elif PEERS_SCHEME == HAZARD_ERAS
#include <xenium/reclamation/hazard_eras.hpp>
#define PROTECTS "everything"
#define NOTE                                                                                       \
    "protects what lived at the time; no wait: polling would retire more; retire: reclaim()"
using scheme = xenium::reclamation::hazard_eras<>::with<xenium::policy::allocation_strategy<
    xenium::reclamation::he_allocation::static_strategy<HAZARDS>>>;

#elif PEERS_SCHEME == EPOCH
#include <xenium/reclamation/generic_epoch_based.hpp>
#define PROTECTS "everything"
#define NOTE "epoch_based<>; no wait: epochs advance as readers come by; retire: reclaim()"
using scheme = xenium::reclamation::epoch_based<>;

#elif PEERS_SCHEME == QUIESCENT
#include <xenium/reclamation/quiescent_state_based.hpp>
#define PROTECTS "everything"
#define NOTE                                                                                       \
    "a region_guard for 1024 reads; no wait: a thread asleep holds the epoch; retire: reclaim()"
using scheme = xenium::reclamation::quiescent_state_based;

#elif PEERS_SCHEME == STAMP_IT
#include <xenium/reclamation/stamp_it.hpp>
#define PROTECTS "everything"
#define NOTE "wait: reclaim(), then empty regions until the deleter has run; retire: reclaim()"
using scheme = xenium::reclamation::stamp_it;
#endif

/* --- objects -----------------------------------------------------------------------------------*/

namespace
{

struct node;

struct recycler {
    void operator()(node *node) const;
};

/* The library wants it to contain the library's part. */
struct node : scheme::enable_concurrent_ptr<node, 0, recycler> {
    long field = 0;
};

struct alignas(128) memory {
    char bytes[128];
};
static_assert(sizeof(node) <= sizeof(memory), "an object fits into its cache line");

memory objects[2], more[HAZARDS];

struct xenium_place {
    alignas(128) scheme::concurrent_ptr<node> pointer;
};

using marked_pointer = scheme::concurrent_ptr<node>::marked_ptr;

marked_pointer make(memory &where)
{
    return new (&where) node;
}

xenium_place shared{make(objects[0])};
xenium_place others[HAZARDS] = {
    {make(more[0])}, {make(more[1])}, {make(more[2])}, {make(more[3])}};

/* --- readers -----------------------------------------------------------------------------------*/

struct guard {
    scheme::concurrent_ptr<node>::guard_ptr kept;
};

} // namespace

SUBJECT_INLINE node *enter(struct guard *guard, const xenium_place *place, int)
{
    guard->kept.acquire(place->pointer, std::memory_order_acquire);
    return guard->kept.get();
}

/* The guard's destructor ends protection. */
SUBJECT_INLINE void leave(struct guard *)
{
}

#if PEERS_SCHEME == QUIESCENT
/* Leaving a region is the quiescent state; a guard_ptr within one costs little. */
static thread_local std::optional<scheme::region_guard> region;

#define REGISTERS
static void thread_begin()
{
    region.emplace();
}

static void thread_end()
{
    region.reset();
}

#define between(count)                                                                             \
    do {                                                                                           \
        if ((count) % READS_BETWEEN_QUIESCENT_STATES == 0) {                                       \
            region.reset();                                                                        \
            region.emplace();                                                                      \
        }                                                                                          \
    } while (0)
#endif

/* --- replacing ---------------------------------------------------------------------------------*/

/* Retired to have the library look again; nobody protects it. */
[[maybe_unused]] static memory spare;

/* Whether the library has given back the object that was replaced. */
static bool gone;

void recycler::operator()(node *node) const
{
    node->~node();
    if (retiring)
        retired_free(node);
    else
        gone = gone || static_cast<void *>(node) != &spare;
}

using guard_ptr = scheme::concurrent_ptr<node>::guard_ptr;

/* There is no exchange, but only one thread that replaces. Returns what was there, guarded. */
SUBJECT_INLINE guard_ptr exchange(node *next)
{
    guard_ptr old;
    marked_pointer expected;

    old.acquire(shared.pointer);
    expected = old;
    shared.pointer.compare_exchange_strong(expected, next);
    return old;
}

/* --- waiting -----------------------------------------------------------------------------------*/

#if PEERS_SCHEME == HAZARD_POINTER || PEERS_SCHEME == STAMP_IT
#define replace replace_object

SUBJECT_INLINE void look_again()
{
#if PEERS_SCHEME == STAMP_IT
    scheme::region_guard region;
#else
    guard_ptr(make(spare)).reclaim();
#endif
}

SUBJECT_INLINE void replace_object()
{
    static int published;
    unsigned int tries = 0;

    gone = false;
    published = !published;
    exchange(make(objects[published]).get()).reclaim();
    while (!gone) {
        spin(&tries);
        look_again();
    }
}
#endif

/* --- retiring ----------------------------------------------------------------------------------*/

SUBJECT_INLINE node *fresh()
{
    static_assert(sizeof(node) <= RETIRED_BYTES, "the library's part is in the object");
    return new (retired_alloc()) node;
}

SUBJECT_INLINE void publish(node *next)
{
    exchange(next);
}

SUBJECT_INLINE void retire_object(node *next)
{
    exchange(next).reclaim();
}
#define retire_next retire_object

#include "loops.h"
