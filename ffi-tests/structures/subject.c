/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "subject.h"

#include "../../examples/queue.h"
#include "../../examples/set.h"
#include "../../examples/stack.h"
#include "../check.h"

static void *allocate(size_t size)
{
    void *structure = malloc(size);

    CHECK(structure);
    return structure;
}

static void *create_stack(void)
{
    struct stack *stack = allocate(sizeof(*stack));

    stack_init(stack);
    return stack;
}

static void destroy_stack(void *stack)
{
    stack_destroy(stack);
    free(stack);
}

static int apply_to_stack(void *stack, enum kind kind, int argument)
{
    uintptr_t value;

    if (kind == PUT)
        return stack_push(stack, (uintptr_t)argument);
    return stack_pop(stack, &value) ? (int)value : EMPTY;
}

static void *create_queue(void)
{
    struct queue *queue = allocate(sizeof(*queue));

    CHECK(queue_init(queue));
    return queue;
}

static void destroy_queue(void *queue)
{
    queue_destroy(queue);
    free(queue);
}

static int apply_to_queue(void *queue, enum kind kind, int argument)
{
    uintptr_t value;

    if (kind == PUT)
        return queue_enqueue(queue, (uintptr_t)argument);
    return queue_dequeue(queue, &value) ? (int)value : EMPTY;
}

static void *create_set(void)
{
    struct set *set = allocate(sizeof(*set));

    set_init(set);
    return set;
}

static void destroy_set(void *set)
{
    set_destroy(set);
    free(set);
}

static int apply_to_set(void *set, enum kind kind, int argument)
{
    enum set_inserted inserted;

    if (kind == REMOVE)
        return set_remove(set, (uintptr_t)argument);
    if (kind == CONTAINS)
        return set_contains(set, (uintptr_t)argument);
    inserted = set_insert(set, (uintptr_t)argument);
    CHECK(inserted != SET_NO_MEMORY);
    return inserted == SET_INSERTED;
}

const struct subject subjects[SUBJECTS] = {
    {"stack", create_stack, destroy_stack, apply_to_stack, stack_specification, PUT, TAKE},
    {"queue", create_queue, destroy_queue, apply_to_queue, queue_specification, PUT, TAKE},
    {"set", create_set, destroy_set, apply_to_set, set_specification, INSERT, CONTAINS},
};

const struct subject *subject_named(const char *name)
{
    int i;

    for (i = 0; i < SUBJECTS; i++)
        if (strcmp(subjects[i].name, name) == 0)
            return &subjects[i];
    check_failed(__FILE__, __LINE__, "known structure", ": %s", name);
}
