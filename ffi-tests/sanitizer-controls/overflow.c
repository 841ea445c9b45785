/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A control for UndefinedBehaviorSanitizer: a reader's sum over the object that it protects
 * overflows; `mended`, it is computed in an unsigned type.
 */
#include "check.h"
#include <limits.h>

static struct account {
    int balance;
} account = {INT_MAX}, *published = &account;

int main(int argc, char **argv)
{
    struct hazptr_ctx ctx;
    struct account *seen;
    unsigned int sum;

    check_mode();
    CHECK_EQ(argc, 2);
    seen = HAZPTR_ACQUIRE(&ctx, &published);
    if (strcmp(argv[1], "mended") == 0)
        sum = (unsigned int)seen->balance + (unsigned int)seen->balance;
    else
        sum = (unsigned int)(seen->balance + seen->balance);
    hazptr_release(&ctx, seen);
    CHECK_EQ(sum, 2 * (unsigned int)INT_MAX);
    return 0;
}
