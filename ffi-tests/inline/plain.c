/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Inlined readers in C: nested, of NULL, and with a name that is still a function's. */
#include "debuggers.h"
#include <hazptr.h>
#ifndef HAZPTR_INLINED
#error "the fast paths are not inlined here"
#endif

#define NEST 5

static int object = 1;
static void *pointer = &object, *null;

int main(void)
{
    void *(*function)(struct hazptr_ctx *, void *const *) = hazptr_acquire;
    const int rounds = 100000;
    struct hazptr_ctx ctx[NEST];
    struct hazptr_statistics stats;
    int i, n;

    for (i = 0; i < rounds; i++) {
        for (n = 0; n < NEST; n++)
            if (hazptr_acquire(&ctx[n], &pointer) != &object)
                return 1;
        if (hazptr_stats(&stats, i % 1000 ? 8 : sizeof(stats)) || (i % 1000 == 0 && stats.held != NEST))
            return 2;
        for (n = 0; n < NEST; n++)
            hazptr_release(&ctx[n], &object);
        if (hazptr_acquire(&ctx[0], &null))
            return 3;
        hazptr_release(&ctx[0], NULL);
    }
    if (function(&ctx[0], &pointer) != &object)
        return 4;
    hazptr_release(&ctx[0], &object);
    /* Once more does nothing. */
    hazptr_release(&ctx[0], &object);
    hazptr_synchronize(&object);
    if (!debuggers_are_told())
        return 6;
    return hazptr_stats(&stats, sizeof(stats)) || stats.held ? 5 : 0;
}
