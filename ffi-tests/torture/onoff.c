/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Takes a CPU from the whole process, and gives it back, and so on with another one. */
#include "disturbance.h"
#include "parameters.h"
#include "say.h"
#include "stop.h"
#include "thread.h"

#include <errno.h>

static struct thread onoff;
static atomic_ulong taken, given, failed;

static bool attempt(bool (*change)(int), const char *verb, int cpu, atomic_ulong *counter)
{
    if (change(cpu)) {
        count_one(counter);
        return true;
    }
    /* Once is enough to read. */
    if (count_read(&failed) == 0)
        say("CPU %d cannot be %s: %s", cpu, verb, strerror(errno));
    count_one(&failed);
    return false;
}

static void run(struct thread *me)
{
    int cpu;

    if (stop_wait(parameters.onoff_holdoff * 1000))
        return;
    do {
        cpu = cpus_nth((int)random_below(&me->random, (uint32_t)cpus_count()));
        if (!attempt(cpus_take, "taken away", cpu, &taken))
            continue;
        stop_wait(parameters.onoff_interval * 1000);
        /* At the end of the run too. */
        attempt(cpus_give, "given back", cpu, &given);
    } while (!stop_wait(parameters.onoff_interval * 1000));
}

void onoff_start(void)
{
    if (parameters.onoff_interval > 0)
        thread_start(&onoff, "onoff", 0, run);
}

void onoff_join(void)
{
    if (parameters.onoff_interval > 0)
        thread_join(&onoff);
}

void onoff_sum(struct onoff_counts *counts)
{
    counts->taken = count_read(&taken);
    counts->given = count_read(&given);
    counts->failed = count_read(&failed);
}
