/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See child.h; the lines that go to and fro are described in worker.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void fatal(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* The executable @name in the directory that this one lies in. */
static void beside_us(char path[PATH_MAX], const char *name)
{
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
    char *slash;

    if (length < 0)
        fatal("/proc/self/exe");
    path[length] = '\0';
    slash = strrchr(path, '/');
    if (!slash || (size_t)(slash - path) + strlen(name) + 2 > PATH_MAX) {
        errno = ENAMETOOLONG;
        fatal(path);
    }
    strcpy(slash + 1, name);
}

/* In the new process. */
static void become(const struct process *process, const char *path, int in, int out, int cpu,
                   int sibling_cpu)
{
    char own[16], other[16];

    snprintf(own, sizeof(own), "%d", cpu);
    snprintf(other, sizeof(other), "%d", sibling_cpu);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    /* The rows say which environment they are for. */
    unsetenv("HAZPTR_MODE");
    unsetenv("HAZPTR_MAX_LINES");
    if (process->variable)
        setenv(process->variable, process->value, 1);
    execl(path, process->program, process->situation, own, other, (char *)NULL);
    fprintf(stderr, "bench: %s: %s\n", path, strerror(errno));
    _exit(127);
}

/* One line of the worker's, without its end; 0 if there is none. */
static int read_line(struct child *child, char *line, int size)
{
    if (!fgets(line, size, child->from))
        return 0;
    line[strcspn(line, "\n")] = '\0';
    return 1;
}

/* What a worker says instead of figures. */
static void copy_reason(char reason[160], const char *line)
{
    snprintf(reason, 160, "%s", strncmp(line, "skip ", 5) == 0 ? line + 5 : line);
}

static void greet(struct child *child, const struct process *process)
{
    char line[160];

    if (!read_line(child, line, sizeof(line)))
        copy_reason(child->reason, "the process ended");
    else if (sscanf(line, "ready %15s %15s", child->mode, child->version) != 2)
        copy_reason(child->reason, line);
    else if (process->mode && strcmp(child->mode, process->mode) != 0)
        snprintf(child->reason, sizeof(child->reason), "mode %s is not to be had here",
                 process->mode);
}

void child_start(struct child *child, const struct process *process, int cpu, int sibling_cpu)
{
    char path[PATH_MAX];
    int to[2], from[2];

    memset(child, 0, sizeof(*child));
    beside_us(path, process->program);
    if (access(path, X_OK) != 0)
        fatal(path);
    /* Closed on exec: a worker that kept another's pipe open would outlive us with it. */
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
        fatal("pipe2");
    child->pid = fork();
    if (child->pid < 0)
        fatal("fork");
    if (child->pid == 0)
        become(process, path, to[0], from[1], cpu, sibling_cpu);
    close(to[0]);
    close(from[1]);
    child->to = fdopen(to[1], "w");
    child->from = fdopen(from[0], "r");
    if (!child->to || !child->from)
        fatal("fdopen");
    greet(child, process);
}

enum outcome child_ask(struct child *child, const char *request, double milliseconds,
                       struct answer *answer)
{
    char line[160];

    if (child->reason[0]) {
        copy_reason(answer->reason, child->reason);
        return SKIPPED;
    }
    fprintf(child->to, "%s %g\n", request, milliseconds);
    if (fflush(child->to) != 0 || !read_line(child, line, sizeof(line)))
        return GONE;
    if (sscanf(line, "%lf %lf", &answer->ns, &answer->counter) == 2)
        return ANSWERED;
    copy_reason(answer->reason, line);
    return SKIPPED;
}

void child_end(struct child *child)
{
    if (!child->pid)
        return;
    kill(child->pid, SIGTERM);
    fclose(child->to);
    fclose(child->from);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    child->pid = 0;
}
