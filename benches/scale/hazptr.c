/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* hazptr, by its functions in the shared library or inlined; the context on the stack. */
#include "../object.h"
#include "reader.h"

#include <hazptr.h>

SCALE_INLINE void section(unsigned long loops, long delay)
{
    while (loops--) {
        struct hazptr_ctx ctx;
        struct object *o = HAZPTR_ACQUIRE(&ctx, &shared.pointer);

        USE(o->field);
        if (delay)
            scale_delay(delay);
        hazptr_release(&ctx, o);
    }
}

SCALE_READER(scale_hazptr, section, NULL, NULL);
