/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A plug-in that links the shared library. See dlclose.c. */
#include "dlclose-plugin.h"

#define NESTED 40

int plugin_use(void)
{
    static struct hazptr_ctx contexts[NESTED];
    static int object;
    void *pointer = &object;
    int i;

    for (i = 0; i < NESTED; i++)
        if (hazptr_acquire(&contexts[i], &pointer) != &object)
            return -1;
    while (i-- > 0)
        hazptr_release(&contexts[i], &object);
    hazptr_synchronize(&object);
    return 0;
}

void plugin_hold(struct hazptr_ctx *ctx, void **addr_p)
{
    hazptr_acquire(ctx, addr_p);
}

void plugin_release(struct hazptr_ctx *ctx)
{
    hazptr_release(ctx, NULL);
}
