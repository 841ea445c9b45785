/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A process is stopped and continued (SIGSTOP, SIGCONT) in the middle of acquires, releases, line
 * swaps and waits, from many points. Nothing is lost and everybody goes on.
 */
#include "busy.h"
#include "child.h"
#include "kept.h"
#include <sys/mman.h>

#define STOPS 500

/* Memory that the stopped process and the stopping one share. */
static struct shared {
    unsigned long turns;
    int end;
} *shared;

static unsigned long turns(void)
{
    return __atomic_load_n(&shared->turns, __ATOMIC_RELAXED);
}

/* The process that is stopped. Its first thread reads too, and counts how often. */
static void be_stopped(void)
{
    static struct busy_thread self;
    unsigned int depth = 0;
    struct kept kept;

    kept_begin(&kept);
    busy_begin();
    while (!__atomic_load_n(&shared->end, __ATOMIC_RELAXED)) {
        busy_read(&self, 1 + depth++ % BUSY_NEST);
        __atomic_store_n(&shared->turns, shared->turns + 1, __ATOMIC_RELAXED);
    }
    busy_end();
    CHECK_EQ(check_stats().held, 1);
    kept_end(&kept);
    CHECK_EQ(check_stats().held, 0);
}

/* As a status of wait(2). */
#define STOPPED (SIGSTOP << 8 | 0x7f)
#define CONTINUED 0xffff

static void await_status(pid_t child, int options, int expected)
{
    int status;

    CHECK_EQ(waitpid(child, &status, options), child);
    CHECK_EQ(status, expected);
}

static void await_turns(pid_t child, unsigned long count)
{
    unsigned long before = turns();

    while (turns() - before < count) {
        /* It has not given up. */
        CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
        sched_yield();
    }
}

static void stop_and_continue(pid_t child)
{
    CHECK_EQ(kill(child, SIGSTOP), 0);
    await_status(child, WUNTRACED, STOPPED);
    CHECK_EQ(kill(child, SIGCONT), 0);
    await_status(child, WCONTINUED, CONTINUED);
}

int main(void)
{
    unsigned int i;
    pid_t child;

    check_mode();
    shared = (struct shared *)mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    child = fork();
    if (child == 0) {
        be_stopped();
        _exit(0);
    }
    for (i = 0; i < STOPS; i++) {
        await_turns(child, 1 + i % 7);
        stop_and_continue(child);
    }
    __atomic_store_n(&shared->end, 1, __ATOMIC_RELAXED);
    check_child(child);
    return 0;
}
