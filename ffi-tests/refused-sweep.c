/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The system takes membarrier away from a process in mode rseq, and the waiter makes its own barrier
 * by a visit to every CPU. Whoever runs there is switched out once; what the sweep can do without,
 * it does without; and if the visits are not to be had, or only pretended, the process is aborted,
 * with a message that says what to do.
 */
#include "cases.h"
#include "filter.h"
#include "surroundings.h"
#include "waiter.h"
#include <hazptr/control.h>
#include <sys/resource.h>

static int end;

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
    while (!__atomic_load_n(&end, __ATOMIC_RELAXED))
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
    __atomic_store_n(&end, 1, __ATOMIC_RELAXED);
    for (i = 0; i < count; i++)
        CHECK_ERR(pthread_join(spinners[i].thread, NULL));
}

/* What the calls that visit CPUs found. */
static struct {
    int listener, cpu;
    unsigned int with_line, without_line;
} visits;

static void *look_at_visits(void *argument)
{
    const struct hazptr_control *control = hazptr_control_block();

    for (;;) {
        struct seccomp_notif call = filter_receive(visits.listener);

        CHECK_EQ(__atomic_load_n(&control->nr_cpus, __ATOMIC_RELAXED), 0);
        if (__atomic_load_n(&control->current[visits.cpu], __ATOMIC_RELAXED)) {
            CHECK_EQ(visits.without_line, 0);
            visits.with_line++;
        } else {
            visits.without_line++;
        }
        filter_answer(visits.listener, &call, 0);
    }
    return NULL;
}

/*
 * The first sweep ends all swaps, so that no line becomes current any more. Only then are the lines
 * taken out of the table, and the second sweep ends the acquires that had found one there.
 */
static void swaps_end_before_acquires(void)
{
    const cpu_set_t allowed = cpus_allowed();
    const unsigned int cpus = (unsigned int)CPU_COUNT(&allowed);
    static long object;
    void *pointer = &object;
    struct hazptr_ctx ctx;

    bind_to_a_cpu();
    visits.cpu = sched_getcpu();
    hazptr_acquire(&ctx, &pointer);
    hazptr_release(&ctx, &object);
    CHECK(hazptr_control_block()->current[visits.cpu]);
    filter_refuse(SYS_membarrier, ANY_ARGUMENT, EPERM);
    visits.listener = filter_supervise(SYS_sched_setaffinity);
    check_thread(look_at_visits, NULL);
    hazptr_synchronize(&object);
    CHECK(visits.with_line >= cpus);
    CHECK(visits.without_line >= cpus);
}

/* Waits without membarrier, and under one more filter. */
static void withdraw_with(long call, int error)
{
    const struct rlimit no_core = {0, 0};
    static long object;

    CHECK_EQ(setrlimit(RLIMIT_CORE, &no_core), 0);
    filter_refuse(call, ANY_ARGUMENT, error);
    filter_refuse(SYS_membarrier, ANY_ARGUMENT, EPERM);
    hazptr_synchronize(&object);
}

static void no_visits_to_cpus(void)
{
    withdraw_with(SYS_sched_setaffinity, EACCES);
}

/* The filter answers "done" in the kernel's place. */
static void pretended_visits_to_cpus(void)
{
    withdraw_with(SYS_sched_setaffinity, 0);
}

static void no_list_of_threads(void)
{
    withdraw_with(SYS_openat, EMFILE);
    CHECK_EQ(hazptr_mode(), HAZPTR_MODE_FENCE);
}

/* What the calls that visit CPUs are answered: the first so many that it is not to be had. */
static struct {
    int listener, refusals;
    unsigned int calls;
} supervisor;

static void *answer_visits(void *argument)
{
    for (;;) {
        struct seccomp_notif call = filter_receive(supervisor.listener);

        supervisor.calls++;
        filter_answer(supervisor.listener, &call, supervisor.refusals-- > 0 ? EINVAL : 0);
    }
    return argument;
}

static void wait_under_supervision(int refusals)
{
    static long object;

    bind_to_a_cpu();
    filter_refuse(SYS_membarrier, ANY_ARGUMENT, EPERM);
    supervisor.refusals = refusals;
    supervisor.listener = filter_supervise(SYS_sched_setaffinity);
    check_thread(answer_visits, NULL);
    hazptr_synchronize(&object);
    CHECK_EQ(hazptr_mode(), HAZPTR_MODE_FENCE);
}

static void a_cpu_that_has_gone_is_looked_for_again(void)
{
    wait_under_supervision(1);
    CHECK_EQ(supervisor.refusals, -(int)supervisor.calls + 1);
}

#define MORE_THAN_ONE_LIST 300

static void *stay(void *argument)
{
    for (;;)
        pause();
    return argument;
}

/*
 * So many threads are listed in pieces, between which one may be missed: then all CPUs are visited, and not
 * only the one that they all are bound to. In each of the two sweeps one call asks for all, and one goes
 * back.
 */
static void a_list_in_pieces_is_no_list(void)
{
    const cpu_set_t allowed = cpus_allowed();
    unsigned int i;

    bind_to_a_cpu();
    for (i = 0; i < MORE_THAN_ONE_LIST; i++)
        check_thread(stay, NULL);
    wait_under_supervision(0);
    CHECK_EQ(supervisor.calls, 2 * (2 + (unsigned int)CPU_COUNT(&allowed)));
}

static const struct test_case cases[] = {
    {"every_cpu_is_visited", every_cpu_is_visited, 1, 0},
    {"swaps_end_before_acquires", swaps_end_before_acquires, 1, 0},
    {"no_visits_to_cpus", no_visits_to_cpus, 1, 1},
    {"pretended_visits_to_cpus", pretended_visits_to_cpus, 1, 1},
    {"no_list_of_threads", no_list_of_threads, 1, 0},
    {"a_cpu_that_has_gone_is_looked_for_again", a_cpu_that_has_gone_is_looked_for_again, 1, 0},
    {"a_list_in_pieces_is_no_list", a_list_in_pieces_is_no_list, 1, 0},
};

int main(int argc, char **argv)
{
    return run_cases(cases, CASES(cases), argc, argv);
}
