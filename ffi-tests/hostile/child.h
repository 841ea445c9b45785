/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What must not happen to the test's own process happens in a child, forked or started anew.
 */
#ifndef CHILD_H
#define CHILD_H

#include "check.h"
#include <sys/wait.h>

static inline int child_status(pid_t child)
{
    int status;

    CHECK(child > 0);
    while (waitpid(child, &status, 0) != child)
        CHECK_EQ(errno, EINTR);
    return status;
}

/* A child has ended well, or says why it cannot run here. */
static inline void check_child(pid_t child)
{
    int status = child_status(child);

    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP)
        exit(EXIT_SKIP);
    CHECK_EQ(status, 0);
}

static inline void in_a_child(void (*function)(void))
{
    pid_t child = fork();

    if (child == 0) {
        function();
        fflush(stdout);
        _exit(0);
    }
    check_child(child);
}

#endif /* CHILD_H */
