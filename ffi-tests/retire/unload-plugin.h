/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What unload.c calls of its plug-in. */
#ifndef UNLOAD_PLUGIN_H
#define UNLOAD_PLUGIN_H

#include <hazptr.h>

/* Retires @count objects, whose callbacks are the plug-in's own code. */
void plugin_retire(unsigned int count);
/* And one that is protected: gives its address. */
void *plugin_retire_held(struct hazptr_ctx *ctx);
int plugin_wait(uint64_t timeout_ns);
/* Callbacks that have not come yet. */
unsigned int plugin_pending(void);

#endif /* UNLOAD_PLUGIN_H */
