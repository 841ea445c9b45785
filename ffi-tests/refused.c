/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The system takes membarrier away from the running process, by a seccomp filter, while readers
 * and waiters are at it. The library goes on in a lower mode: no object is freed that is in use,
 * hazards from before are respected, no waiter returns without its barrier; if there is no barrier
 * to be had at all, the process is aborted, with a message that says what to do.
 *
 * A filter is for life, so that each case runs in a process of its own: this program again, with
 * the name of the case.
 */
#include "filter.h"
#include "surroundings.h"
#include "waiter.h"
#include <sys/resource.h>
#include <sys/wait.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* --- readers and updaters: is anything poisoned while it is read? -------------------------------
 */

#define UPDATERS 4
#define READERS 2
#define POOL 16
#define NESTED 6
#define COLD (32u << 20)

enum { LIVE = 1, POISONED };

/* What one updater publishes, one after the other. */
static struct box {
    void *current;
    long pool[POOL][8];
    unsigned int next;
} boxes[UPDATERS];

static struct {
    int end;
    unsigned long reads;
} hunt;

static void box_update(struct box *box)
{
    long *fresh = box->pool[++box->next % POOL];
    long *old = (long *)__atomic_load_n(&box->current, __ATOMIC_RELAXED);

    __atomic_store_n(fresh, LIVE, __ATOMIC_RELAXED);
    __atomic_store_n(&box->current, fresh, __ATOMIC_RELEASE);
    hazptr_synchronize(old);
    /* Used again after all others of the pool. */
    __atomic_store_n(old, POISONED, __ATOMIC_RELAXED);
}

/* Makes the next store slow to become visible: it has to wait for all of these. */
static void delay_stores(char *cold, size_t *at)
{
    unsigned int i;

    for (i = 0; i < 32; i++) {
        *at = (*at + 4096 * 17 + 64) % COLD;
        *(volatile char *)&cold[*at] = 1;
    }
}

/* Holds long enough for one who did not wait to come and poison. */
static void check_live(const long *object)
{
    unsigned int looks;

    for (looks = 0; looks < 200; looks++)
        CHECK_EQ(__atomic_load_n(object, __ATOMIC_RELAXED), LIVE);
}

static void *read_boxes(void *argument)
{
    struct hazptr_ctx ctx[NESTED];
    unsigned int seed = 1, depth, i;
    const long *objects[NESTED];
    unsigned long reads = 0;
    size_t at = 0;
    char *cold = (char *)malloc(COLD);

    CHECK(cold);

    while (!__atomic_load_n(&hunt.end, __ATOMIC_RELAXED)) {
        depth = 1 + (unsigned int)rand_r(&seed) % NESTED;
        delay_stores(cold, &at);
        for (i = 0; i < depth; i++)
            objects[i] =
                (const long *)hazptr_acquire(&ctx[i], &boxes[(reads + i) % UPDATERS].current);
        for (i = 0; i < depth; i++) {
            check_live(objects[i]);
            hazptr_release(&ctx[i], objects[i]);
        }
        reads += depth;
    }
    __atomic_fetch_add(&hunt.reads, reads, __ATOMIC_RELAXED);
    free(cold);
    return NULL;
}

static void start_readers(pthread_t *readers)
{
    unsigned int i;

    for (i = 0; i < UPDATERS; i++) {
        boxes[i].pool[0][0] = LIVE;
        boxes[i].current = boxes[i].pool[0];
    }
    for (i = 0; i < READERS; i++)
        readers[i] = check_thread(read_boxes, NULL);
}

static void end_readers(pthread_t *readers)
{
    unsigned int i;

    __atomic_store_n(&hunt.end, 1, __ATOMIC_RELAXED);
    for (i = 0; i < READERS; i++)
        CHECK_ERR(pthread_join(readers[i], NULL));
    CHECK(hunt.reads);
    CHECK_EQ(check_stats().held, 0);
}

/* Backup slots cost a multiple. */
static unsigned int updates_to_do(void)
{
    return getenv("HAZPTR_MAX_LINES") ? 10000 : 200000;
}

