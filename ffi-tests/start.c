/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * However the library is first used, it is ready: before main, in a handler of a fresh child, by
 * 64 threads of one at once. It reads the environment once, and says in one line what it cannot
 * do about it.
 */
#include "check.h"
#include "filter.h"
#include "waiter.h"
#include <hazptr/control.h>
#include <sys/wait.h>

#define THREADS 64

static int object;
static void *pointer = &object;

static void use(void)
{
    struct hazptr_ctx ctx;

    CHECK(hazptr_acquire(&ctx, &pointer) == &object);
    hazptr_release(&ctx, &object);
}

/* --- before main ------------------------------------------------------------------------------ */

static int used_before_main;

__attribute__((__constructor__(101))) static void before_main(void)
{
    use();
    hazptr_synchronize(&object);
    used_before_main = 1;
}

/* --- in a child, which starts as if nothing had been called ----------------------------------- */

static void in_child(void (*function)(void))
{
    int status;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        CHECK(hazptr_control_block()->magic == 0);
        function();
        CHECK_EQ(hazptr_control_block()->generation, 2);
        CHECK(hazptr_control_block()->magic == HAZPTR_CONTROL_MAGIC);
        CHECK_EQ(check_stats().held, 0);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

static void on_signal(int number)
{
    use();
}

static void first_use_in_handler(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_EQ(raise(SIGUSR1), 0);
}

static int arrived;

static void *one_of_many(void *argument)
{
    int own;
    void *own_pointer = &own;
    struct hazptr_ctx ctx;

    /* Running, not woken one after the other, when the last one arrives. */
    __atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) < THREADS)
        sched_yield();
    CHECK(hazptr_acquire(&ctx, &own_pointer) == &own);
    hazptr_synchronize(&object);
    hazptr_release(&ctx, &own);
    hazptr_synchronize(&own);
    return NULL;
}

static void first_use_by_many_threads(void)
{
    pthread_t threads[THREADS];
    int i;

    for (i = 0; i < THREADS; i++)
        threads[i] = check_thread(one_of_many, NULL);
    for (i = 0; i < THREADS; i++)
        CHECK_ERR(pthread_join(threads[i], NULL));
}

static pid_t tids[THREADS];

static void *one_that_waits(void *tid)
{
    __atomic_store_n((pid_t *)tid, thread_id(), __ATOMIC_RELEASE);
    use();
    return NULL;
}

/* Whether a thread sleeps on one of the library's locks. */
static int waits(const pid_t *thread)
{
    pid_t tid = __atomic_load_n(thread, __ATOMIC_ACQUIRE);
    unsigned long futex = tid ? thread_futex(tid) : 0;

    return futex && futex - (unsigned long)hazptr_control_block() < HAZPTR_CONTROL_SIZE;
}

static int how_many_wait(void)
{
    int i, count = 0;

    for (i = 0; i < THREADS; i++)
        count += waits(&tids[i]);
    return count;
}

/* One initialises, and is held up in there until all others have come and wait for it. */
static void all_wait_for_the_first(void)
{
    int listener = filter_supervise(SYS_membarrier), i;
    pthread_t threads[THREADS];
    struct seccomp_notif call;

    for (i = 0; i < THREADS; i++)
        threads[i] = check_thread(one_that_waits, &tids[i]);
    call = filter_receive(listener);
    while (how_many_wait() < THREADS - 1)
        sched_yield();
    filter_answer(listener, &call, 0);
    for (i = 0; i < THREADS; i++)
        CHECK_ERR(pthread_join(threads[i], NULL));
}

static void init_again(void)
{
    CHECK_EQ(hazptr_init(), 0);
    CHECK_EQ(hazptr_init(), 0);
}

/* --- the environment -------------------------------------------------------------------------- */

