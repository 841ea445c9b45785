/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The one list of what is measured. */
#include "plan.h"

#include <stddef.h>
#include <string.h>

#define SHARED "bench-shared"
#define STATIC "bench-static"
#define INLINE "bench-inline"

enum {
    P_SHARED,
    P_STATIC,
    P_INLINE,
    P_MEMBARRIER,
    P_FENCE,
    P_NO_LINES,
    P_ASLEEP_1,
    P_ASLEEP_64,
    P_HELD_10,
    P_HELD_1000,
    P_HELD_10000,
    P_BLOCKED
};

const struct process processes[] = {
    {SHARED, "plain", NULL, NULL, NULL},
    {STATIC, "plain", NULL, NULL, NULL},
    {INLINE, "plain", NULL, NULL, NULL},
    {SHARED, "plain", "HAZPTR_MODE", "membarrier", "membarrier"},
    {SHARED, "plain", "HAZPTR_MODE", "fence", "fence"},
    {SHARED, "plain", "HAZPTR_MAX_LINES", "0", NULL},
    {SHARED, "asleep=1", NULL, NULL, NULL},
    {SHARED, "asleep=64", NULL, NULL, NULL},
    {SHARED, "held=10", NULL, NULL, NULL},
    {SHARED, "held=1000", NULL, NULL, NULL},
    {SHARED, "held=10000", NULL, NULL, NULL},
    {SHARED, "blocked=1000", NULL, NULL, NULL},
};
const int nr_processes = sizeof(processes) / sizeof(*processes);

