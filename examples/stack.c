/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "stack.h"

#include <stdatomic.h>
#include <stdlib.h>

struct stack_node {
    struct hazptr_head hazptr; /* first: free_node() relies on it */
    struct stack_node *next;   /* set before the node is pushed, and never again */
    uintptr_t value;
};

static void free_node(struct hazptr_head *hazptr)
{
    free(hazptr);
}

void stack_init(struct stack *stack)
{
    *stack = (struct stack)STACK_INIT;
}

bool stack_push(struct stack *stack, uintptr_t value)
{
    struct stack_node *node = malloc(sizeof(*node));

    if (!node)
        return false;
    node->value = value;
    /* Relaxed: of the old top only its address is used here, and that is compared below. */
    node->next = atomic_load_explicit(&stack->top, memory_order_relaxed);
    /* Release: who acquires the node sees what is in it. If the top is another one by now, the call
     * has stored that in node->next. If it is the same address, but of another node, nothing is
     * wrong: it is the top, and goes below ours. */
    while (!atomic_compare_exchange_weak_explicit(&stack->top, &node->next, node,
                                                  memory_order_release, memory_order_relaxed))
        ;
    return true;
}

bool stack_pop(struct stack *stack, uintptr_t *value)
{
    struct hazptr_ctx ctx;
    struct stack_node *top, *expected;
    bool popped;

    do {
        /*
         * The node was the top when it was loaded, so nobody had popped it: whoever pops it retires
         * it only now, and waits for us.
         */
        top = HAZPTR_ACQUIRE(&ctx, &stack->top);
        if (!top)
            return false;
        /*
         * If the top is still at this address it is still this node, and has been all the time: as
         * long as we hold it, its memory does not come back as another node. So top->next is what
         * lies below it. (Without the hazard this is the famous ABA mistake.)
         *
         * Relaxed: between the push of the new top and this there were only atomic exchanges, which
         * pass that push's release on to those who acquire it from here.
         */
        expected = top;
        popped = atomic_compare_exchange_strong_explicit(
            &stack->top, &expected, top->next, memory_order_relaxed, memory_order_relaxed);
        if (popped)
            *value = top->value;
        hazptr_release(&ctx, top);
    } while (!popped);

    /* Only top->next pointers of nodes popped before may still lead here, and nobody follows those:
     * a pop acquires from stack->top alone. */
    hazptr_retire_in(&stack->cohort, &top->hazptr, top, free_node, 0);
    return true;
}

void stack_destroy(struct stack *stack)
{
    struct stack_node *node = atomic_load_explicit(&stack->top, memory_order_relaxed), *next;

    /* Never popped, and nobody is there to hold them. */
    for (; node; node = next) {
        next = node->next;
        free(node);
    }
    /* What was popped: afterwards no callback of ours is running, and the cohort may go too. */
    hazptr_cohort_barrier(&stack->cohort, HAZPTR_FOREVER);
}
