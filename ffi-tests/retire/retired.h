/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Objects that count how often they are reclaimed and know by whom, hazards on them, and the worker
 * as the kernel sees it.
 */
#ifndef RETIRED_H
#define RETIRED_H

#include "waiter.h"
#include <dirent.h>

/* Lets others run until @condition holds. If it never does, the test is ended from outside. */
#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        while (!(condition))                                                                       \
            give_way();                                                                            \
    } while (0)

#define SENTINEL 4321

#define KEEPS_ERRNO(call)                                                                          \
    do {                                                                                           \
        errno = SENTINEL;                                                                          \
        call;                                                                                      \
        CHECK_EQ(errno, SENTINEL);                                                                 \
    } while (0)

/* --- objects ---------------------------------------------------------------------------------- */

struct object {
    /* First, so that its address is the object's. */
    struct hazptr_head head;
    unsigned int reclaimed;
    pid_t by;
};

static inline void note_reclaimed_addr(void *addr)
{
    struct object *object = (struct object *)addr;

    object->by = thread_id();
    __atomic_fetch_add(&object->reclaimed, 1, __ATOMIC_RELEASE);
}

static inline void note_reclaimed(struct hazptr_head *head)
{
    note_reclaimed_addr(head);
}

static inline unsigned int times_reclaimed(const struct object *object)
{
    return __atomic_load_n(&object->reclaimed, __ATOMIC_ACQUIRE);
}

static inline void retire(struct object *object)
{
    hazptr_retire(&object->head, object, note_reclaimed);
}

static inline void retire_in(struct hazptr_cohort *cohort, struct object *object,
                             unsigned int flags)
{
    CHECK_EQ(hazptr_retire_in(cohort, &object->head, object, note_reclaimed, flags), 0);
}

/* For objects from malloc(), which are then not looked at any more. */
static inline void free_reclaimed(struct hazptr_head *head)
{
    free(head);
}

/* --- hazards ---------------------------------------------------------------------------------- */

static inline void hold(struct hazptr_ctx *ctx, void *addr)
{
    void *pointer = addr;

    CHECK(hazptr_acquire(ctx, &pointer) == addr);
}

/*
 * Once what is retired here is reclaimed, all that was retired before it has been taken with it or
 * earlier: if it is not reclaimed, it was found protected.
 */
static inline void await_a_pass(void)
{
    struct object later;

    memset(&later, 0, sizeof(later));
    retire(&later);
    while (!times_reclaimed(&later)) {
        hazptr_reclaim_here();
        give_way();
    }
}

/* --- the policy ------------------------------------------------------------------------------- */

static inline struct hazptr_reclaim_policy policy_in_force(void)
{
    struct hazptr_reclaim_policy policy;

    CHECK_EQ(hazptr_get_policy(&policy, sizeof(policy)), 0);
    return policy;
}

static inline int set_policy(const struct hazptr_reclaim_policy *policy)
{
    return hazptr_set_policy(policy, sizeof(*policy));
}

/* Before the first object is retired. */
static inline void start_no_worker(void)
{
    struct hazptr_reclaim_policy policy = policy_in_force();

    policy.flags |= HAZPTR_RECLAIM_NO_WORKER;
    CHECK_EQ(set_policy(&policy), 0);
}

static inline void set_delay(uint32_t microseconds)
{
    struct hazptr_reclaim_policy policy = policy_in_force();

    policy.delay_us = microseconds;
    CHECK_EQ(set_policy(&policy), 0);
}

/* An hour: what is reclaimed sooner was not because of it. */
#define LONG_DELAY (3600u * 1000000u)

/* --- the worker ------------------------------------------------------------------------------- */

/* Reads a file of /proc/self/task/@tid. */
static inline void read_of_thread(pid_t tid, const char *name, char *text, size_t room)
{
    char path[64];
    ssize_t got;
    int fd;

    snprintf(path, sizeof(path), "/proc/self/task/%d/%s", (int)tid, name);
    text[0] = 0;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    /* A thread may have ended. */
    if (fd < 0)
        return;
    got = read(fd, text, room - 1);
    text[got < 0 ? 0 : got] = 0;
    close(fd);
}

/* How many threads there are; those of the library, by name, and one of them. */
struct threads {
    unsigned int all, workers;
    pid_t worker;
};

static inline struct threads threads_now(void)
{
    struct threads now = {0, 0, 0};
    DIR *directory = opendir("/proc/self/task");
    struct dirent *entry;
    char name[32];
    pid_t tid;

    CHECK(directory);
    while ((entry = readdir(directory))) {
        tid = (pid_t)atoi(entry->d_name);
        if (!tid)
            continue;
        now.all++;
        read_of_thread(tid, "comm", name, sizeof(name));
        if (strcmp(name, "hazptr-reclaim\n") == 0) {
            now.workers++;
            now.worker = tid;
        }
    }
    closedir(directory);
    return now;
}

/* A thread has its name a moment after it has begun. */
static inline pid_t await_worker(void)
{
    struct threads now;

    do {
        give_way();
        now = threads_now();
    } while (!now.workers);
    CHECK_EQ(now.workers, 1);
    return now.worker;
}

#endif /* RETIRED_H */
