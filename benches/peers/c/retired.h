/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The objects of the measure `retire`: from malloc(), all of one size, and counted as they end.
 */
#ifndef RETIRED_H
#define RETIRED_H

#include "place.h"
#include "subject.h"

#include <stdlib.h>

#define RETIRED_BYTES 64

#ifdef __cplusplus
extern "C" {
#endif

/* Whether that is the measure: where a library is set up otherwise for the others. */
extern int retiring;

/* How many objects a thread has ended; each on a cache line of its own. */
struct tally {
    unsigned long ended __attribute__((aligned(128)));
    struct tally *next;
};

extern __thread struct tally *own_tally;

/* Makes that of the calling thread. */
struct tally *tally_begin(void);

#ifdef __cplusplus
}
#endif

SUBJECT_INLINE void *retired_alloc(void)
{
    void *memory = malloc(RETIRED_BYTES);

    if (!memory)
        abort();
    return memory;
}

/* Nobody but this thread writes its tally; the retiring thread reads it. */
SUBJECT_INLINE void retired_free(void *object)
{
    struct tally *tally = own_tally ? own_tally : tally_begin();

    __atomic_store_n(&tally->ended, tally->ended + 1, __ATOMIC_RELAXED);
    free(object);
}

#endif /* RETIRED_H */
