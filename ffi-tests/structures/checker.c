/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Exhaustive search (J. M. Wing and C. Gong, 1993): of the operations that are left, any may come next
 * that was called before the first of them returned, if it says what it said; then the rest. Which
 * ones are done and the state that they have led to say all about what can follow. So a pair of
 * these that has led nowhere is remembered, and not tried again (G. Lowe, 2017).
 */
#include "checker.h"

#include "../check.h"

#include <stdint.h>

/* A history of some twenty operations leads nowhere by some hundred ways, seldom by thousands. */
#define FAILURES (1u << 18)

struct failure {
    unsigned long history; /* in which this place was used last; others do not count */
    uint64_t done;
    struct state state;
};

static struct failure failures[FAILURES];
static unsigned long history;
static unsigned int failure_count;

static unsigned int hash(uint64_t done, const struct state *state)
{
    uint64_t hash = done * 0x9e3779b97f4a7c15u + state->count;
    int i;

    for (i = 0; i < MOST_ITEMS; i++)
        hash = (hash ^ state->items[i]) * 0x100000001b3u;
    return (unsigned int)(hash >> 32) % FAILURES;
}

/* Where it is, or where it is to be. */
static struct failure *lookup(uint64_t done, const struct state *state)
{
    unsigned int at = hash(done, state);

    while (failures[at].history == history &&
           (failures[at].done != done || memcmp(&failures[at].state, state, sizeof(*state)) != 0))
        at = (at + 1) % FAILURES;
    return &failures[at];
}

static void remember(uint64_t done, const struct state *state)
{
    struct failure *failure = lookup(done, state);

    CHECK(++failure_count < FAILURES / 2);
    failure->history = history;
    failure->done = done;
    failure->state = *state;
}

static bool search(specification *specification, const struct operation *operations, int count,
                   uint64_t done, const struct state *state)
{
    unsigned long first_return = (unsigned long)-1;
    int i;

    for (i = 0; i < count; i++)
        if (!(done >> i & 1) && operations[i].returned < first_return)
            first_return = operations[i].returned;
    if (first_return == (unsigned long)-1)
        return true;
    if (lookup(done, state)->history == history)
        return false;
    for (i = 0; i < count; i++) {
        struct state next = *state;

        if (!(done >> i & 1) && operations[i].invoked < first_return &&
            specification(&next, operations[i].kind, operations[i].argument) ==
                operations[i].result &&
            search(specification, operations, count, done | (uint64_t)1 << i, &next))
            return true;
    }
    remember(done, state);
    return false;
}

bool linearizable(specification *specification, const struct operation *operations, int count)
{
    struct state empty;

    CHECK(count <= MOST_OPERATIONS);
    memset(&empty, 0, sizeof(empty));
    history++;
    failure_count = 0;
    return search(specification, operations, count, 0, &empty);
}
