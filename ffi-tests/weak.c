/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * HAZPTR_WEAK: one object file makes a program without the library, which starts and sees that
 * nothing is there, and a program with it, which works.
 */
#define HAZPTR_WEAK
#include "check.h"

static int object;
static void *pointer = &object;

static void check_absent(void)
{
    CHECK(!hazptr_acquire);
    CHECK(!hazptr_release);
    CHECK(!hazptr_detach);
    CHECK(!hazptr_note_context_switch);
    CHECK(!hazptr_synchronize);
    CHECK(!hazptr_init);
    CHECK(!hazptr_version);
    CHECK(!hazptr_mode);
    CHECK(!hazptr_stats);
}

static void check_present(void)
{
    struct hazptr_ctx ctx;

    CHECK(hazptr_acquire);
    check_mode();
    CHECK(HAZPTR_ACQUIRE(&ctx, &pointer) == &object);
    CHECK_EQ(check_stats().held, 1);
    hazptr_release(&ctx, &object);
    hazptr_synchronize(&object);
    CHECK_EQ(hazptr_version(), HAZPTR_VERSION);
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    if (strcmp(argv[1], "without") == 0)
        check_absent();
    else
        check_present();
    return 0;
}
