/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a function says on standard error. */
#ifndef SAID_H
#define SAID_H

#include "check.h"

/* Of this process alone: nothing else may write there meanwhile. */
static inline const char *said_by(void (*function)(void))
{
    static char text[4096];
    int pipe_ends[2], before = dup(STDERR_FILENO);
    ssize_t length;

    CHECK_EQ(pipe(pipe_ends), 0);
    CHECK_EQ(dup2(pipe_ends[1], STDERR_FILENO), STDERR_FILENO);
    close(pipe_ends[1]);
    function();
    dup2(before, STDERR_FILENO);
    close(before);
    length = read(pipe_ends[0], text, sizeof(text) - 1);
    close(pipe_ends[0]);
    text[length > 0 ? length : 0] = 0;
    return text;
}

#endif /* SAID_H */
