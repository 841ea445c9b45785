/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The library's thread: not there before it is needed, then one, which has a name, takes no signal
 * but those that its own callbacks' faults are, and uses no time when nothing is pending. A program
 * that wants no such thread, or cannot have one, loses nothing.
 */
#include "cases.h"
#include "filter.h"
#include "retired.h"
#include "surroundings.h"
#include <sys/mman.h>

#define OBJECTS 2000

static struct object objects[OBJECTS];

static void retire_all(void)
{
    int i;

    for (i = 0; i < OBJECTS; i++)
        retire(&objects[i]);
}

static void all_are_reclaimed_once(void)
{
    int i;

    for (i = 0; i < OBJECTS; i++)
        CHECK_EQ(times_reclaimed(&objects[i]), 1);
    CHECK_EQ(check_stats().retired, check_stats().reclaimed);
    CHECK_EQ(check_stats().pending, 0);
}

/* --- its life --------------------------------------------------------------------------------- */

static void starts_on_first_use_and_once(void)
{
    struct hazptr_reclaim_policy policy = policy_in_force();
    struct hazptr_ctx ctx;
    pid_t worker;
    int i;

    /* None of these is a use. */
    CHECK_EQ(set_policy(&policy), 0);
    hold(&ctx, objects);
    hazptr_release(&ctx, objects);
    hazptr_synchronize(objects);
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(hazptr_reclaim_here(), 0);
    CHECK_EQ(threads_now().all, 1);
    CHECK_EQ(threads_now().workers, 0);

    retire(&objects[0]);
    worker = await_worker();
    AWAIT(times_reclaimed(&objects[0]));
    CHECK_EQ(objects[0].by, worker);
    for (i = 1; i < OBJECTS; i++)
        retire(&objects[i]);
    for (i = 1; i < OBJECTS; i++)
        AWAIT(times_reclaimed(&objects[i]));
    CHECK_EQ(threads_now().all, 2);
    CHECK_EQ(threads_now().workers, 1);
    CHECK_EQ(threads_now().worker, worker);
}

static void *retire_all_of_it(void *argument)
{
    struct object *own = (struct object *)argument;
    int i;

    for (i = 0; i < OBJECTS / 10; i++)
        retire(&own[i]);
    return NULL;
}

static void first_uses_at_once_start_one(void)
{
    pthread_t threads[10];
    int i;

    for (i = 0; i < 10; i++)
        threads[i] = check_thread(retire_all_of_it, &objects[i * (OBJECTS / 10)]);
    for (i = 0; i < 10; i++)
        CHECK_ERR(pthread_join(threads[i], NULL));
    CHECK_EQ(hazptr_barrier(), 0);
    all_are_reclaimed_once();
    await_worker();
    CHECK_EQ(threads_now().all, 2);
}

/* --- signals ---------------------------------------------------------------------------------- */

static uint64_t blocked_signals(pid_t tid)
{
    char text[4096];
    const char *line;

    read_of_thread(tid, "status", text, sizeof(text));
    line = strstr(text, "SigBlk:");
    CHECK(line);
    return strtoull(line + strlen("SigBlk:"), NULL, 16);
}

/* Faults; what cannot be blocked; and libc's own two, by which setuid() reaches all threads. */
static int may_come(int number)
{
    static const int those[] = {SIGSEGV, SIGBUS, SIGSYS,  SIGTRAP, SIGILL,
                                SIGFPE,  SIGKILL, SIGSTOP, 32,      33};
    size_t i;

    for (i = 0; i < sizeof(those) / sizeof(*those); i++)
        if (those[i] == number)
            return 1;
    return 0;
}

static void signals_go_elsewhere(void)
{
    const uint64_t own = blocked_signals(thread_id());
    uint64_t blocked;
    int number;

    retire(&objects[0]);
    blocked = blocked_signals(await_worker());
    for (number = 1; number <= 64; number++)
        CHECK_EQ((int)(blocked >> (number - 1) & 1), !may_come(number));
    /* And the thread that started it takes what it took before. */
    CHECK_EQ(blocked_signals(thread_id()), own);
    CHECK_EQ(setuid(getuid()), 0);
}

static void *page;
static long page_size;
static pid_t faulted;

static void on_fault(int number)
{
    faulted = thread_id();
    CHECK_EQ(mprotect(page, (size_t)page_size, PROT_READ | PROT_WRITE), 0);
}

static void fault(struct hazptr_head *head)
{
    *(volatile int *)page = 1;
    note_reclaimed(head);
}

