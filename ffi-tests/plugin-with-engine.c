/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A plug-in whose functions are those of the static library. See plugin.c. */
#include <hazptr.h>

extern const char plugin_name[];
const char plugin_name[] = "engine";
