# SPDX-License-Identifier: MIT OR Apache-2.0
# The structures with one mistake each, which has to be found.
#
# structures_mutant(name structure COMPLAINT text old new [old new]...): the source of the structure
# with each `old`, which is there once, replaced by `new`; what is printed when the mistake is found
# contains the text. A mistake that makes a thread touch freed memory may show first in what comes of
# that, where memory came back soon; then either will do.

set(order "not linearizable")
set(touch "touched after it was freed")
set(either "${order}|${touch}|freed twice")

# --- operations that are not one step ------------------------------------------------------------

structures_mutant(load-and-store stack COMPLAINT "${either}"
  "popped = atomic_compare_exchange_strong_explicit(
            &stack->top, &expected, top->next, memory_order_relaxed, memory_order_relaxed);"
  "expected = top->next;
        popped = atomic_load_explicit(&stack->top, memory_order_relaxed) == top;
        if (popped)
            atomic_store_explicit(&stack->top, expected, memory_order_relaxed);")

structures_mutant(skip queue COMPLAINT "${either}"
  "dequeued = replace(&queue->first, first, next);"
  "struct queue_node *after = atomic_load_explicit(&next->next, memory_order_acquire);
        dequeued = replace(&queue->first, first, after ? after : next);")

structures_mutant(link-without-looking queue COMPLAINT "${either}"
  "linked = replace(&last->next, NULL, node);"
  "linked = !atomic_load_explicit(&last->next, memory_order_relaxed);
        if (linked)
            atomic_store_explicit(&last->next, node, memory_order_release);")

structures_mutant(no-mark set COMPLAINT "${either}"
  "removed = replace(&place.node->next, place.next, marked(place.next));
            if (removed && !unlink_node(set, &place)) {"
  "removed = unlink_node(set, &place);
            if (0) {")

structures_mutant(link-without-looking set COMPLAINT "${either}"
  "inserted = replace(place.link, place.node, node);"
  "inserted = true;
            atomic_store_explicit(place.link, node, memory_order_release);")

# --- accesses without a hazard, or with one that came too late -----------------------------------

# Here the address comes back as another node's.
structures_mutant(exchange-unprotected stack COMPLAINT "${either}"
  "        expected = top;"
  "        uintptr_t its_value = top->value;
        struct stack_node *its_next = top->next;
        hazptr_release(&ctx, top);
        expected = top;"
  "&stack->top, &expected, top->next," "&stack->top, &expected, its_next,"
  "*value = top->value;" "*value = its_value;")

structures_mutant(next-unprotected queue COMPLAINT "${either}"
  "        if (dequeued)
            *value = next->value;
        hazptr_release(&next_ctx, next);"
  "        hazptr_release(&next_ctx, next);
        if (dequeued)
            *value = next->value;")

structures_mutant(next-too-soon queue COMPLAINT "${either}"
  "dequeued = replace(&queue->first, first, next);
        if (dequeued)
            *value = next->value;"
  "*value = next->value;
        dequeued = replace(&queue->first, first, next);")

structures_mutant(mark-protected set COMPLAINT "${either}"
  "return hazptr_acquire_masked(ctx, (void *const *)link, MARK);"
  "return hazptr_acquire(ctx, (void *const *)link);")

structures_mutant(past-a-changed-link set COMPLAINT "${either}"
  "            if (!unlink_node(set, place))
                return false;"
  "            if (!unlink_node(set, place))
                hazptr_release(place->node_ctx, NULL);")

# --- reclamation that is wrong -------------------------------------------------------------------

structures_mutant(freed-at-once stack COMPLAINT "${either}"
  "hazptr_retire_in(&stack->cohort, &top->hazptr, top, free_node, 0);" "free_node(&top->hazptr);")
structures_mutant(freed-at-once queue COMPLAINT "${either}"
  "hazptr_retire_in(&queue->cohort, &first->hazptr, first, free_node, 0);"
  "free_node(&first->hazptr);")
structures_mutant(freed-at-once set COMPLAINT "${either}"
  "hazptr_retire_in(&set->cohort, &place->node->hazptr, place->node, free_node, 0);"
  "free_node(&place->node->hazptr);")

structures_mutant(retired-as-another stack COMPLAINT "${either}"
  "&top->hazptr, top, free_node, 0)" "&top->hazptr, &top->next, free_node, 0)")

# Nothing is reclaimed at once; so they do it themselves.
structures_mutant(retired-before-unlinked set COMPLAINT "${either}"
  "    if (!replace(place->link, place->node, place->next))
        return false;
    let_go(place->node_ctx);"
  "    let_go(place->node_ctx);"
  "place->node, free_node, 0);
    return true;"
  "place->node, free_node, 0);
    hazptr_reclaim_here();
    return replace(place->link, place->node, place->next);")
