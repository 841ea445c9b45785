/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writers: replace, wait, free. They hold nothing while they wait. */
#include "roles.h"

static void wait_and_free(struct thread *me, struct object *object)
{
    if (!object)
        return;
    CALL(me, hazptr_synchronize(object));
    count_one(me, SYNCHRONIZED);
    object_free(me, object);
}

void write_once(struct thread *me)
{
    struct object *first = cell_replace(me, cell_any(draw(me, CELLS)));
    struct object *second = NULL;

    /* Two at once: the second wait has been over for long, or not. */
    if (one_in(me, 4))
        second = cell_replace(me, cell_any(draw(me, CELLS)));
    wait_and_free(me, first);
    wait_and_free(me, second);
    if (one_in(me, 16))
        sched_yield();
}

const struct role writer = {.name = "writer", .phase = WORKING, .turn = write_once};
