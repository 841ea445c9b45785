/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A set of numbers, as an ordered list without locks (T. L. Harris, 2001; in the form that M. M.
 * Michael gave it for hazard pointers, 2002), for any number of threads. Removed nodes are retired, so
 * that nobody waits.
 *
 * Where these functions may be called: wherever hazptr_retire() may. Each of them tidies up what it
 * passes, a look-up too, and so can run callbacks of whatever else the program has retired: do not
 * call them while holding a lock that one of those takes.
 */
#ifndef SET_H
#define SET_H

#include <hazptr.h>
#include <stdbool.h>

struct set {
    struct set_node *_Atomic first;
    struct hazptr_cohort cohort; /* the removed nodes that are not freed yet */
};

/* A static set may be initialised by this, or be all zero. */
#define SET_INIT {NULL, HAZPTR_COHORT_INIT}

void set_init(struct set *set);

/* No thread is in any of these calls any more, nor comes. Frees what is left. Not in a callback. */
void set_destroy(struct set *set);

enum set_inserted { SET_INSERTED, SET_WAS_THERE, SET_NO_MEMORY };

enum set_inserted set_insert(struct set *set, uintptr_t key);

/* False if it was not there. */
bool set_remove(struct set *set, uintptr_t key);

bool set_contains(struct set *set, uintptr_t key);

#endif /* SET_H */
