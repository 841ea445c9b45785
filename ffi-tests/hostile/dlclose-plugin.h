/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What dlclose.c calls of its plug-in. */
#ifndef DLCLOSE_PLUGIN_H
#define DLCLOSE_PLUGIN_H

#include <hazptr.h>

/* Holds and releases dozens, waits; 0 if all is well. */
int plugin_use(void);
/* So that a hazard outlives the plug-in that acquired it. */
void plugin_hold(struct hazptr_ctx *ctx, void **addr_p);
void plugin_release(struct hazptr_ctx *ctx);

#endif /* DLCLOSE_PLUGIN_H */
