/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A plug-in whose objects are reclaimed by callbacks, and in a cohort, of its own. See unload.c. */
#include "unload-plugin.h"
#include <stdlib.h>

struct object {
    struct hazptr_head head;
    int content;
};

static struct hazptr_cohort cohort = HAZPTR_COHORT_INIT;
static unsigned int pending;

static void free_object(struct hazptr_head *head)
{
    ((struct object *)head)->content = 0;
    free(head);
    __atomic_fetch_sub(&pending, 1, __ATOMIC_RELEASE);
}

static void retire(struct object *object)
{
    __atomic_fetch_add(&pending, 1, __ATOMIC_RELAXED);
    hazptr_retire_in(&cohort, &object->head, object, free_object, 0);
}

void plugin_retire(unsigned int count)
{
    struct object *object;

    for (; count; count--) {
        object = (struct object *)malloc(sizeof(*object));
        if (!object)
            abort();
        retire(object);
    }
}

void *plugin_retire_held(struct hazptr_ctx *ctx)
{
    void *object = malloc(sizeof(struct object));

    hazptr_acquire(ctx, &object);
    retire((struct object *)object);
    return object;
}

int plugin_wait(uint64_t timeout_ns)
{
    return hazptr_cohort_barrier(&cohort, timeout_ns);
}

unsigned int plugin_pending(void)
{
    return __atomic_load_n(&pending, __ATOMIC_ACQUIRE);
}