static void fault_in_a_callback_reaches_its_handler(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = on_fault;
    CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    page_size = sysconf(_SC_PAGESIZE);
    page = mmap(NULL, (size_t)page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    hazptr_retire(&objects[0].head, &objects[0], fault);
    AWAIT(times_reclaimed(&objects[0]));
    CHECK_EQ(faulted, await_worker());
}

/* --- nothing to do ---------------------------------------------------------------------------- */

struct activity {
    char state;
    unsigned long long switches, preemptions, run_ns;
};

static unsigned long long number_after(const char *text, const char *name)
{
    const char *line = strstr(text, name);

    CHECK(line);
    return strtoull(line + strlen(name), NULL, 10);
}

static struct activity activity_of(pid_t tid)
{
    struct activity now;
    char text[4096];
    const char *state;

    read_of_thread(tid, "status", text, sizeof(text));
    state = strstr(text, "State:\t");
    CHECK(state);
    now.state = state[strlen("State:\t")];
    now.switches = number_after(text, "\nvoluntary_ctxt_switches:");
    now.preemptions = number_after(text, "nonvoluntary_ctxt_switches:");
    read_of_thread(tid, "schedstat", text, sizeof(text));
    now.run_ns = strtoull(text, NULL, 10);
    return now;
}

/* 50 times the delay. */
static void let_time_pass(void)
{
    const struct timespec moment = {0, 50000000};

    nanosleep(&moment, NULL);
}

/* It may have something to finish after the last callback; not again and again. */
static void comes_to_rest(pid_t worker)
{
    struct activity before, after = activity_of(worker);
    unsigned int looks = 0;

    do {
        CHECK(looks++ < 10);
        before = after;
        let_time_pass();
        after = activity_of(worker);
    } while (after.switches != before.switches || after.preemptions != before.preemptions);
    CHECK_EQ(after.state, 'S');
    CHECK_EQ(after.run_ns, before.run_ns);
}

static void uses_no_time_when_nothing_is_pending(void)
{
    struct hazptr_ctx ctx;
    pid_t worker;

    set_delay(1000);
    hold(&ctx, &objects[0]);
    retire_all();
    worker = await_worker();
    hazptr_release(&ctx, &objects[0]);
    CHECK_EQ(hazptr_barrier(), 0);
    comes_to_rest(worker);
    /* Woken once more, and at rest again. */
    objects[0].reclaimed = 0;
    retire(&objects[0]);
    AWAIT(times_reclaimed(&objects[0]));
    CHECK_EQ(objects[0].by, worker);
    comes_to_rest(worker);
    all_are_reclaimed_once();
}

/* --- none ------------------------------------------------------------------------------------- */

/* Past the bound callers help, so that memory stays bounded; the rest is for reclaim_here(). */
static void nothing_is_lost_without_it(void)
{
    unsigned int more = under_valgrind() ? 5000 : 100000, i;

    for (i = 0; i < more; i++)
        CHECK_EQ(hazptr_retire_ptr(malloc(16), free), 0);
    CHECK(check_stats().helped > 0);
    CHECK(check_stats().pending_peak <= 2 * policy_in_force().bound);
    retire_all();
    while (check_stats().pending)
        CHECK(hazptr_reclaim_here() > 0);
    all_are_reclaimed_once();
    for (i = 0; i < OBJECTS; i++)
        CHECK_EQ(objects[i].by, thread_id());
    CHECK_EQ(threads_now().all, 1);
}

static void few_wait_for_somebody_to_reclaim_them(void)
{
    retire(&objects[0]);
    CHECK_EQ(check_stats().pending, 1);
    CHECK_EQ(times_reclaimed(&objects[0]), 0);
    CHECK_EQ(hazptr_reclaim_here(), 1);
    CHECK_EQ(times_reclaimed(&objects[0]), 1);
    CHECK_EQ(hazptr_reclaim_here(), 0);
    objects[0].reclaimed = 0;
}

static void none_if_none_is_wanted(void)
{
    start_no_worker();
    few_wait_for_somebody_to_reclaim_them();
    nothing_is_lost_without_it();
}

static void refuse_threads(void)
{
    filter_refuse(SYS_clone, ANY_ARGUMENT, EAGAIN);
    filter_refuse(SYS_clone3, ANY_ARGUMENT, EAGAIN);
}

static void none_if_none_can_be_started(void)
{
    struct hazptr_reclaim_policy policy = policy_in_force(), after;

    refuse_threads();
    KEEPS_ERRNO(few_wait_for_somebody_to_reclaim_them());
    nothing_is_lost_without_it();
    /* It would have to be there for this. */
    policy.nice = 5;
    KEEPS_ERRNO(CHECK_EQ(set_policy(&policy), EAGAIN));
    after = policy_in_force();
    CHECK_EQ(after.nice, 0);
}

static const struct test_case cases[] = {
    {"starts-on-first-use-and-once", starts_on_first_use_and_once, 0, 0},
    {"first-uses-at-once-start-one", first_uses_at_once_start_one, 0, 0},
    {"signals-go-elsewhere", signals_go_elsewhere, 0, 0},
    {"fault-in-a-callback-reaches-its-handler", fault_in_a_callback_reaches_its_handler, 0, 0},
    {"uses-no-time-when-nothing-is-pending", uses_no_time_when_nothing_is_pending, 0, 0},
    {"none-if-none-is-wanted", none_if_none_is_wanted, 0, 0},
    {"none-if-none-can-be-started", none_if_none_can_be_started, 0, 0},
};

int main(int argc, char **argv)
{
    return run_cases(cases, CASES(cases), argc, argv);
}
