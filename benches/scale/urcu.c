/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * liburcu. Its flavours define the same names, so that this file is compiled once for each:
 *   SCALE_URCU        the reader to define
 *   SCALE_URCU_HEADER the flavour's header
 *   SCALE_URCU_QSBR   1 for the flavour that asks threads to say when they hold nothing
 *   URCU_API_MAP      that the header keeps the names that all flavours share
 * and once more each with _LGPL_SOURCE, which makes the header's functions inline.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../object.h"
#include "reader.h"

#include SCALE_URCU_HEADER

/* As often as the library's own users do it: seldom enough not to be what is measured. */
#define LOOPS_BETWEEN_QUIESCENT_STATES 1024

SCALE_INLINE void section(unsigned long loops, long delay)
{
    while (loops--) {
        rcu_read_lock();
        USE(__atomic_load_n(&shared.pointer, __ATOMIC_ACQUIRE)->field);
        if (delay)
            scale_delay(delay);
        rcu_read_unlock();
        if (SCALE_URCU_QSBR && loops % LOOPS_BETWEEN_QUIESCENT_STATES == 0)
            rcu_quiescent_state();
    }
}

static void begin(void)
{
    rcu_register_thread();
}

static void end(void)
{
    rcu_unregister_thread();
}

/* By way of one more macro, so that the name is expanded before it is pasted. */
#define DEFINE(reader) SCALE_READER(reader, section, begin, end)
DEFINE(SCALE_URCU);
