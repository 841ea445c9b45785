/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Memory for lines is refused, at each mmap in turn. Acquires go on in the contexts' own slots, are
 * waited for one and all, and the lines that are there are used again as they drain; when there is
 * memory again, so are new ones. Nothing is lost, errno is left alone.
 *
 * Chunks of lines double, and a child maps all of its chunks: the n-th refused leaves it what n - 1
 * hold. The process that was not forked has its first chunk as static memory.
 */
#include "child.h"
#include "filter.h"
#include "surroundings.h"
#include "waiter.h"
#include <hazptr/control.h>
#include <semaphore.h>
#include <sys/resource.h>

#define MOST_CHUNKS 5
/* Lines in so many chunks. */
#define LINES(chunks) (HAZPTR_LINES_FIRST * ((1u << (chunks)) - 1))
#define IN_BACKUP 100
#define MOST (LINES(MOST_CHUNKS) * HAZPTR_LINE_SLOTS + IN_BACKUP)

static int objects[MOST];
static struct hazptr_ctx contexts[MOST];

/* Chunks that are there when the refusals begin, and mappings that are granted after. */
static unsigned int chunks_there, granted;

static unsigned int lines_to_be_had(void)
{
    return LINES(chunks_there + granted);
}

/* --- who refuses: the limit on the address space ---------------------------------------------- */

