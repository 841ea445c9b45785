/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Takes one CPU after the other for itself, so that threads stand still where they are. */
#include "disturbance.h"
#include "parameters.h"
#include "stop.h"
#include "thread.h"

#include <errno.h>
#include <sys/resource.h>

static struct thread preempt;
static atomic_ulong preemptions;

static int set_policy(int policy, int priority)
{
    const struct sched_param parameter = {.sched_priority = priority};

    return sched_setscheduler(0, policy, &parameter);
}

/* Tried out in the main thread, before others inherit from it. */
const char *preempt_means(int *error)
{
    *error = 0;
    if (set_policy(SCHED_FIFO, 1)) {
        *error = errno;
        return "nice";
    }
    set_policy(SCHED_OTHER, 0);
    return "fifo";
}

static void run(struct thread *me)
{
    int n = 0;

    /* As much of it as is permitted. */
    if (set_policy(SCHED_FIFO, 1))
        setpriority(PRIO_PROCESS, (id_t)me->cpus.tid, -20);
    while (!stop_wait(parameters.preempt_interval)) {
        do
            n = (n + 1) % cpus_count();
        while (!cpus_has(cpus_nth(n)));
        cpus_wish_one(&me->cpus, cpus_nth(n));
        spin_us(parameters.preempt_duration * 1000);
        count_one(&preemptions);
    }
}

void preempt_start(void)
{
    if (parameters.preempt_duration > 0)
        thread_start(&preempt, "preempt", 0, run);
}

void preempt_join(void)
{
    if (parameters.preempt_duration > 0)
        thread_join(&preempt);
}

unsigned long preempt_count(void)
{
    return count_read(&preemptions);
}
