/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A control for memcheck: a context is released that no acquire has seen and nobody initialised;
 * `mended`, it is made by HAZPTR_CTX_INIT.
 */
#include "check.h"

int main(int argc, char **argv)
{
    static const struct hazptr_ctx fresh = HAZPTR_CTX_INIT;
    struct hazptr_ctx *ctx = (struct hazptr_ctx *)malloc(sizeof(*ctx));

    check_mode();
    CHECK(ctx);
    CHECK_EQ(argc, 2);
    if (strcmp(argv[1], "mended") == 0)
        *ctx = fresh;
    hazptr_release(ctx, NULL);
    free(ctx);
    return 0;
}
