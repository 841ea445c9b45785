/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "shared.hpp"

/* Not inlined here, so that the copies stand in sections of their own. */
static int (*const typed_not_inlined)(int **) = typed_once<int>;
static int (*const untyped_not_inlined)(void **) = untyped_once;

int two()
{
    return typed_not_inlined(&typed) + untyped_not_inlined(&pointer);
}
