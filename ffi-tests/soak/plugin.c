/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A plug-in that uses the library of its program; also built with HAZPTR_INLINE. See load.c. */
#include "plugin.h"
#include <stdlib.h>

struct object {
    struct hazptr_head head;
    unsigned long content;
};

static struct hazptr_cohort cohort = HAZPTR_COHORT_INIT;
static unsigned int called;

void *plugin_acquire(struct hazptr_ctx *ctx, void *const *addr_p, size_t mask)
{
    return hazptr_acquire_masked(ctx, addr_p, mask);
}

void plugin_release(struct hazptr_ctx *ctx)
{
    hazptr_release(ctx, NULL);
}

static void free_object(struct hazptr_head *head)
{
    ((struct object *)head)->content = 0;
    free(head);
    __atomic_fetch_add(&called, 1, __ATOMIC_RELAXED);
}

void plugin_retire(unsigned int count)
{
    struct object *object;

    for (; count > 0; count--) {
        object = malloc(sizeof(*object));
        if (!object)
            abort();
        object->content = count;
        hazptr_retire_in(&cohort, &object->head, object, free_object, 0);
    }
}

unsigned int plugin_called(void)
{
    return __atomic_load_n(&called, __ATOMIC_RELAXED);
}

int plugin_wait(void)
{
    return hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER);
}
