/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Cases that each need a process of their own (a seccomp filter is for life, an abort too): the
 * test's program again, with the name of the case.
 */
#ifndef CASES_H
#define CASES_H

#include "check.h"
#include <sys/wait.h>

#define CASES(array) (sizeof(array) / sizeof(*(array)))

struct test_case {
    const char *name;
    void (*run)(void);
    int only_in_mode_rseq;
    /* Ends by the library's message and SIGABRT. */
    int aborts;
};

static inline void cases_check_message(const char *text)
{
    CHECK(strstr(text, "hazptr: "));
    CHECK(strstr(text, "membarrier"));
    CHECK(strstr(text, "HAZPTR_MODE=fence"));
}

/* Runs a case once. Returns its status, and what it says on standard error. */
static inline int cases_run_once(const struct test_case *test_case, char *text, size_t room)
{
    int pipes[2], status;
    size_t used = 0;
    ssize_t got;
    pid_t pid;

    CHECK_EQ(pipe(pipes), 0);
    pid = fork();
    CHECK(pid >= 0);
    if (!pid) {
        dup2(pipes[1], STDERR_FILENO);
        close(pipes[0]);
        close(pipes[1]);
        execl("/proc/self/exe", test_case->name, test_case->name, (char *)NULL);
        _exit(127);
    }
    close(pipes[1]);
    while ((got = read(pipes[0], text + used, room - 1 - used)) > 0)
        used += (size_t)got;
    text[used] = 0;
    close(pipes[0]);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return status;
}

/* Returns 0, or EXIT_SKIP. */
static inline int cases_run_one(const struct test_case *test_case)
{
    char text[4096];
    int status = cases_run_once(test_case, text, sizeof(text));

    if (test_case->aborts) {
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        cases_check_message(text);
        return 0;
    }
    fputs(text, stderr);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP)
        return EXIT_SKIP;
    if (status)
        check_failed(__FILE__, __LINE__, test_case->name, ": status %#x", (unsigned int)status);
    return 0;
}

/* For main(): all cases, or the one that was named. Returns 0, or EXIT_SKIP. */
static inline int run_cases(const struct test_case *cases, size_t count, int argc, char **argv)
{
    size_t i;

    check_mode();
    for (i = 0; i < count; i++) {
        if (cases[i].only_in_mode_rseq && hazptr_mode() != HAZPTR_MODE_RSEQ)
            continue;
        if (argc == 1 && cases_run_one(&cases[i]) == EXIT_SKIP)
            return EXIT_SKIP;
        if (argc > 1 && strcmp(argv[1], cases[i].name) == 0)
            cases[i].run();
    }
    return 0;
}

#endif /* CASES_H */
