/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The system takes membarrier away from the running process, by a seccomp filter, while readers
 * and waiters are at it. The library goes on in a lower mode: no object is freed that is in use,
 * hazards from before are respected. (refused-sweep.c looks at how.)
 */
#include "cases.h"
#include "filter.h"
#include "surroundings.h"
#include "waiter.h"
#include <hazptr/control.h>

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

/* What was current when sequences were given up is no more, nor will anything be. */
static void check_no_line_is_current(void)
{
    const struct hazptr_control *control = hazptr_control_block();
    unsigned int entry;

    CHECK_EQ(control->nr_cpus, 0);
    for (entry = 0; entry < HAZPTR_CONTROL_ENTRIES; entry++)
        CHECK(!__atomic_load_n(&control->current[entry], __ATOMIC_RELAXED));
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
    check_no_line_is_current();
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
    check_no_line_is_current();
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
    int listener = filter_supervise(SYS_membarrier);
    void *pointer = &kept;
    struct hazptr_ctx ctx;

    CHECK_ERR(pthread_detach(check_thread(refuse_from_the_second, &listener)));
    CHECK(hazptr_acquire(&ctx, &pointer) == &kept);
    wait_for(&ctx, &kept);
    CHECK_EQ(hazptr_mode(), HAZPTR_MODE_FENCE);
    CHECK_EQ(check_stats().barriers_refused, 1);
}

static const struct test_case cases[] = {
    {"all_with_eperm", all_with_eperm, 0, 0},
    {"all_with_enosys", all_with_enosys, 0, 0},
    {"rseq_command", rseq_command, 1, 0},
    {"many_waiters", many_waiters, 0, 0},
    {"going_to_sleep", going_to_sleep, 1, 0},
};

int main(int argc, char **argv)
{
    return run_cases(cases, CASES(cases), argc, argv);
}
