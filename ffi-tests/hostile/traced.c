/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The program that fence-is-silent.sh traces: linked with the library it calls each of its
 * functions, linked without it has the same threads and calls none.
 */
#define HAZPTR_WEAK
#include "interface.h"

static void *do_nothing(void *argument)
{
    return argument;
}

int main(void)
{
    if (!hazptr_acquire) {
        CHECK_ERR(pthread_join(check_thread(do_nothing, NULL), NULL));
        return 0;
    }
    check_mode();
    use_the_interface(NULL);
    return 0;
}
