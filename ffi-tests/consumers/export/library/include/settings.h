/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <hazptr.h>

struct settings {
    int port;
};
/* Every reader finds the latest ones here. */
extern struct settings *volatile current_settings;

/* Puts others in place of the current settings, and frees these when nobody reads them any more. */
void settings_replace(const struct settings *settings);

static inline int settings_port(void)
{
    HAZPTR_SCOPED(settings, &current_settings);

    return settings ? settings->port : -1;
}

#endif /* SETTINGS_H */
