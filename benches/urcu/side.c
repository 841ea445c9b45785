/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A source for liburcu. SIDE is its name; CMakeLists.txt says whose <urcu.h> it is, and whether inlined. */
#include <urcu.h>

#include "side.h"

#define TEXT_(word) #word
#define TEXT(word) TEXT_(word)

static void begin_thread(void)
{
    rcu_register_thread();
}

static void end_thread(void)
{
    rcu_unregister_thread();
}

static void read_sections(unsigned long count)
{
    for (; count; count--) {
        rcu_read_lock();
        __asm__ __volatile__("" ::: "memory");
        rcu_read_unlock();
    }
}

static void nest(unsigned long count)
{
    for (; count; count--) {
        rcu_read_lock();
        rcu_read_lock();
        __asm__ __volatile__("" ::: "memory");
        rcu_read_unlock();
        rcu_read_unlock();
    }
}

static void synchronize(void)
{
    synchronize_rcu();
}

static void call(void *head, void (*func)(void *head))
{
    /* A pointer is a pointer, in this calling convention. */
    call_rcu((struct rcu_head *)head, (void (*)(struct rcu_head *))(void (*)(void))func);
}

static void barrier(void)
{
    rcu_barrier();
}

const struct side SIDE = {TEXT(SIDE), begin_thread, end_thread, read_sections, nest,
                          synchronize, call, barrier};
