/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A stack without locks (R. K. Treiber, 1986) for any number of threads. Popped nodes are retired, so
 * that nobody waits.
 *
 * Where these functions may be called: wherever hazptr_retire() may. A pop can run callbacks of
 * whatever else the program has retired: do not pop while holding a lock that one of those takes.
 */
#ifndef STACK_H
#define STACK_H

#include <hazptr.h>
#include <stdbool.h>

struct stack {
    struct stack_node *_Atomic top;
    struct hazptr_cohort cohort; /* the popped nodes that are not freed yet */
};

/* A static stack may be initialised by this, or be all zero. */
#define STACK_INIT {NULL, HAZPTR_COHORT_INIT}

void stack_init(struct stack *stack);

/* No thread is in any of these calls any more, nor comes. Frees what is left. Not in a callback. */
void stack_destroy(struct stack *stack);

/* False if there is no memory. */
bool stack_push(struct stack *stack, uintptr_t value);

/* False if the stack is empty. */
bool stack_pop(struct stack *stack, uintptr_t *value);

#endif /* STACK_H */
