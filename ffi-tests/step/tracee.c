/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * See tracee.h.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tracee.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long another thread may take for what nothing should block. Only ever waited for in full by
 * a test that fails. */
#define HELPER_PATIENCE_MS 30000

struct tracee tracee;

static int ask[2], answer[2];

void die(const char *format, ...)
{
    va_list args;

    fputs("step: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

void skip(const char *format, ...)
{
    va_list args;

    fputs("skipped: ", stdout);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    exit(EXIT_SKIP);
}

void tracee_choose_cpus(void)
{
    cpu_set_t allowed;
    int cpu;

    if (sched_getaffinity(0, sizeof(allowed), &allowed))
        die("sched_getaffinity: %s", strerror(errno));
    tracee.home = tracee.away = -1;
    for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed))
            continue;
        if (tracee.home < 0)
            tracee.home = cpu;
        else if (tracee.away < 0)
            tracee.away = cpu;
    }
    if (tracee.home < 0)
        skip("no CPU below %d", CPU_SETSIZE);
    CPU_ZERO(&allowed);
    CPU_SET(tracee.home, &allowed);
    if (sched_setaffinity(0, sizeof(allowed), &allowed))
        die("sched_setaffinity: %s", strerror(errno));
}

static pid_t wait_for(pid_t pid)
{
    pid_t waited;

    do
        waited = waitpid(pid, &tracee.status, __WALL);
    while (waited < 0 && errno == EINTR);
    if (waited != pid)
        die("waitpid: %s", strerror(errno));
    return waited;
}

static void set_options(pid_t pid, unsigned long more)
{
    if (ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_EXITKILL | more)))
        die("PTRACE_SETOPTIONS: %s", strerror(errno));
}

/* In the child: becomes the victim. */
static void become(const char *program, const char *variable, const char *value)
{
    char fds[3][16];
    int i;

    for (i = 0; i < 3; i++)
        snprintf(fds[i], sizeof(fds[i]), "%d", i < 2 ? ask[i] : answer[1]);
    close(answer[0]);
    /* What the surroundings of the test say does not count. */
    unsetenv("HAZPTR_MODE");
    unsetenv("HAZPTR_MAX_LINES");
    setenv(variable, value, 1);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL)) {
        printf("skipped: ptrace is forbidden here: %s\n", strerror(errno));
        fflush(stdout);
        _exit(EXIT_SKIP);
    }
    execl(program, program, fds[0], fds[1], fds[2], (char *)NULL);
    fprintf(stderr, "%s: %s\n", program, strerror(errno));
    _exit(1);
}

static void expect(enum stop stop, enum meeting meeting)
{
    if (stop == ENDED)
        die("the victim ended, status %#x", tracee.status);
    if (stop != AT_MEETING || tracee_meeting() != meeting)
        die("the victim is not where it should be");
}

void tracee_start(const char *program, const char *variable, const char *value)
{
    if (pipe(ask) || pipe(answer))
        die("pipe: %s", strerror(errno));
    fflush(stdout);
    tracee.server = tracee.pid = fork();
    if (tracee.server < 0)
        die("fork: %s", strerror(errno));
    if (tracee.server == 0)
        become(program, variable, value);
    close(ask[0]);
    close(answer[1]);
    /* After its exec. */
    wait_for(tracee.server);
    if (WIFEXITED(tracee.status))
        exit(WEXITSTATUS(tracee.status));
    if (!WIFSTOPPED(tracee.status))
        die("the victim ended, status %#x", tracee.status);
    set_options(tracee.server, 0);
    expect(tracee_resume(0), READY);
}

void tracee_end(void)
{
    kill(tracee.server, SIGKILL);
    wait_for(tracee.server);
    close(ask[1]);
    close(answer[0]);
}

static enum stop resume(bool one_step, int signal)
{
    for (;;) {
        void *passed = (void *)(uintptr_t)signal;
        long failed = one_step ? ptrace(PTRACE_SINGLESTEP, tracee.pid, NULL, passed)
                               : ptrace(PTRACE_CONT, tracee.pid, NULL, passed);

        if (failed)
            die("ptrace: %s", strerror(errno));
        wait_for(tracee.pid);
        if (!WIFSTOPPED(tracee.status))
            return ENDED;
        signal = WSTOPSIG(tracee.status);
        if (signal == SIGTRAP)
            break;
    }
    if (ptrace(PTRACE_GETREGS, tracee.pid, NULL, &tracee.regs))
        die("PTRACE_GETREGS: %s", strerror(errno));
    if (one_step)
        return STEPPED;
    return tracee.regs.rdx == MEETING ? AT_MEETING : AT_BREAKPOINT;
}

