/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Scenes that run in a process of their own, with an environment of their own, and what these write to
 * standard error: the test's own program again, with the scene's name as its argument.
 */
#ifndef SPEAKER_H
#define SPEAKER_H

#include "check.h"
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct speaker {
    pid_t child;
    FILE *says;
    /* When it is closed, the child's standard input ends. */
    int held_up;
    char line[2048];
};

static inline void speak(struct speaker *speaker, const char *scene, const char *name,
                         const char *value)
{
    int ends[2], go_on[2];

    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    CHECK_EQ(pipe2(go_on, O_CLOEXEC), 0);
    speaker->child = fork();
    CHECK(speaker->child >= 0);
    if (speaker->child == 0) {
        /* A scene that hangs ends with its test. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (name)
            setenv(name, value, 1);
        dup2(go_on[0], 0);
        dup2(ends[1], 2);
        execl("/proc/self/exe", "speaker", scene, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    close(go_on[0]);
    speaker->held_up = go_on[1];
    speaker->says = fdopen(ends[0], "r");
    CHECK(speaker->says);
}

/* The next line, or NULL at the end. */
static inline const char *next(struct speaker *speaker)
{
    if (!fgets(speaker->line, sizeof(speaker->line), speaker->says))
        return NULL;
    speaker->line[strcspn(speaker->line, "\n")] = 0;
    return speaker->line;
}

static inline void says_no_more(struct speaker *speaker)
{
    const char *line;
    int status;

    if (speaker->held_up >= 0)
        close(speaker->held_up);
    line = next(speaker);
    if (line)
        check_failed(__FILE__, __LINE__, "silence", ": %s", line);
    fclose(speaker->says);
    CHECK_EQ(waitpid(speaker->child, &status, 0), speaker->child);
    CHECK_EQ(status, 0);
}

#endif /* SPEAKER_H */