/* clang-format off */
const struct row rows[] = {
    {"load", "plain load",
     READER, P_SHARED, "load", NULL, NOTHING, 0, 1, NULL},

    {"calls-so", "two empty calls, .so",
     READER, P_SHARED, "calls", NULL, NOTHING, 0, 1, NULL},
    {"pair-so", "pair, .so",
     READER, P_SHARED, "pair", "calls-so", TO_LOAD, 8, 1, NULL},
    {"calls-a", "two empty calls, .a",
     READER, P_STATIC, "calls", NULL, NOTHING, 0, 1, NULL},
    {"pair-a", "pair, .a",
     READER, P_STATIC, "pair", "calls-a", TO_LOAD, 7, 1, NULL},
    {"pair-inline", "pair, inlined",
     READER, P_INLINE, "pair", "load", TO_OTHER, 4, 1, NULL},
    /* Two threads may share a core: a load costs more, too. */
    {"load-2", "plain load, each of 2 threads",
     READER, P_SHARED, "load-beside-load", "load", NOTHING, 0, 2, NULL},
    {"pair-so-2", "pair, .so, each of 2 threads",
     READER, P_SHARED, "pair-beside-pair", "load-2", TO_OTHER, 8, 2, NULL},
    {"pair-a-2", "pair, .a, each of 2 threads",
     READER, P_STATIC, "pair-beside-pair", "load-2", TO_OTHER, 7, 2, NULL},
    {"nested2-so", "nested 2, .so, per pair",
     READER, P_SHARED, "nested2", "pair-so", NOTHING, 0, 1, NULL},
    {"nested4-so", "nested 4, .so, per pair",
     READER, P_SHARED, "nested4", "pair-so", TO_OTHER, 1.5, 1, NULL},
    {"nested2-a", "nested 2, .a, per pair",
     READER, P_STATIC, "nested2", "pair-a", NOTHING, 0, 1, NULL},
    {"nested4-a", "nested 4, .a, per pair",
     READER, P_STATIC, "nested4", "pair-a", TO_OTHER, 1.5, 1, NULL},

    {"nested2-inline", "nested 2, inlined, per pair",
     READER, P_INLINE, "nested2", "pair-inline", NOTHING, 0, 1, NULL},
    {"nested4-inline", "nested 4, inlined, per pair",
     READER, P_INLINE, "nested4", "pair-inline", TO_OTHER, 1.5, 1, NULL},

    {"held-so", "protect and reset, .so",
     READER, P_SHARED, "protect-reset", "load", NOTHING, 0, 1, NULL},
    {"held-inline", "protect and reset, inlined",
     READER, P_INLINE, "protect-reset", "load", TO_OTHER, 1.5, 1, NULL},
    {"protect-inline", "protect over protect, inlined",
     READER, P_INLINE, "protect-again", "load", NOTHING, 0, 1, NULL},
    {"hold-so", "hold and release, .so",
     READER, P_SHARED, "hold-release", "pair-so", TO_OTHER, 1, 1, NULL},
    {"hold-inline", "hold and release, inlined",
     READER, P_INLINE, "hold-release", "pair-inline", TO_OTHER, 1, 1, NULL},
    {"made-inline", "hold, protect, release, inlined",
     READER, P_INLINE, "hold-protect", "pair-inline", NOTHING, 0, 1, NULL},

    {"pair-membarrier", "pair, mode membarrier",
     READER, P_MEMBARRIER, "pair", "pair-so", NOTHING, 0, 1, NULL},
    {"pair-fence", "pair, mode fence",
     READER, P_FENCE, "pair", "pair-so", NOTHING, 0, 1, NULL},
    {"pair-no-lines", "pair, HAZPTR_MAX_LINES=0",
     READER, P_NO_LINES, "pair", "pair-so", NOTHING, 0, 1, NULL},
    {"pair-blocked", "pair, 1,000 threads blocked holding",
     READER, P_BLOCKED, "pair", "pair-so", TO_OTHER, 1.5, 1, "early parks"},

    {"raw-asleep-1", "raw membarrier, 1 sibling asleep",
     WAITER, P_ASLEEP_1, "membarrier", NULL, NOTHING, 0, 1, NULL},
    {"sync-asleep-1", "synchronize, 1 sibling asleep",
     WAITER, P_ASLEEP_1, "synchronize", "raw-asleep-1", TO_OTHER, 1.2, 1, NULL},
    {"raw-asleep-64", "raw membarrier, 64 siblings asleep",
     WAITER, P_ASLEEP_64, "membarrier", NULL, NOTHING, 0, 1, NULL},
    {"sync-asleep-64", "synchronize, 64 siblings asleep",
     WAITER, P_ASLEEP_64, "synchronize", "raw-asleep-64", TO_OTHER, 1.2, 1, NULL},
    {"raw-running", "raw membarrier, 1 sibling running",
     WAITER, P_ASLEEP_1, "membarrier-beside-load", NULL, NOTHING, 0, 2, NULL},
    {"sync-running", "synchronize, 1 sibling running",
     WAITER, P_ASLEEP_1, "synchronize-beside-load", "raw-running", TO_OTHER, 1.2, 2, NULL},

    {"sync-held-10", "synchronize, 10 hazards held",
     WAITER, P_HELD_10, "synchronize", "sync-asleep-1", NOTHING, 0, 1, NULL},
    {"sync-held-1000", "synchronize, 1,000 hazards held",
     WAITER, P_HELD_1000, "synchronize", "sync-asleep-1", NOTHING, 0, 1, NULL},
    {"sync-held-10000", "synchronize, 10,000 hazards held",
     WAITER, P_HELD_10000, "synchronize", "sync-asleep-1", NOTHING, 0, 1, NULL},

    {"raw-together", "raw membarrier, 8 threads together",
     WAITER, P_SHARED, "membarrier-together", NULL, NOTHING, 0, 1, NULL},
    {"sync-together", "synchronize, 8 threads together",
     WAITER, P_SHARED, "synchronize-together", "raw-together", NOTHING, 0, 1,
     "barriers run per call"},

    /* Objects that nobody allocates; their callbacks do nothing. */
    {"retire-so", "retire, .so",
     WAITER, P_SHARED, "retire", NULL, NOTHING, 0, 1, "objects a barrier"},
    {"retire-a", "retire, .a",
     WAITER, P_STATIC, "retire", NULL, NOTHING, 0, 1, "objects a barrier"},
    {"retire-held-1000", "retire, 1,000 hazards held",
     WAITER, P_HELD_1000, "retire", "retire-so", NOTHING, 0, 1, "objects a barrier"},
    {"retire-held-10000", "retire, 10,000 hazards held",
     WAITER, P_HELD_10000, "retire", "retire-so", NOTHING, 0, 1, "objects a barrier"},

    {"mutex-stack", "stack under a mutex",
     WAITER, P_SHARED, "mutex-stack", NULL, NOTHING, 0, 1, NULL},
    {"stack", "stack, a push and a pop",
     WAITER, P_SHARED, "stack", "mutex-stack", NOTHING, 0, 1, NULL},
    {"mutex-stack-2", "stack under a mutex, each of 2 threads",
     WAITER, P_SHARED, "mutex-stack-beside-it", NULL, NOTHING, 0, 2, NULL},
    {"stack-2", "stack, each of 2 threads",
     WAITER, P_SHARED, "stack-beside-stack", "mutex-stack-2", NOTHING, 0, 2, NULL},

    {"mutex-queue", "queue under a mutex",
     WAITER, P_SHARED, "mutex-queue", NULL, NOTHING, 0, 1, NULL},
    {"queue", "queue, an enqueue and a dequeue",
     WAITER, P_SHARED, "queue", "mutex-queue", NOTHING, 0, 1, NULL},
    {"mutex-queue-2", "queue under a mutex, each of 2 threads",
     WAITER, P_SHARED, "mutex-queue-beside-it", NULL, NOTHING, 0, 2, NULL},
    {"queue-2", "queue, each of 2 threads",
     WAITER, P_SHARED, "queue-beside-queue", "mutex-queue-2", NOTHING, 0, 2, NULL},

    {"mutex-set", "set under a mutex",
     WAITER, P_SHARED, "mutex-set", NULL, NOTHING, 0, 1, NULL},
    {"set", "set of 64, a look-up or change",
     WAITER, P_SHARED, "set", "mutex-set", NOTHING, 0, 1, NULL},
    {"mutex-set-2", "set under a mutex, each of 2 threads",
     WAITER, P_SHARED, "mutex-set-beside-it", NULL, NOTHING, 0, 2, NULL},
    {"set-2", "set, each of 2 threads",
     WAITER, P_SHARED, "set-beside-set", "mutex-set-2", NOTHING, 0, 2, NULL},
};
/* clang-format on */
const int nr_rows = sizeof(rows) / sizeof(*rows);

int row_index(const char *key)
{
    int i;

    for (i = 0; i < nr_rows; i++)
        if (strcmp(rows[i].key, key) == 0)
            return i;
    return -1;
}
