/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A seccomp filter that kills cannot be probed. In mode fence the library issues neither membarrier
 * nor rseq, so that a program lives under a filter that kills for both; in mode rseq the same
 * filter kills it.
 *
 * libc issues rseq for each thread, so that a filter for this one comes when the threads are up.
 */
#include "child.h"
#include "filter.h"
#include "interface.h"
#include <sys/resource.h>

static void kill_for(long call)
{
    CHECK_EQ(filter_install(SECCOMP_FILTER_FLAG_TSYNC, (uint32_t)call, ANY_ARGUMENT,
                            SECCOMP_RET_KILL_PROCESS),
             0);
}

static void kill_for_both(void)
{
    kill_for(SYS_membarrier);
    kill_for(SYS_rseq);
}

/* The environment is read when a program starts. */
static void start_as(const char *what)
{
    execl("/proc/self/exe", what, what, (char *)NULL);
    _exit(127);
}

static void filter_when_threads_are_up(void)
{
    start_as("filtered later");
}

static void filter_from_the_start(void)
{
    kill_for(SYS_membarrier);
    start_as("filtered before");
}

/* The status of a program that is started in @mode, and under a filter as @start does it. */
static int status_of(const char *mode, void (*start)(void))
{
    const struct rlimit no_core = {0, 0};
    pid_t child = fork();

    if (child == 0) {
        CHECK_EQ(setrlimit(RLIMIT_CORE, &no_core), 0);
        CHECK_EQ(setenv("HAZPTR_MODE", mode, 1), 0);
        start();
    }
    return child_status(child);
}

static void lives(int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP)
        exit(EXIT_SKIP);
    CHECK_EQ(status, 0);
}

static void is_killed(int status)
{
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGSYS);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        use_the_interface(strcmp(argv[1], "filtered later") == 0 ? kill_for_both : NULL);
        return 0;
    }
    check_mode();
    lives(status_of("fence", filter_when_threads_are_up));
    lives(status_of("fence", filter_from_the_start));
    is_killed(status_of("rseq", filter_when_threads_are_up));
    is_killed(status_of("rseq", filter_from_the_start));
    return 0;
}
