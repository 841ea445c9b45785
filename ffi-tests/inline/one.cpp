/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Inlined readers in inline functions and templates that two.cpp has too: the linker drops one copy
 * of each, and whatever the sequences put into other sections must go with it.
 */
#include "debuggers.h"
#include "shared.hpp"

static int object = 1;
void *pointer = &object;
int *typed = &object;

int main()
{
    const int rounds = 100000;
    struct hazptr_statistics stats;
    int sum = 0;

    for (int i = 0; i < rounds; i++)
        sum += untyped_once(&pointer) + typed_once(&typed);
    sum += two();
    hazptr_synchronize(&object);
    if (hazptr_stats(&stats, sizeof(stats)) || stats.held)
        return 2;
    if (!debuggers_are_told())
        return 4;
    /* Out of line now and then, for a first line or when moved: but not as a rule. */
    if (hazptr_mode() == HAZPTR_MODE_RSEQ && stats.acquire_slow > rounds / 100)
        return 3;
    return sum == 2 * rounds + 2 ? 0 : 1;
}
