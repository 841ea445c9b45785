/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* No protection at all: the floor. */
#include "../object.h"
#include "reader.h"

SCALE_INLINE void section(unsigned long loops, long delay)
{
    while (loops--) {
        USE(__atomic_load_n(&shared.pointer, __ATOMIC_ACQUIRE)->field);
        if (delay)
            scale_delay(delay);
    }
}

SCALE_READER(scale_load, section, NULL, NULL);
