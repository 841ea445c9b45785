/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program that links with two libraries in Rust, each made without knowing of the other. */
#include <hazptr.h>
#include <stdio.h>

size_t digits_up_to(unsigned int n);

int main(void)
{
    static int object = 8080;
    int *pointer = &object;
    struct hazptr_ctx ctx;

    if (HAZPTR_ACQUIRE(&ctx, &pointer) != &object || digits_up_to(11) != 12)
        return 1;
    hazptr_release(&ctx, &object);
    hazptr_synchronize(&object);
    printf("port %d\n", object);
    return 0;
}
