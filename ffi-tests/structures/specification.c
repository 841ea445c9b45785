/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "specification.h"

#include "../check.h"

static int put(struct state *state, int item)
{
    CHECK(state->count < MOST_ITEMS);
    state->items[state->count++] = (unsigned char)item;
    return 1;
}

int stack_specification(struct state *state, enum kind kind, int argument)
{
    int item;

    if (kind == PUT)
        return put(state, argument);
    if (state->count == 0)
        return EMPTY;
    item = state->items[--state->count];
    state->items[state->count] = 0;
    return item;
}

int queue_specification(struct state *state, enum kind kind, int argument)
{
    int item;

    if (kind == PUT)
        return put(state, argument);
    if (state->count == 0)
        return EMPTY;
    item = state->items[0];
    memmove(state->items, state->items + 1, --state->count);
    state->items[state->count] = 0;
    return item;
}

int set_specification(struct state *state, enum kind kind, int argument)
{
    int was_there;

    CHECK(argument >= 0 && argument < MOST_ITEMS);
    was_there = state->items[argument];
    if (kind == CONTAINS)
        return was_there;
    state->items[argument] = kind == INSERT;
    return kind == INSERT ? !was_there : was_there;
}
