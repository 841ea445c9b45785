/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Holds in each way there is, and stops: what test.sh looks at through gdb. Its argument: HAZPTR_MAX_LINES
 * is 0, so that the hazards are in the contexts.
 */
#include <hazptr.h>
#include <stdlib.h>

#define MANY 1000

long held, twice, kept, free_again, nobody;
struct hazptr_ctx near_slot, first, second, keeper, done, untouched = HAZPTR_CTX_INIT;

/* More than the lines of the first chunk have room for. */
long many[MANY];
struct hazptr_ctx contexts[MANY];

static void hold(struct hazptr_ctx *ctx, long *object)
{
    void *pointer = object;

    if (hazptr_acquire(ctx, &pointer) != object)
        exit(1);
}

int main(void)
{
    unsigned int i;

    hold(&near_slot, &held);
    hold(&first, &twice);
    hold(&second, &twice);
    hazptr_hold(&keeper);
    hold(&done, &free_again);
    hazptr_release(&done, &free_again);
    for (i = 0; i < MANY; i++)
        hold(&contexts[i], &many[i]);
    abort();
}
