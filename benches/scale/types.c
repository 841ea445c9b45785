/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See types.h. */
#include "types.h"

#include <string.h>

/* name, reader, what is measured, what it needs */
#define TYPES(TYPE)                                                                                \
    TYPE("load", load, "a plain load, no protection", "")                                          \
    TYPE("hazptr", hazptr, "hazptr_acquire() and hazptr_release() as calls", "")                   \
    TYPE("hazptr-inline", hazptr_inline, "the same, inlined", "")                                  \
    TYPE("refcount", refcount, "an atomic reference count, up and down", "")                       \
    TYPE("rwlock", rwlock, "pthread_rwlock_t, taken to read", "")                                  \
    TYPE("urcu-memb", urcu_memb, "liburcu memb, calls", "liburcu-dev")                             \
    TYPE("urcu-memb-inline", urcu_memb_inline, "the same, inlined", "liburcu-dev")                 \
    TYPE("urcu-mb", urcu_mb, "liburcu mb, calls", "liburcu-dev")                                   \
    TYPE("urcu-mb-inline", urcu_mb_inline, "the same, inlined", "liburcu-dev")                     \
    TYPE("urcu-bp", urcu_bp, "liburcu bp, calls", "liburcu-dev")                                   \
    TYPE("urcu-bp-inline", urcu_bp_inline, "the same, inlined", "liburcu-dev")                     \
    TYPE("urcu-qsbr", urcu_qsbr, "liburcu qsbr, calls", "liburcu-dev")                             \
    TYPE("urcu-qsbr-inline", urcu_qsbr_inline, "the same, inlined", "liburcu-dev")

/* Weak: whether a reader is there is the linker's to say. */
#define DECLARE(name, reader, what, needs)                                                         \
    extern const struct scale_reader scale_##reader __attribute__((weak));
#define LINE(name, reader, what, needs) {name, what, &scale_##reader, needs},

TYPES(DECLARE)

const struct scale_type scale_types[] = {TYPES(LINE)};
const int nr_scale_types = sizeof(scale_types) / sizeof(*scale_types);

int scale_type_index(const char *name)
{
    int i;

    for (i = 0; i < nr_scale_types; i++)
        if (strcmp(name, scale_types[i].name) == 0)
            return i;
    return -1;
}
