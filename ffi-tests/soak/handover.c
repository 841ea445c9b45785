/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "handover.h"

#define PLACES 8

static struct parcel *_Atomic places[PLACES];

struct parcel *parcel_new(void)
{
    struct parcel *parcel = calloc(1, sizeof(*parcel));

    CHECK(parcel);
    return parcel;
}

void parcel_release(struct thread *me, struct parcel *parcel)
{
    if (!parcel)
        return;
    view_check(&parcel->view, "by one thread after another");
    CALL(me, hazptr_release(&parcel->ctx, parcel->view.object));
    count_one(me, HANDED_ON);
    free(parcel);
}

void parcel_post(struct thread *me, struct parcel *parcel)
{
    CALL(me, hazptr_detach(&parcel->ctx));
    /* In a child there is nobody to take it. */
    if (!in_child)
        parcel = atomic_exchange(&places[draw(me, PLACES)], parcel);
    parcel_release(me, parcel);
}

void parcels_take(struct thread *me)
{
    parcel_release(me, atomic_exchange(&places[draw(me, PLACES)], NULL));
}

void parcels_take_all(struct thread *me)
{
    int i;

    for (i = 0; i < PLACES; i++)
        parcel_release(me, atomic_exchange(&places[i], NULL));
}