/* --- the cases ----------------------------------------------------------------------------------
 */

static void check_cpus(const cpu_set_t *expected)
{
    const cpu_set_t now = cpus_allowed();

    CHECK(CPU_EQUAL(&now, expected));
}

/* Counts one wait, which must not return before the release. */
static void wait_for(struct hazptr_ctx *ctx, const void *object)
{
    const struct hazptr_statistics before = check_stats();
    struct waiter waiter;

    waiter_start(&waiter, object);
    waiter_await_sleep(&waiter, before.sleeps);
    hazptr_release(ctx, object);
    waiter_join(&waiter);
    CHECK(check_stats().wakes > before.wakes);
}

/*
 * Updates, with readers, before and after membarrier or one of its commands is withdrawn; hazards
 * that are held from before to after; and the mode in the end.
 */
static void withdraw(uint32_t command, int error, unsigned int mode)
{
    static long kept[2];
    pthread_t readers[READERS];
    struct hazptr_statistics before, after;
    struct hazptr_ctx ctx[2];
    unsigned int i;
    cpu_set_t cpus;

    for (i = 0; i < 2; i++) {
        void *pointer = &kept[i];

        CHECK(hazptr_acquire(&ctx[i], &pointer) == &kept[i]);
    }
    start_readers(readers);
    for (i = 0; i < 1000; i++)
        box_update(&boxes[i % UPDATERS]);

    /* What the sweep has to restore differs from the last that it sets, where there are two. */
    bind_to_a_cpu();
    cpus = cpus_allowed();
    before = check_stats();
    CHECK_EQ(before.barriers_refused, 0);
    filter_refuse(SYS_membarrier, command, error);
    /* The refusal may not come before somebody sleeps: in mode membarrier only then. */
    box_update(&boxes[0]);
    check_cpus(&cpus);
    wait_for(&ctx[0], &kept[0]);
    check_cpus(&cpus);
    after = check_stats();
    CHECK_EQ(hazptr_mode(), mode);
    CHECK_EQ(after.barriers_refused, before.barriers_refused + 1);

    for (i = 0; i < updates_to_do(); i++)
        box_update(&boxes[i % UPDATERS]);
    wait_for(&ctx[1], &kept[1]);
    CHECK_EQ(hazptr_mode(), mode);
    CHECK_EQ(check_stats().barriers_refused, after.barriers_refused);
    /* What is not withdrawn is still used, by those who sleep; in mode fence nothing is. */
    if (mode == HAZPTR_MODE_FENCE)
        CHECK_EQ(check_stats().barriers, after.barriers);
    else
        CHECK(check_stats().barriers > after.barriers);
    end_readers(readers);
}

static void all_with_eperm(void)
{
    withdraw(ANY_ARGUMENT, EPERM, HAZPTR_MODE_FENCE);
}

static void all_with_enosys(void)
{
    withdraw(ANY_ARGUMENT, ENOSYS, HAZPTR_MODE_FENCE);
}

static void rseq_command(void)
{
    withdraw(MEMBARRIER_RSEQ, EPERM, HAZPTR_MODE_MEMBARRIER);
}

/* Many waiters meet the refusal at once. */

static unsigned long updates;

