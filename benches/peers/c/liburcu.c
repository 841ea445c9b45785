/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * liburcu; compiled for each of its flavours (PEERS_HEADER; PEERS_QSBR is 1 for the one that wants
 * to be told when a thread holds nothing), by calls and with _LGPL_SOURCE, which makes the header's
 * functions inline. URCU_API_MAP keeps the names that all flavours share.
 *
 * The pointer is loaded by the compiler in both, not by rcu_dereference(), which would be one more
 * call without _LGPL_SOURCE.
 */
#include "plain.h"

#include PEERS_HEADER

#define LIBRARY "liburcu"
#define VERSION PEERS_VERSION
#define PROTECTS "everything"
#define REGISTERS
#define ONE_SECTION

/* The waiter's own thread goes offline in synchronize_rcu(). */
#define replace() ((void)unpublish(), synchronize_rcu())
#if PEERS_QSBR
#define NOTE                                                                                       \
    "readers do nothing but announce a quiescent state every 1024 reads; wait: synchronize_rcu()"
#define between(count)                                                                             \
    do {                                                                                           \
        if ((count) % READS_BETWEEN_QUIESCENT_STATES == 0)                                         \
            rcu_quiescent_state();                                                                 \
    } while (0)
#define asleep() rcu_thread_offline()
#else
#define NOTE "wait: synchronize_rcu()"
#endif

struct guard {
    char nothing;
};

static void thread_begin(void)
{
    rcu_register_thread();
}

static void thread_end(void)
{
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

#include "loops.h"
