/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A node is removed in two steps: its next pointer is marked, which also keeps others from inserting
 * behind it or removing what follows; then it is unlinked, by whoever passes. What is true at all
 * times:
 *
 *   (1) A marked next pointer never changes again.
 *   (2) A node is unlinked only from an unmarked link, only when it is marked itself, and retired by
 *       whoever has unlinked it, afterwards.
 *   (3) So a node that was inserted and is not marked is in the list, and so is what follows it.
 *   (4) And what follows a marked node cannot be unlinked before that node is: the only link to it
 *       in the list is marked.
 *
 * Where a node's next pointer, or the set's first, is loaded unmarked, the node after it was in the
 * list at that instant (3) and not retired (2); acquired by that very load, it waits for us. Hence no
 * pointer has to be looked at twice.
 */
#include "set.h"

#include <stdatomic.h>
#include <stdlib.h>

#define MARK ((uintptr_t)1)

/* What leads to a node: set->first, which is never marked, or the next pointer of another node. */
typedef struct set_node *_Atomic set_link;

struct set_node {
    struct hazptr_head hazptr; /* first: free_node() relies on it */
    set_link next;
    uintptr_t key;
};

/* Where a key is, or would be. Everything here is held until leave(). */
struct place {
    set_link *link;        /* unmarked when it was loaded; it leads to node */
    struct set_node *node; /* the first one whose key is not less; NULL: none */
    struct set_node *next; /* what follows it */
    /* What protects the node that link is in, node, and next. These trade places as the search moves
     * on: a context must stay where it is. */
    struct hazptr_ctx *link_ctx, *node_ctx, *next_ctx;
    struct hazptr_ctx ctx[3];
};

static void free_node(struct hazptr_head *hazptr)
{
    free(hazptr);
}

static bool is_marked(const struct set_node *node)
{
    return (uintptr_t)node & MARK;
}

static struct set_node *marked(struct set_node *node)
{
    return (struct set_node *)((uintptr_t)node | MARK);
}

static struct set_node *unmarked(struct set_node *node)
{
    return (struct set_node *)((uintptr_t)node & ~MARK);
}

/* What @link says, mark and all; protected is the node without the mark, which is what is retired. */
static struct set_node *acquire(struct hazptr_ctx *ctx, const set_link *link)
{
    return hazptr_acquire_masked(ctx, (void *const *)link, MARK);
}

/* Release: who acquires the new pointer sees what is in its node. Acquire: what we know of that node
 * from others, they learn by way of us. */
static bool replace(set_link *link, struct set_node *old, struct set_node *new)
{
    return atomic_compare_exchange_strong_explicit(link, &old, new, memory_order_acq_rel,
                                                   memory_order_relaxed);
}

static void enter(struct place *place)
{
    int i;

    for (i = 0; i < 3; i++)
        place->ctx[i] = (struct hazptr_ctx)HAZPTR_CTX_INIT;
    place->link_ctx = &place->ctx[0];
    place->node_ctx = &place->ctx[1];
    place->next_ctx = &place->ctx[2];
}

/* Anew, so that it may be released again though nothing was acquired by it since. */
static void let_go(struct hazptr_ctx *ctx)
{
    hazptr_release(ctx, NULL);
    *ctx = (struct hazptr_ctx)HAZPTR_CTX_INIT;
}

static void leave(struct place *place)
{
    int i;

    for (i = 0; i < 3; i++)
        let_go(&place->ctx[i]);
}

/*
 * Takes out place->node, which is marked: nothing can have been inserted behind it since (1). False if
 * the link leads elsewhere by now, or has been marked.
 *
 * Only one can succeed, so that a node is retired once. No link in the list leads to it then; those of
 * nodes unlinked before are marked, and what is loaded from such a link is not looked at: see
 * search().
 */
static bool unlink_node(struct set *set, struct place *place)
{
    if (!replace(place->link, place->node, place->next))
        return false;
    let_go(place->node_ctx);
    hazptr_retire_in(&set->cohort, &place->node->hazptr, place->node, free_node, 0);
    return true;
}

