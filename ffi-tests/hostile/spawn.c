/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The ways to a child that are not fork(): _Fork, posix_spawn, and vfork followed by exec. While
 * threads acquire, swap lines and wait, each is gone a few hundred times; the parent, whose memory
 * two of them use, goes on as if nothing had been.
 */
#include "busy.h"
#include "child.h"
#include "interface.h"
#include "kept.h"
#include <hazptr/control.h>
#include <spawn.h>

#define ROUNDS 200
#define SELF "/proc/self/exe"

static struct kept kept;
static char *arguments[] = {(char *)"started", NULL};
extern char **environ;

/* The only thread of a child that libc has not prepared for more than this. */
static void use_it(void)
{
    void *pointer = &kept.object;
    struct hazptr_ctx ctx[BUSY_NEST];
    int i;

    hazptr_synchronize(&kept.object);
    for (i = 0; i < BUSY_NEST; i++)
        CHECK(hazptr_acquire(&ctx[i], &pointer) == &kept.object);
    CHECK_EQ(check_stats().held, BUSY_NEST);
    for (i = 0; i < BUSY_NEST; i++)
        hazptr_release(&ctx[i], &kept.object);
    hazptr_synchronize(&kept.object);
}

static pid_t by_raw_fork(void)
{
    pid_t child = _Fork();

    if (child == 0) {
        use_it();
        _exit(0);
    }
    return child;
}

static pid_t by_posix_spawn(void)
{
    pid_t child;

    CHECK_ERR(posix_spawn(&child, SELF, NULL, NULL, arguments, environ));
    return child;
}

static pid_t by_vfork(void)
{
    pid_t child = vfork();

    if (child == 0) {
        execve(SELF, arguments, environ);
        _exit(127);
    }
    return child;
}

static void parent_goes_on(void)
{
    CHECK_EQ(hazptr_control_block()->generation, 1);
    CHECK(!waiter_returned(&kept.waiter));
}

int main(int argc, char **argv)
{
    static pid_t (*const ways[])(void) = {by_raw_fork, by_posix_spawn, by_vfork};
    unsigned int round, way;

    check_mode();
    if (argc < 1 || strcmp(argv[0], arguments[0]) == 0) {
        use_the_interface(NULL);
        return 0;
    }
    kept_begin(&kept);
    busy_begin();
    for (way = 0; way < sizeof(ways) / sizeof(*ways); way++) {
        for (round = 0; round < ROUNDS; round++) {
            check_child(ways[way]());
            parent_goes_on();
        }
        busy_await_turns();
    }
    busy_end();
    CHECK_EQ(check_stats().held, 1);
    kept_end(&kept);
    return 0;
}
