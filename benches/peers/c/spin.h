/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * How those wait that have to poll: spin as long as a read takes, then let others run.
 */
#ifndef SPIN_H
#define SPIN_H

#include <sched.h>

static inline void spin(unsigned int *tries)
{
    if (++*tries % 64)
        __builtin_ia32_pause();
    else
        sched_yield();
}

#endif /* SPIN_H */
