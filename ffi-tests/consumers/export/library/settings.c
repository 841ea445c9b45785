/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <settings.h>
#include <stdlib.h>

struct settings *volatile current_settings;

void settings_replace(const struct settings *settings)
{
    struct settings *copy = malloc(sizeof(*copy)), *old;

    if (!copy)
        abort();
    *copy = *settings;
    old = __atomic_exchange_n(&current_settings, copy, __ATOMIC_ACQ_REL);
    hazptr_synchronize(old);
    free(old);
}