static void *update_box(void *argument)
{
    while (!__atomic_load_n(&hunt.end, __ATOMIC_RELAXED)) {
        box_update((struct box *)argument);
        __atomic_fetch_add(&updates, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void await_updates(unsigned long count)
{
    count += __atomic_load_n(&updates, __ATOMIC_RELAXED);
    while (__atomic_load_n(&updates, __ATOMIC_RELAXED) < count)
        give_way();
}

static void many_waiters(void)
{
    static long kept;
    pthread_t readers[READERS], updaters[UPDATERS];
    struct waiter sleepers[UPDATERS];
    struct hazptr_statistics stats;
    void *pointer = &kept;
    struct hazptr_ctx ctx;
    unsigned int i;

    CHECK(hazptr_acquire(&ctx, &pointer) == &kept);
    start_readers(readers);
    for (i = 0; i < UPDATERS; i++)
        updaters[i] = check_thread(update_box, &boxes[i]);
    await_updates(1000);
    filter_refuse(SYS_membarrier, ANY_ARGUMENT, EPERM);
    for (i = 0; i < UPDATERS; i++)
        waiter_start(&sleepers[i], &kept);
    await_updates(updates_to_do());
    for (i = 0; i < UPDATERS; i++)
        waiter_await_futex(&sleepers[i]);
    hazptr_release(&ctx, &kept);
    for (i = 0; i < UPDATERS; i++)
        waiter_join(&sleepers[i]);
    end_readers(readers);
    for (i = 0; i < UPDATERS; i++)
        CHECK_ERR(pthread_join(updaters[i], NULL));
    stats = check_stats();
    CHECK_EQ(hazptr_mode(), HAZPTR_MODE_FENCE);
    CHECK(stats.barriers_refused >= 1 && stats.barriers_refused <= 2 * UPDATERS);
}

/* Only the second barrier of a wait is refused, the one before it sleeps. */

static void *refuse_from_the_second(void *argument)
{
    const int listener = *(const int *)argument;
    unsigned int calls;

    for (calls = 1;; calls++) {
        struct seccomp_notif call = filter_receive(listener);

        filter_answer(listener, &call, calls == 1 ? 0 : EPERM);
    }
    return NULL;
}

static void going_to_sleep(void)
{
    static long kept;
    int listener = filter_supervise_membarrier();
    void *pointer = &kept;
    struct hazptr_ctx ctx;

    CHECK_ERR(pthread_detach(check_thread(refuse_from_the_second, &listener)));
    CHECK(hazptr_acquire(&ctx, &pointer) == &kept);
    wait_for(&ctx, &kept);
    CHECK_EQ(hazptr_mode(), HAZPTR_MODE_FENCE);
    CHECK_EQ(check_stats().barriers_refused, 1);
}

/* Without membarrier whoever runs has to be switched out once instead. */

#define MOST_CPUS 16

struct spinner {
    pthread_t thread;
    int cpu;
    pid_t tid;
    unsigned long turns;
};

static void *spin(void *argument)
{
    struct spinner *spinner = (struct spinner *)argument;

    bind_to_cpu(spinner->cpu);
    __atomic_store_n(&spinner->tid, thread_id(), __ATOMIC_RELEASE);
    while (!__atomic_load_n(&hunt.end, __ATOMIC_RELAXED))
        __atomic_fetch_add(&spinner->turns, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void read_task(const struct spinner *spinner, const char *file, char *text, size_t room)
{
    char path[64];
    ssize_t length;
    int fd;

    snprintf(path, sizeof(path), "/proc/self/task/%d/%s", (int)spinner->tid, file);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    length = read(fd, text, room - 1);
    CHECK(length >= 0);
    text[length] = 0;
    close(fd);
}

/* How often it has been given the CPU, or lost it. */
static unsigned long switches(const struct spinner *spinner)
{
    static const char key[] = "nonvoluntary_ctxt_switches:";
    unsigned long lost, given = 0;
    const char *found;
    char text[4096];

    read_task(spinner, "status", text, sizeof(text));
    found = strstr(text, key);
    CHECK(found);
    lost = strtoul(found + sizeof(key) - 1, NULL, 10);
    read_task(spinner, "schedstat", text, sizeof(text));
    CHECK(sscanf(text, "%*s %*s %lu", &given) == 1);
    return given + lost;
}

static unsigned long turns(const struct spinner *spinner)
{
    return __atomic_load_n(&spinner->turns, __ATOMIC_RELAXED);
}

/* One spinner for each CPU. Returns how many. */
static unsigned int start_spinners(struct spinner *spinners)
{
    const cpu_set_t allowed = cpus_allowed();
    unsigned int count = 0;
    int cpu;

    for (cpu = 0; cpu < CPU_SETSIZE && count < MOST_CPUS; cpu++) {
        if (!CPU_ISSET(cpu, &allowed))
            continue;
        memset(&spinners[count], 0, sizeof(*spinners));
        spinners[count].cpu = cpu;
        spinners[count].thread = check_thread(spin, &spinners[count]);
        while (!turns(&spinners[count]))
            give_way();
        count++;
    }
    return count;
}

static void every_cpu_is_visited(void)
{
    static long object;
    struct spinner spinners[MOST_CPUS];
    unsigned long switches_before[MOST_CPUS], turns_before[MOST_CPUS];
    unsigned int count = start_spinners(spinners), i;

    /* Not by accident everywhere. */
    bind_to_a_cpu();
    filter_refuse(SYS_membarrier, ANY_ARGUMENT, EPERM);
    for (i = 0; i < count; i++) {
        switches_before[i] = switches(&spinners[i]);
        turns_before[i] = turns(&spinners[i]);
    }
    hazptr_synchronize(&object);
    for (i = 0; i < count; i++) {
        /* On a busy machine it may have been off its CPU all the time. */
        int ran = turns(&spinners[i]) != turns_before[i];

        CHECK(!ran || switches(&spinners[i]) != switches_before[i]);
    }
    __atomic_store_n(&hunt.end, 1, __ATOMIC_RELAXED);
    for (i = 0; i < count; i++)
        CHECK_ERR(pthread_join(spinners[i].thread, NULL));
}

/* With what the sweep needs withdrawn too, no barrier is left. */
static void withdraw_with(long call)
{
    const struct rlimit no_core = {0, 0};
    static long object;

    CHECK_EQ(setrlimit(RLIMIT_CORE, &no_core), 0);
    filter_refuse(call, ANY_ARGUMENT, EACCES);
    filter_refuse(SYS_membarrier, ANY_ARGUMENT, EPERM);
    hazptr_synchronize(&object);
    printf("returned without a barrier\n");
}

static void no_visits_to_cpus(void)
{
    withdraw_with(SYS_sched_setaffinity);
}

static void no_list_of_threads(void)
{
    withdraw_with(SYS_openat);
}

static const struct scenario {
    const char *name;
    void (*run)(void);
    int only_in_mode_rseq;
    int aborts;
} cases[] = {
    {"all_with_eperm", all_with_eperm, 0, 0},
    {"all_with_enosys", all_with_enosys, 0, 0},
    {"rseq_command", rseq_command, 1, 0},
    {"many_waiters", many_waiters, 0, 0},
    {"going_to_sleep", going_to_sleep, 1, 0},
    {"every_cpu_is_visited", every_cpu_is_visited, 1, 0},
    {"no_visits_to_cpus", no_visits_to_cpus, 1, 1},
    {"no_list_of_threads", no_list_of_threads, 1, 1},
};

/* --- each in a process of its own ---------------------------------------------------------------
 */

static void check_message(const char *text)
{
    CHECK(strstr(text, "hazptr: "));
    CHECK(strstr(text, "membarrier"));
    CHECK(strstr(text, "HAZPTR_MODE=fence"));
}

/* Runs a case once. Returns its status, and what it says on standard error. */
static int run_once(const struct scenario *scenario, char *text, size_t room)
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
        execl("/proc/self/exe", scenario->name, scenario->name, (char *)NULL);
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
static int run_case(const struct scenario *scenario)
{
    char text[4096];
    int status = run_once(scenario, text, sizeof(text));

    if (scenario->aborts) {
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        check_message(text);
        return 0;
    }
    fputs(text, stderr);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP)
        return EXIT_SKIP;
    if (status)
        check_failed(__FILE__, __LINE__, scenario->name, ": status %#x", (unsigned int)status);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned int i;

    check_mode();
    for (i = 0; i < COUNT(cases); i++) {
        if (cases[i].only_in_mode_rseq && hazptr_mode() != HAZPTR_MODE_RSEQ)
            continue;
        if (argc == 1 && run_case(&cases[i]) == EXIT_SKIP)
            return EXIT_SKIP;
        if (argc > 1 && strcmp(argv[1], cases[i].name) == 0)
            cases[i].run();
    }
    return 0;
}
