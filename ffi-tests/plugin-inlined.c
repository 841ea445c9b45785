/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A plug-in whose code has the readers' fast paths in it. */
#include <hazptr.h>

extern void *plugin_acquire(struct hazptr_ctx *ctx, void *const *addr_p);
extern void plugin_release(struct hazptr_ctx *ctx, const void *addr);

void *plugin_acquire(struct hazptr_ctx *ctx, void *const *addr_p)
{
    return hazptr_acquire(ctx, addr_p);
}

void plugin_release(struct hazptr_ctx *ctx, const void *addr)
{
    hazptr_release(ctx, addr);
}
