/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "verdict.h"
#include "disturbance.h"
#include "parameters.h"
#include "retire.h"
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

/* Every step of the pipe but the last one began with a retirement. */
static bool library_has_reclaimed_all(const struct pool_totals *pools)
{
    struct hazptr_statistics stats;
    unsigned long retired = 0;
    int step;

    if (parameters.type->busted)
        return true;
    for (step = 0; step < PIPE_STEPS - 1; step++)
        retired += pools->circulation[step];
    hazptr_stats(&stats, sizeof(stats));
    if (stats.retired == retired && stats.reclaimed == retired && stats.pending == 0)
        return true;
    say("!!! %lu retired; says the library: %lu retired, %lu reclaimed, %lu pending", retired,
        stats.retired, stats.reclaimed, stats.pending);
    return false;
}

static bool elements_are_back(const struct pool_totals *pools)
{
    const unsigned long out = pools->allocated - pools->freed - (unsigned long)pools->published;

    if (out == 0)
        return true;
    say("!!! %lu elements of %lu have not come back", out, pools->allocated);
    return false;
}

static bool callbacks_were_right(void)
{
    struct retire_counts counts;

    retire_sum(&counts);
    if (counts.in_worker > 0 && !parameters.retire_worker) {
        say("!!! %lu callbacks in a worker that was not to be", counts.in_worker);
        return false;
    }
    if (counts.stray == 0 && counts.barriers_early == 0)
        return true;
    say("!!! %lu callbacks for what was not retired; %lu of %lu barriers left something pending",
        counts.stray, counts.barriers_early, counts.barriers);
    return false;
}

static bool retirement_was_right(void)
{
    struct pool_totals pools;
    bool right;

    if (!parameters.type->retiring)
        return true;
    pools_sum(&pools);
    right = library_has_reclaimed_all(&pools);
    right &= elements_are_back(&pools);
    right &= callbacks_were_right();
    return right;
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
    passed &= retirement_was_right();
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
