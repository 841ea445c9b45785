/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One atomic count that all readers raise and lower: its cache line goes from CPU to CPU. */
#include "../object.h"
#include "reader.h"

static unsigned long count __attribute__((aligned(128)));

SCALE_INLINE void section(unsigned long loops, long delay)
{
    while (loops--) {
        __atomic_add_fetch(&count, 1, __ATOMIC_ACQUIRE);
        USE(__atomic_load_n(&shared.pointer, __ATOMIC_ACQUIRE)->field);
        if (delay)
            scale_delay(delay);
        __atomic_sub_fetch(&count, 1, __ATOMIC_RELEASE);
    }
}

SCALE_READER(scale_refcount, section, NULL, NULL);
