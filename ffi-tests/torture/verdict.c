/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "verdict.h"
#include "disturbance.h"
#include "say.h"
#include "thread.h"

#include <hazptr.h>

static bool hazards_balance(const unsigned long *count)
{
    const unsigned long acquired = count[COUNT_ACQUIRED] + count[COUNT_ACQUIRED_IRQ];
    const unsigned long released =
        count[COUNT_RELEASED] + count[COUNT_RELEASED_IRQ] + count[COUNT_UNDEFERRED];

    if (acquired == released && count[COUNT_DEFERRED] == count[COUNT_UNDEFERRED])
        return true;
    say("!!! %lu acquired, %lu released; %lu handed on, %lu of them released", acquired, released,
        count[COUNT_DEFERRED], count[COUNT_UNDEFERRED]);
    return false;
}

static bool library_agrees(void)
{
    struct hazptr_statistics stats;

    hazptr_stats(&stats, sizeof(stats));
    if (stats.held == 0)
        return true;
    say("!!! %lu hazards are held at the end, says the library", stats.held);
    return false;
}

static bool elements_were_safe(const struct totals *totals)
{
    const unsigned long errors = totals_pipe_errors(totals);

    if (errors == 0 && totals->count[COUNT_SPOILT] == 0)
        return true;
    say("!!! %lu elements held that had been waited for, %lu with spoilt content", errors,
        totals->count[COUNT_SPOILT]);
    return false;
}

enum verdict verdict_reach(void)
{
    struct totals totals;
    struct onoff_counts onoff;
    bool passed;

    threads_sum(&totals);
    onoff_sum(&onoff);
    passed = elements_were_safe(&totals);
    passed &= hazards_balance(totals.count);
    passed &= library_agrees();
    if (!passed)
        return VERDICT_FAILURE;
    return onoff.failed > 0 ? VERDICT_HOTPLUG : VERDICT_SUCCESS;
}

const char *verdict_name(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_SUCCESS:
        return "SUCCESS";
    case VERDICT_HOTPLUG:
        return "HAZPTR_HOTPLUG";
    default:
        return "FAILURE";
    }
}