/* place->node becomes the node after it, whose hazard is that of next. */
static void advance(struct place *place)
{
    struct hazptr_ctx *free_ctx = place->node_ctx;

    place->node = place->next;
    place->node_ctx = place->next_ctx;
    place->next_ctx = free_ctx;
}

/* One walk from the beginning. False if it came to a link that had changed. */
static bool search(struct set *set, uintptr_t key, struct place *place)
{
    struct hazptr_ctx *free_ctx;

    place->link = &set->first;
    place->node = acquire(place->node_ctx, place->link);
    for (;;) {
        if (!place->node) {
            place->next = NULL;
            return true;
        }
        /* Here node was loaded from an unmarked link, so it is protected: see above. */
        place->next = acquire(place->next_ctx, &place->node->next);
        if (is_marked(place->next)) {
            /*
             * Loaded from a marked pointer, next may have been retired before, and is not looked at
             * unless unlinking succeeds. Then the link had been unmarked and had led to node until
             * that instant, so node was in the list (3), and next could not be unlinked (4): it was
             * not retired when we acquired it, and is protected.
             */
            place->next = unmarked(place->next);
            if (!unlink_node(set, place))
                return false;
            advance(place);
        } else {
            if (place->node->key >= key)
                return true;
            let_go(place->link_ctx);
            free_ctx = place->link_ctx;
            place->link = &place->node->next;
            place->link_ctx = place->node_ctx;
            place->node_ctx = free_ctx;
            advance(place);
        }
    }
}

/* Whether the set has the key. If so, place->node was not marked when its next pointer was loaded; if
 * not, the link led past the key when it was loaded, or changed. */
static bool find(struct set *set, uintptr_t key, struct place *place)
{
    enter(place);
    while (!search(set, key, place))
        leave(place);
    return place->node && place->node->key == key;
}

void set_init(struct set *set)
{
    *set = (struct set)SET_INIT;
}

enum set_inserted set_insert(struct set *set, uintptr_t key)
{
    struct set_node *node = malloc(sizeof(*node));
    struct place place;
    bool found, inserted = false;

    if (!node)
        return SET_NO_MEMORY;
    node->key = key;
    do {
        found = find(set, key, &place);
        if (!found) {
            /*
             * If the link is still unmarked and leads to place.node, its own node is in the list (3)
             * and there is nothing in between: place.node is held, so that its address is not that of
             * another node now.
             */
            atomic_store_explicit(&node->next, place.node, memory_order_relaxed);
            inserted = replace(place.link, place.node, node);
        }
        leave(&place);
    } while (!found && !inserted);
    if (found)
        free(node); /* nobody has seen it */
    return found ? SET_WAS_THERE : SET_INSERTED;
}

bool set_remove(struct set *set, uintptr_t key)
{
    struct place place;
    bool found, removed = false;

    do {
        found = find(set, key, &place);
        if (found) {
            /* From here on the key is not in the set, if it was us who set the mark. */
            removed = replace(&place.node->next, place.next, marked(place.next));
            if (removed && !unlink_node(set, &place)) {
                /* Something has changed before it. A walk to here unlinks it, if nobody else has. */
                leave(&place);
                find(set, key, &place);
            }
        }
        leave(&place);
    } while (found && !removed);
    return removed;
}

bool set_contains(struct set *set, uintptr_t key)
{
    struct place place;
    bool found = find(set, key, &place);

    leave(&place);
    return found;
}

void set_destroy(struct set *set)
{
    struct set_node *node = atomic_load_explicit(&set->first, memory_order_relaxed), *next;

    /* In the list, marked or not: never retired (2), and nobody is there to hold them. */
    for (; node; node = next) {
        next = unmarked(atomic_load_explicit(&node->next, memory_order_relaxed));
        free(node);
    }
    /* What was unlinked: afterwards no callback of ours is running, and the cohort may go too. */
    hazptr_cohort_barrier(&set->cohort, HAZPTR_FOREVER);
}
