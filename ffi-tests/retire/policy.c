/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the policy says is in force, and seen at the worker. What cannot be is refused, with nothing
 * changed. A child inherits it.
 */
#include "cases.h"
#include "retired.h"
#include "surroundings.h"
#include <sys/resource.h>

static struct object object;

static void same(const struct hazptr_reclaim_policy *a, const struct hazptr_reclaim_policy *b)
{
    CHECK(memcmp(a, b, sizeof(*a)) == 0);
}

static void allow(struct hazptr_reclaim_policy *policy, int cpu)
{
    policy->cpus[cpu / 64] |= UINT64_C(1) << cpu % 64;
}

/* The last that this thread may use: another one than the first, if there are two. */
static int some_cpu(void)
{
    cpu_set_t allowed = cpus_allowed();
    int cpu = CPU_SETSIZE - 1;

    while (!CPU_ISSET(cpu, &allowed))
        cpu--;
    return cpu;
}

/* --- without a worker ------------------------------------------------------------------------- */

static void defaults(void)
{
    struct hazptr_reclaim_policy policy = policy_in_force();
    size_t i;

    CHECK(policy.bound >= 1024 + 64);
    CHECK_EQ((policy.bound - 1024) % 64, 0);
    CHECK_EQ(policy.batch, policy.bound);
    CHECK_EQ(policy.delay_us, 10000);
    CHECK_EQ(policy.flags, 0);
    CHECK_EQ(policy.nice, 0);
    CHECK_EQ(policy.reserved, 0);
    for (i = 0; i < sizeof(policy.cpus) / sizeof(*policy.cpus); i++)
        CHECK_EQ(policy.cpus[i], 0);
}

static void what_is_set_is_told(void)
{
    struct hazptr_reclaim_policy policy = policy_in_force(), told;

    policy.batch = 77;
    policy.bound = 7777;
    policy.delay_us = 123456;
    policy.flags = HAZPTR_RECLAIM_NO_WORKER;
    CHECK_EQ(set_policy(&policy), 0);
    told = policy_in_force();
    same(&told, &policy);
    policy.flags = 0;
    CHECK_EQ(set_policy(&policy), 0);
    told = policy_in_force();
    same(&told, &policy);
    CHECK_EQ(threads_now().workers, 0);
}

static void is_invalid(const struct hazptr_reclaim_policy *policy, size_t size)
{
    const struct hazptr_reclaim_policy before = policy_in_force();
    struct hazptr_reclaim_policy after;

    KEEPS_ERRNO(CHECK_EQ(hazptr_set_policy(policy, size), EINVAL));
    after = policy_in_force();
    same(&after, &before);
}

static void what_cannot_be_is_refused(void)
{
    struct hazptr_reclaim_policy policy = policy_in_force(), wrong;

    KEEPS_ERRNO(CHECK_EQ(hazptr_get_policy(NULL, sizeof(policy)), EINVAL));
    KEEPS_ERRNO(CHECK_EQ(hazptr_get_policy(&policy, 0), EINVAL));
    KEEPS_ERRNO(CHECK_EQ(hazptr_get_policy(&policy, sizeof(policy) - 1), EINVAL));
    is_invalid(NULL, sizeof(policy));
    is_invalid(&policy, 0);
    is_invalid(&policy, sizeof(policy) - 1);
    is_invalid(&policy, sizeof(policy) + 8);
    wrong = policy;
    wrong.bound = 0;
    is_invalid(&wrong, sizeof(wrong));
    wrong = policy;
    wrong.flags = HAZPTR_RECLAIM_NO_WORKER << 1;
    is_invalid(&wrong, sizeof(wrong));
    wrong = policy;
    wrong.flags = ~0u;
    is_invalid(&wrong, sizeof(wrong));
}

/* --- at the worker ---------------------------------------------------------------------------- */

static int nice_of(pid_t tid)
{
    int nice;

    errno = 0;
    nice = getpriority(PRIO_PROCESS, (id_t)tid);
    CHECK_EQ(errno, 0);
    return nice;
}

static cpu_set_t cpus_of(pid_t tid)
{
    cpu_set_t set;

    CHECK_EQ(sched_getaffinity(tid, sizeof(set), &set), 0);
    return set;
}

static void worker_has_this_nice_value(int nice)
{
    CHECK_EQ(nice_of(await_worker()), nice);
    CHECK_EQ(policy_in_force().nice, nice);
}

static void worker_may_use_one_cpu(int cpu)
{
    cpu_set_t set = cpus_of(await_worker());

    CHECK_EQ(CPU_COUNT(&set), 1);
    CHECK(CPU_ISSET(cpu, &set));
}

/* It is started by the call, if need be. */
static void nice_and_cpus(void)
{
    struct hazptr_reclaim_policy policy = policy_in_force(), told;
    const int nice = nice_of(thread_id());
    const cpu_set_t cpus = cpus_allowed();
    cpu_set_t cpus_after;

    policy.nice = 5;
    CHECK_EQ(set_policy(&policy), 0);
    worker_has_this_nice_value(5);
    allow(&policy, some_cpu());
    CHECK_EQ(set_policy(&policy), 0);
    worker_has_this_nice_value(5);
    worker_may_use_one_cpu(some_cpu());
    told = policy_in_force();
    same(&told, &policy);
    CHECK_EQ(threads_now().all, 2);
    retire(&object);
    AWAIT(times_reclaimed(&object));
    CHECK_EQ(object.by, await_worker());
    /* The caller's own stay as they are. */
    CHECK_EQ(nice_of(thread_id()), nice);
    cpus_after = cpus_allowed();
    CHECK(CPU_EQUAL(&cpus, &cpus_after));
}