static void set(const char *name, const char *value)
{
    CHECK_EQ(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

/* What one start is given, and what it must say and do. */
struct start {
    const char *mode, *max_lines, *tunables;
    int no_membarrier;
    /* The mode that it ends up in. */
    const char *expected;
    /* How each line on standard error begins; NULL: there is none. */
    const char *says[2];
};

#define BAD_MODE "not one of auto, rseq, membarrier, fence; using auto"
#define BAD_LINES "HAZPTR_MAX_LINES: not a number of lines; using no limit"
#define NO_RSEQ "glibc.pthread.rseq=0"
/* Longer than a message. */
#define SHORT "0123456789012345678901234567890123456789012345678901234567890123456789"
#define LONG SHORT SHORT SHORT SHORT SHORT

static const struct start starts[] = {
    {NULL, NULL, NULL, 0, "rseq", {NULL, NULL}},
    {"", NULL, NULL, 0, "rseq", {NULL, NULL}},
    {"auto", NULL, NULL, 0, "rseq", {NULL, NULL}},
    {"rseq", NULL, NULL, 0, "rseq", {NULL, NULL}},
    {"membarrier", "100", NULL, 0, "membarrier", {NULL, NULL}},
    {"fence", "0", NULL, 0, "fence", {NULL, NULL}},
    {"fence", NULL, NULL, 1, "fence", {NULL, NULL}},
    {NULL, "0", NO_RSEQ, 0, "membarrier", {NULL, NULL}},
    {NULL, NULL, NULL, 1, "fence", {NULL, NULL}},
    {NULL, "18446744073709551615", NULL, 0, "rseq", {NULL, NULL}},
    {"Rseq", NULL, NULL, 0, "rseq", {"HAZPTR_MODE=Rseq: " BAD_MODE, NULL}},
    {"rseq ", NULL, NULL, 0, "rseq", {"HAZPTR_MODE=rseq : " BAD_MODE, NULL}},
    {"3", NULL, NO_RSEQ, 0, "membarrier", {"HAZPTR_MODE=3: " BAD_MODE, NULL}},
    {"rseq", NULL, NO_RSEQ, 0, "membarrier",
     {"HAZPTR_MODE=rseq: not to be had on this machine, using membarrier", NULL}},
    {"rseq", NULL, NULL, 1, "fence",
     {"HAZPTR_MODE=rseq: not to be had on this machine, using fence", NULL}},
    {"membarrier", NULL, NULL, 1, "fence",
     {"HAZPTR_MODE=membarrier: not to be had on this machine, using fence", NULL}},
    {"fence", "", NULL, 0, "fence", {BAD_LINES, NULL}},
    {NULL, "-1", NULL, 0, "rseq", {BAD_LINES, NULL}},
    {NULL, "0x10", NULL, 0, "rseq", {BAD_LINES, NULL}},
    {NULL, "10 ", NULL, 0, "rseq", {BAD_LINES, NULL}},
    {NULL, "18446744073709551616", NULL, 0, "rseq", {BAD_LINES, NULL}},
    {"fast", "many", NULL, 0, "rseq", {"HAZPTR_MODE=fast: " BAD_MODE, BAD_LINES}},
    {LONG, "many", NULL, 0, "rseq", {"HAZPTR_MODE=" SHORT, BAD_LINES}},
};

/* The program that is started: works, whatever it was told, and its children say nothing. */
static void keep_the_mode(void)
{
    CHECK(strcmp(check_mode_name(hazptr_mode()), getenv("HAZPTR_EXPECT")) == 0);
    use();
}

static int started(void)
{
    const char *max_lines = getenv("HAZPTR_MAX_LINES");

    keep_the_mode();
    hazptr_synchronize(&object);
    CHECK_EQ(check_stats().acquire_backup != 0, max_lines && strcmp(max_lines, "0") == 0);
    /* Neither wish was there at the start. */
    set("HAZPTR_MODE", "nonsense");
    set("HAZPTR_MAX_LINES", "nonsense");
    CHECK_EQ(hazptr_init(), 0);
    keep_the_mode();
    in_child(keep_the_mode);
    return 0;
}

static void start_it(const struct start *start, int standard_error)
{
    set("HAZPTR_MODE", start->mode);
    set("HAZPTR_MAX_LINES", start->max_lines);
    set("GLIBC_TUNABLES", start->tunables);
    set("HAZPTR_EXPECT", start->expected);
    if (start->no_membarrier)
        filter_refuse(SYS_membarrier, ANY_ARGUMENT, ENOSYS);
    CHECK(dup2(standard_error, STDERR_FILENO) >= 0);
    execl("/proc/self/exe", "start", "started", (char *)NULL);
    _exit(2);
}

/* Everything the program writes, until it ends. */
static void read_all(int file, char *text, size_t size)
{
    size_t used = 0;
    ssize_t length;

    while ((length = read(file, text + used, size - 1 - used)) > 0)
        used += (size_t)length;
    CHECK_EQ(length, 0);
    text[used] = '\0';
}

/* As many lines as @says has entries, and each begins as that entry. */
static void check_says(const struct start *start, const char *text)
{
    const char *next = text, *end;
    size_t length;
    int i;

    for (i = 0; i < 2 && start->says[i]; i++) {
        length = strlen(start->says[i]);
        end = strchr(next, '\n');
        if (strncmp(next, "hazptr: ", 8) != 0 || strncmp(next + 8, start->says[i], length) != 0 ||
            !end)
            check_failed(__FILE__, __LINE__, start->says[i], ": it says: %s", text);
        next = end + 1;
    }
    if (*next)
        check_failed(__FILE__, __LINE__, "nothing more", ": it says: %s", text);
}

static void check_start(const struct start *start)
{
    char text[4096];
    int ends[2], status;
    pid_t child;

    CHECK_EQ(pipe(ends), 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(ends[0]);
        start_it(start, ends[1]);
    }
    close(ends[1]);
    read_all(ends[0], text, sizeof(text));
    close(ends[0]);
    CHECK_EQ(waitpid(child, &status, 0), child);
    check_says(start, text);
    CHECK_EQ(status, 0);
}

int main(int argc, char **argv)
{
    unsigned int i;

    CHECK(used_before_main);
    if (argc > 1)
        return started();
    check_mode();
    CHECK_EQ(hazptr_control_block()->generation, 1);
    in_child(first_use_in_handler);
    in_child(first_use_by_many_threads);
    in_child(all_wait_for_the_first);
    in_child(init_again);
    for (i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        check_start(&starts[i]);
    return 0;
}
