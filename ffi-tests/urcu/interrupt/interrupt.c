/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A signal handler with a section of its own at each instruction of a lock and an unlock: interrupt FILE
 * [fork]. FILE has the instructions, as test.sh lists them: "function address", relative to the library.
 *
 * Each in turn is made a breakpoint, whose handler restores it, so that it is met once; with handlers that
 * are interrupted at the same place, up to a depth. The kernel sends a sequence that is interrupted to its
 * beginning. With "fork" handlers fork, and the child, too, goes on where they were.
 */
#include "check.h"
#include <dlfcn.h>
#include <hazptr/urcu.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>

#define BREAKPOINT 0xcc
/* More would come while the library has signals blocked, which a breakpoint does not survive. */
#define NESTED 2

static unsigned char *planted, original;
static int forks, is_child, in_unlock;
static volatile sig_atomic_t hits, to_nest;

static void plant(void)
{
    original = *planted;
    *planted = BREAKPOINT;
}

static int protects(void)
{
    return hazptr_is_protected(hazptr_rcu_shared_1.epoch);
}

static void section(void)
{
    const uint64_t before = hazptr_rcu_reader_1;

    (hazptr_rcu_read_lock)();
    CHECK((hazptr_rcu_read_ongoing)());
    CHECK(protects());
    (hazptr_rcu_read_lock)();
    (hazptr_rcu_read_unlock)();
    CHECK(protects());
    (hazptr_rcu_read_unlock)();
    CHECK(hazptr_rcu_reader_1 == before);
}

static void fork_and_go_on(void)
{
    int status;
    pid_t child = fork();

    CHECK(child >= 0);
    if (!child) {
        is_child = 1;
        section();
        return;
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

static void handle(int signal, siginfo_t *info, void *context)
{
    greg_t *rip = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

    *planted = original;
    /* Unless the kernel has sent it to the beginning of its sequence. */
    if (*rip == (greg_t)(uintptr_t)planted + 1)
        *rip = (greg_t)(uintptr_t)planted;
    hits++;
    if (to_nest) {
        to_nest--;
        plant();
    }
    section();
    *planted = original;
    if (forks && !is_child)
        fork_and_go_on();
}

static void allow_writing(void *address)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t from = (uintptr_t)address & ~(page - 1);

    CHECK_EQ(mprotect((void *)from, page, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
}

/* Returns how often it was met: 0 where these calls do not come by. */
static int interrupt(unsigned char *at, int nested)
{
    planted = at;
    to_nest = nested;
    hits = 0;
    allow_writing(at);
    plant();
    (hazptr_rcu_read_lock)();
    /* What a fork by a handler leaves of a lock is documented: it protects nothing in the child. */
    if (!is_child)
        CHECK(protects());
    (hazptr_rcu_read_lock)();
    (hazptr_rcu_read_unlock)();
    (hazptr_rcu_read_unlock)();
    *at = original;
    CHECK_EQ((hazptr_rcu_read_ongoing)(), 0);
    section();
    /* So is what it leaves of an unlock. */
    if (is_child && in_unlock)
        _exit(0);
    CHECK(!protects());
    hazptr_rcu_synchronize_rcu();
    if (is_child)
        _exit(0);
    return hits;
}

int main(int argc, char **argv)
{
    struct sigaction action;
    int met = 0, all = 0, nested;
    unsigned long address;
    char name[128];
    Dl_info library;
    FILE *list;

    check_mode();
    CHECK(argc > 1);
    forks = argc > 2;
    list = fopen(argv[1], "re");
    CHECK(list);
    CHECK(dladdr((void *)hazptr_rcu_synchronize_rcu, &library));
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    CHECK_EQ(sigaction(SIGTRAP, &action, NULL), 0);
    section();
    while (fscanf(list, "%127s %lx", name, &address) == 2) {
        unsigned char *at = (unsigned char *)library.dli_fbase + address;

        all++;
        in_unlock = !strstr(name, "read_lock");
        for (nested = 0; nested <= (forks ? 0 : NESTED); nested++) {
            const int count = interrupt(at, nested);

            /* Once for each that was planted, or again on the way of an outer one. */
            if (nested == 0)
                met += count > 0;
        }
    }
    fclose(list);
    printf("interrupted at %d of %d instructions in mode %s\n", met, all,
           check_mode_name(hazptr_mode()));
    /* The rest is the other mode's, and the last context's. */
    CHECK(met >= 20);
    return 0;
}
