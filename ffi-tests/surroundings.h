/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a test may ask or fix about where it runs: which CPU's line its thread acquires in, and
 * whether everything is slow.
 */
#ifndef SURROUNDINGS_H
#define SURROUNDINGS_H

#include "check.h"

/* The CPUs that the calling thread may use. */
static inline cpu_set_t cpus_allowed(void)
{
    cpu_set_t set;

    CHECK_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
    return set;
}

static inline void bind_to_cpus(const cpu_set_t *set)
{
    CHECK_EQ(sched_setaffinity(0, sizeof(*set), set), 0);
}

static inline void bind_to_cpu(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    bind_to_cpus(&set);
}

/* To one of those allowed, whichever. */
static inline void bind_to_a_cpu(void)
{
    cpu_set_t allowed = cpus_allowed();
    int cpu = 0;

    while (!CPU_ISSET(cpu, &allowed))
        cpu++;
    bind_to_cpu(cpu);
}

static inline int under_valgrind(void)
{
    const char *preloaded = getenv("LD_PRELOAD");

    return preloaded && strstr(preloaded, "vgpreload");
}

#endif /* SURROUNDINGS_H */
