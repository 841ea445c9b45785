/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Hazards that are released by another thread than acquired them, perhaps after that has ended. */
#ifndef SOAK_HANDOVER_H
#define SOAK_HANDOVER_H

#include "object.h"

struct parcel {
    struct hazptr_ctx ctx;
    struct view view;
};

struct parcel *parcel_new(void);
/* Whoever comes by releases it. */
void parcel_post(struct thread *me, struct parcel *parcel);
void parcel_release(struct thread *me, struct parcel *parcel);
/* Releases one that lies there, if any does. */
void parcels_take(struct thread *me);
void parcels_take_all(struct thread *me);

#endif /* SOAK_HANDOVER_H */
