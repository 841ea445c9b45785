/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What load.c calls of its plug-ins. */
#ifndef SOAK_PLUGIN_H
#define SOAK_PLUGIN_H

#include <hazptr.h>

/* Acquires and releases by code of the plug-in, or by the library's. */
void *plugin_acquire(struct hazptr_ctx *ctx, void *const *addr_p, size_t mask);
void plugin_release(struct hazptr_ctx *ctx);
/* Retires @count objects, whose callbacks are the plug-in's own code. */
void plugin_retire(unsigned int count);
/* Callbacks that have come. */
unsigned int plugin_called(void);
int plugin_wait(void);

#endif /* SOAK_PLUGIN_H */
