/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * liburcu; compiled for each of its flavours (PEERS_HEADER; PEERS_QSBR is 1 for the one that wants
 * to be told when a thread holds nothing), by calls and with _LGPL_SOURCE, which makes the header's
 * functions inline. URCU_API_MAP keeps the names that all flavours share.
 *
 * The pointer is loaded by the compiler in both, not by rcu_dereference(), which would be one more
 * call without _LGPL_SOURCE.
 *
 * call_rcu() is the same call in both, and measured with the second. Compiled with PEERS_DEFER the
 * subject is the library's other way, defer_rcu(), and nothing else.
 */
#include "plain.h"

#include PEERS_HEADER
#include <stddef.h>

#define LIBRARY "liburcu"
#define VERSION PEERS_VERSION
#define PROTECTS "everything"
#define REGISTERS
#define ONE_SECTION

/* The waiter's own thread goes offline in synchronize_rcu(). */
#define replace() ((void)unpublish(), synchronize_rcu())
#if PEERS_QSBR
#define NOTE                                                                                       \
    "readers do nothing but announce a quiescent state every 1024 reads; "                         \
    "wait: synchronize_rcu(); retire: call_rcu() with its default thread"
#define between(count)                                                                             \
    do {                                                                                           \
        if ((count) % READS_BETWEEN_QUIESCENT_STATES == 0)                                         \
            rcu_quiescent_state();                                                                 \
    } while (0)
#define asleep() rcu_thread_offline()
#elif PEERS_DEFER
#define NOTE "retire: defer_rcu(), which waits for a grace period when its queue is full"
#define ONLY_RETIRES
#else
#define NOTE "wait: synchronize_rcu(); retire: call_rcu() with its default thread"
#endif

struct guard {
    char nothing;
};

static void thread_begin(void)
{
    rcu_register_thread();
#if PEERS_DEFER
    rcu_defer_register_thread();
#endif
}

static void thread_end(void)
{
#if PEERS_DEFER
    rcu_defer_unregister_thread();
#endif
    rcu_unregister_thread();
}

SUBJECT_INLINE struct object *enter(struct guard *guard, const struct place *place, int number)
{
    (void)guard;
    (void)number;
    rcu_read_lock();
    return load(place);
}

SUBJECT_INLINE void leave(struct guard *guard)
{
    (void)guard;
    rcu_read_unlock();
}

#if PEERS_DEFER
SUBJECT_INLINE void retire_object(struct object *next)
{
    defer_rcu(retired_free, publish(next));
}
#define retire_next retire_object
#define drain() rcu_defer_barrier()
#elif defined(_LGPL_SOURCE)
struct node {
    struct object object;
    struct rcu_head head;
};

_Static_assert(sizeof(struct node) <= RETIRED_BYTES, "the library's part is in the object");

static void reclaim(struct rcu_head *head)
{
    retired_free((char *)head - offsetof(struct node, head));
}

SUBJECT_INLINE void retire_object(struct object *next)
{
    struct node *old = (struct node *)publish(next);

    call_rcu(&old->head, reclaim);
}
#define retire_next retire_object
#define drain() rcu_barrier()
#endif

#include "loops.h"