static unsigned long address_space(void)
{
    unsigned long pages;
    FILE *file = fopen("/proc/self/statm", "r");

    CHECK(file);
    CHECK_EQ(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    return pages * (unsigned long)sysconf(_SC_PAGESIZE);
}

static void limit_address_space(rlim_t bytes)
{
    struct rlimit limit;

    CHECK_EQ(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
}

static void limit_begins(void)
{
    unsigned int lines = lines_to_be_had() - LINES(chunks_there);

    limit_address_space(address_space() + lines * sizeof(struct hazptr_line));
}

static void limit_ends(void)
{
    limit_address_space(RLIM_INFINITY);
}

/* --- who refuses: a supervisor of every mmap -------------------------------------------------- */

static struct {
    int listener;
    int ready;
    unsigned int calls;
    unsigned int refuse_from;
} supervisor;

/* Maps nothing itself. */
static void *supervise(void *argument)
{
    while (!__atomic_load_n(&supervisor.ready, __ATOMIC_ACQUIRE))
        give_way();
    for (;;) {
        struct seccomp_notif call = filter_receive(supervisor.listener);
        unsigned int from = __atomic_load_n(&supervisor.refuse_from, __ATOMIC_ACQUIRE);
        unsigned int number = __atomic_add_fetch(&supervisor.calls, 1, __ATOMIC_RELAXED);

        filter_answer(supervisor.listener, &call, from && number >= from ? ENOMEM : 0);
    }
    return NULL;
}

static void supervisor_begins(void)
{
    CHECK_ERR(pthread_detach(check_thread(supervise, NULL)));
    supervisor.refuse_from = granted + 1;
    supervisor.listener = filter_install(SECCOMP_FILTER_FLAG_NEW_LISTENER, SYS_mmap, ANY_ARGUMENT,
                                         SECCOMP_RET_USER_NOTIF);
    __atomic_store_n(&supervisor.ready, 1, __ATOMIC_RELEASE);
}

static void supervisor_ends(void)
{
    CHECK(__atomic_load_n(&supervisor.calls, __ATOMIC_RELAXED) > granted);
    __atomic_store_n(&supervisor.refuse_from, 0, __ATOMIC_RELEASE);
}

struct refuser {
    void (*begins)(void);
    void (*ends)(void);
};

static const struct refuser limit = {limit_begins, limit_ends};
static const struct refuser supervision = {supervisor_begins, supervisor_ends};

/* --- one who waits, and was there before the refusals: a thread needs memory ------------------ */

static struct {
    pthread_t thread;
    sem_t asked, answered;
    const void *object;
    int returned;
} waiting;

static void *wait_when_asked(void *argument)
{
    for (;;) {
        while (sem_wait(&waiting.asked) != 0)
            CHECK_EQ(errno, EINTR);
        if (!waiting.object)
            return NULL;
        hazptr_synchronize(waiting.object);
        __atomic_store_n(&waiting.returned, 1, __ATOMIC_RELEASE);
        CHECK_EQ(sem_post(&waiting.answered), 0);
    }
}

static void ask_to_wait_for(const void *object)
{
    waiting.object = object;
    waiting.returned = 0;
    CHECK_EQ(sem_post(&waiting.asked), 0);
}

static void waiting_begins(void)
{
    CHECK_EQ(sem_init(&waiting.asked, 0, 0), 0);
    CHECK_EQ(sem_init(&waiting.answered, 0, 0), 0);
    waiting.thread = check_thread(wait_when_asked, NULL);
}

static void waiting_ends(void)
{
    ask_to_wait_for(NULL);
    CHECK_ERR(pthread_join(waiting.thread, NULL));
}

/* --- what must hold --------------------------------------------------------------------------- */

static void acquire(unsigned int i)
{
    void *pointer = &objects[i];

    errno = 0;
    CHECK(hazptr_acquire(&contexts[i], &pointer) == &objects[i]);
    CHECK_EQ(errno, 0);
}

static void release(unsigned int i)
{
    hazptr_release(&contexts[i], &objects[i]);
}

static int is_in_backup(unsigned int i)
{
    return contexts[i].slot == &contexts[i].backup_slot.slot;
}

/* The first @in_lines of @count find lines, the rest do not. */
static void hold(unsigned int in_lines, unsigned int count)
{
    struct hazptr_statistics before = check_stats(), after;
    unsigned int i;

    for (i = 0; i < count; i++) {
        acquire(i);
        CHECK_EQ(is_in_backup(i), i >= in_lines);
    }
    after = check_stats();
    CHECK_EQ(after.held, count);
    CHECK_EQ(after.held_backup, count - in_lines);
    CHECK_EQ(after.acquire_backup - before.acquire_backup, count - in_lines);
}

static void is_waited_for(unsigned int i)
{
    uint64_t sleeps = check_stats().sleeps;

    ask_to_wait_for(&objects[i]);
    while (check_stats().sleeps == sleeps) {
        CHECK(!__atomic_load_n(&waiting.returned, __ATOMIC_ACQUIRE));
        give_way();
    }
    release(i);
    while (sem_wait(&waiting.answered) != 0)
        CHECK_EQ(errno, EINTR);
}

static void goes_on_without(const struct refuser *refuser)
{
    unsigned int lines = lines_to_be_had(), in_lines = lines * HAZPTR_LINE_SLOTS;
    unsigned int count = in_lines + IN_BACKUP, i;

    waiting_begins();
    refuser->begins();
    hold(in_lines, count);
    CHECK_EQ(check_stats().lines, lines);
    for (i = in_lines; i < count; i++)
        is_waited_for(i);
    /* Each place in a line in turn. */
    for (i = 0; i < in_lines; i += 2 * HAZPTR_LINE_SLOTS + 1)
        is_waited_for(i);
    for (i = 0; i < in_lines; i++)
        release(i);
    CHECK_EQ(check_stats().held, 0);

    /* What has drained serves again. */
    hold(in_lines, count);
    CHECK_EQ(check_stats().lines, lines);
    refuser->ends();
    for (i = in_lines; i < count; i++)
        release(i);
    for (i = in_lines; i < count; i++) {
        acquire(i);
        CHECK(!is_in_backup(i));
    }
    CHECK(check_stats().lines > lines);
    for (i = 0; i < count; i++)
        release(i);
    CHECK_EQ(check_stats().held, 0);
    for (i = 0; i < count; i += 100)
        hazptr_synchronize(&objects[i]);
    waiting_ends();
}

static void limited(void)
{
    goes_on_without(&limit);
}

static void supervised(void)
{
    goes_on_without(&supervision);
}

int main(void)
{
    check_mode();
    /* So that a line is full before another one is asked for. */
    bind_to_a_cpu();
    for (granted = 0; granted <= MOST_CHUNKS; granted++) {
        in_a_child(limited);
        in_a_child(supervised);
    }
    /* Again and again in one process: when there is memory, it maps one more chunk. */
    granted = 0;
    for (chunks_there = 1; chunks_there <= MOST_CHUNKS; chunks_there++)
        limited();
    return 0;
}