static void set_before_first_use(void)
{
    CHECK_EQ(threads_now().workers, 0);
    nice_and_cpus();
}

static void set_while_it_runs(void)
{
    retire(&object);
    await_worker();
    AWAIT(times_reclaimed(&object));
    memset(&object, 0, sizeof(object));
    nice_and_cpus();
}

/* A machine with so many CPUs would be no reason to fail. */
static void cpus_that_are_not_there(void)
{
    struct hazptr_reclaim_policy policy = policy_in_force();
    cpu_set_t before, after;

    if (sysconf(_SC_NPROCESSORS_CONF) >= 1024)
        return;
    nice_and_cpus();
    before = cpus_of(await_worker());
    memset(&policy, 0, sizeof(policy));
    policy = policy_in_force();
    memset(policy.cpus, 0, sizeof(policy.cpus));
    allow(&policy, 1023);
    policy.batch = 7;
    policy.nice = 7;
    is_invalid(&policy, sizeof(policy));
    after = cpus_of(await_worker());
    CHECK(CPU_EQUAL(&before, &after));
    worker_has_this_nice_value(5);
}

/* Nobody may take back what he has given away; but root. */
static void nice_that_is_not_allowed(void)
{
    struct hazptr_reclaim_policy policy, after;
    struct rlimit none = {0, 0};

    nice_and_cpus();
    CHECK_EQ(setrlimit(RLIMIT_NICE, &none), 0);
    if (getuid() == 0)
        CHECK_EQ(setuid(65534), 0);
    policy = policy_in_force();
    policy.nice = -5;
    policy.batch = 7;
    memset(policy.cpus, 0, sizeof(policy.cpus));
    KEEPS_ERRNO(CHECK_EQ(set_policy(&policy), EACCES));
    after = policy_in_force();
    CHECK_EQ(after.nice, 5);
    CHECK(after.batch != 7);
    worker_has_this_nice_value(5);
    worker_may_use_one_cpu(some_cpu());
}

static void child_keeps_it(void)
{
    struct hazptr_reclaim_policy policy, childs;
    int status;
    pid_t child, worker;

    nice_and_cpus();
    policy = policy_in_force();
    policy.delay_us = 777;
    policy.bound = 7777;
    CHECK_EQ(set_policy(&policy), 0);
    worker = await_worker();
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        childs = policy_in_force();
        same(&childs, &policy);
        memset(&object, 0, sizeof(object));
        retire(&object);
        CHECK(await_worker() != worker);
        AWAIT(times_reclaimed(&object));
        worker_has_this_nice_value(5);
        worker_may_use_one_cpu(some_cpu());
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

/* What is pending when it goes is there when it comes back. */
static void worker_comes_and_goes(void)
{
    struct hazptr_reclaim_policy with = policy_in_force(), without = with;
    int round;

    without.flags = HAZPTR_RECLAIM_NO_WORKER;
    for (round = 0; round < 10; round++) {
        memset(&object, 0, sizeof(object));
        retire(&object);
        AWAIT(times_reclaimed(&object));
        CHECK_EQ(set_policy(&without), 0);
        AWAIT(threads_now().workers == 0);
        memset(&object, 0, sizeof(object));
        retire(&object);
        CHECK_EQ(threads_now().all, 1);
        CHECK_EQ(times_reclaimed(&object), 0);
        CHECK_EQ(set_policy(&with), 0);
        AWAIT(times_reclaimed(&object));
    }
}

/* The call ends a wait for the next turn; after that turn nothing is left that would wake it. */
static void worker_goes_although_it_had_work(void)
{
    struct hazptr_reclaim_policy with = policy_in_force(), without = with;
    int round;

    with.delay_us = 1000000;
    without.flags = HAZPTR_RECLAIM_NO_WORKER;
    for (round = 0; round < 10; round++) {
        CHECK_EQ(set_policy(&with), 0);
        memset(&object, 0, sizeof(object));
        retire(&object);
        await_worker();
        CHECK_EQ(set_policy(&without), 0);
        AWAIT(threads_now().workers == 0);
        CHECK_EQ(hazptr_barrier(), 0);
        CHECK_EQ(times_reclaimed(&object), 1);
    }
}

/* Who asks for a worker and says how it is to run, in one call, gets both. */
static void wanted_again_with_another_nice_value(void)
{
    struct hazptr_reclaim_policy with = policy_in_force(), without;
    int round;

    retire(&object);
    for (round = 1; round < 10; round++) {
        without = policy_in_force();
        without.flags = HAZPTR_RECLAIM_NO_WORKER;
        CHECK_EQ(set_policy(&without), 0);
        with.nice = round;
        CHECK_EQ(set_policy(&with), 0);
        worker_has_this_nice_value(round);
    }
}

static const struct test_case cases[] = {
    {"defaults", defaults, 0, 0},
    {"what-is-set-is-told", what_is_set_is_told, 0, 0},
    {"what-cannot-be-is-refused", what_cannot_be_is_refused, 0, 0},
    {"set-before-first-use", set_before_first_use, 0, 0},
    {"set-while-it-runs", set_while_it_runs, 0, 0},
    {"cpus-that-are-not-there", cpus_that_are_not_there, 0, 0},
    {"nice-that-is-not-allowed", nice_that_is_not_allowed, 0, 0},
    {"worker-comes-and-goes", worker_comes_and_goes, 0, 0},
    {"worker-goes-although-it-had-work", worker_goes_although_it_had_work, 0, 0},
    {"wanted-again-with-another-nice-value", wanted_again_with_another_nice_value, 0, 0},
    {"child-keeps-it", child_keeps_it, 0, 0},
};

int main(int argc, char **argv)
{
    return run_cases(cases, CASES(cases), argc, argv);
}