enum stop tracee_resume(int signal)
{
    return resume(false, signal);
}

enum stop tracee_step(void)
{
    return resume(true, 0);
}

enum meeting tracee_meeting(void)
{
    return (enum meeting)tracee.regs.rax;
}

unsigned long tracee_value(void)
{
    return tracee.regs.rdi;
}

static void set_register(size_t offset, unsigned long value)
{
    if (ptrace(PTRACE_POKEUSER, tracee.pid, (void *)offset, (void *)value))
        die("PTRACE_POKEUSER: %s", strerror(errno));
}

void tracee_answer(unsigned long value)
{
    set_register(offsetof(struct user, regs.rax), value);
}

void tracee_set_ip(unsigned long address)
{
    set_register(offsetof(struct user, regs.rip), address);
}

/* The server forks; its child becomes the victim, and the server waits for its end. */
static void follow_fork(void)
{
    unsigned long child;

    set_options(tracee.server, PTRACE_O_TRACEFORK);
    if (tracee_resume(0) == ENDED || tracee.status >> 8 != (SIGTRAP | PTRACE_EVENT_FORK << 8))
        die("the victim does not fork, status %#x", tracee.status);
    if (ptrace(PTRACE_GETEVENTMSG, tracee.server, NULL, &child))
        die("PTRACE_GETEVENTMSG: %s", strerror(errno));
    set_options(tracee.server, 0);
    if (ptrace(PTRACE_CONT, tracee.server, NULL, NULL))
        die("ptrace: %s", strerror(errno));
    tracee.pid = (pid_t)child;
    wait_for(tracee.pid);
    if (!WIFSTOPPED(tracee.status))
        die("the victim ended, status %#x", tracee.status);
    /* What it forks in its turn is on its own. */
    set_options(tracee.pid, 0);
}

void tracee_begin(unsigned long command)
{
    tracee_answer(command);
    if (command & COMMAND_FRESH)
        follow_fork();
    expect(tracee_resume(0), SET_UP);
}

/* The child is gone, which the server is told by a signal. How it ended stays known. */
static void await_server(void)
{
    int status = tracee.status;

    tracee.pid = tracee.server;
    wait_for(tracee.server);
    if (!WIFSTOPPED(tracee.status))
        die("the victims' server ended, status %#x", tracee.status);
    expect(tracee_resume(WSTOPSIG(tracee.status)), READY);
    tracee.status = status;
}

bool tracee_finish(void)
{
    enum stop stop = tracee_resume(0);
    bool well;

    if (tracee.pid == tracee.server) {
        if (stop != ENDED)
            expect(stop, READY);
        return stop != ENDED;
    }
    if (stop != ENDED)
        die("the victim is not where it should be");
    well = WIFEXITED(tracee.status) && WEXITSTATUS(tracee.status) == 0;
    await_server();
    return well;
}

void tracee_bury(void)
{
    if (tracee.pid == tracee.server)
        die("the victims' server ended, status %#x", tracee.status);
    await_server();
}

void tracee_move(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(tracee.pid, sizeof(set), &set))
        die("sched_setaffinity: %s", strerror(errno));
}

bool tracee_blocks(int signal)
{
    uint64_t mask;

    if (ptrace(PTRACE_GETSIGMASK, tracee.pid, (void *)sizeof(mask), &mask))
        die("PTRACE_GETSIGMASK: %s", strerror(errno));
    return mask >> (signal - 1) & 1;
}

bool tracee_ask_helper(void)
{
    struct pollfd poll_answer = {answer[0], POLLIN, 0};
    char byte = 1;
    int ready;

    if (write(ask[1], &byte, 1) != 1)
        die("pipe: %s", strerror(errno));
    do
        ready = poll(&poll_answer, 1, HELPER_PATIENCE_MS);
    while (ready < 0 && errno == EINTR);
    return ready == 1 && read(answer[0], &byte, 1) == 1;
}
