/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "cpus.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct cpus_member *members;
static cpu_set_t all, given;
static int move_error;

bool cpus_open(void)
{
    if (sched_getaffinity(0, sizeof(all), &all))
        return false;
    given = all;
    if (sched_setaffinity(0, sizeof(all), &all))
        move_error = errno;
    return true;
}

int cpus_move_error(void)
{
    return move_error;
}

int cpus_count(void)
{
    return CPU_COUNT(&all);
}

int cpus_nth(int n)
{
    int cpu;

    for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &all) && n-- == 0)
            return cpu;
    return -1;
}

/* Under the lock, here and below. */
static bool move(const struct cpus_member *member)
{
    cpu_set_t set;

    CPU_AND(&set, &member->wish, &given);
    return sched_setaffinity(member->tid, sizeof(set), CPU_COUNT(&set) ? &set : &given) == 0;
}

static bool move_all(void)
{
    const struct cpus_member *member;
    bool moved = true;

    for (member = members; member; member = member->next)
        if (!move(member))
            moved = false;
    return moved;
}

void cpus_enter(struct cpus_member *me)
{
    pthread_mutex_lock(&lock);
    me->tid = (pid_t)syscall(SYS_gettid);
    me->wish = all;
    me->pprev = &members;
    me->next = members;
    if (members)
        members->pprev = &me->next;
    members = me;
    move(me);
    pthread_mutex_unlock(&lock);
}

void cpus_leave(struct cpus_member *me)
{
    pthread_mutex_lock(&lock);
    *me->pprev = me->next;
    if (me->next)
        me->next->pprev = me->pprev;
    me->tid = 0;
    pthread_mutex_unlock(&lock);
}

void cpus_wish(struct cpus_member *member, const cpu_set_t *wish)
{
    pthread_mutex_lock(&lock);
    member->wish = wish ? *wish : all;
    /* Number 0 would be the caller. */
    if (member->tid)
        move(member);
    pthread_mutex_unlock(&lock);
}

void cpus_wish_one(struct cpus_member *member, int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    cpus_wish(member, &set);
}

static bool change(const cpu_set_t *now)
{
    const cpu_set_t before = given;
    bool changed;
    int error;

    given = *now;
    changed = move_all();
    if (!changed) {
        error = errno;
        given = before;
        move_all();
        errno = error;
    }
    return changed;
}

bool cpus_take(int cpu)
{
    cpu_set_t now;
    bool taken = false;

    pthread_mutex_lock(&lock);
    now = given;
    CPU_CLR(cpu, &now);
    if (CPU_COUNT(&now) > 0)
        taken = change(&now);
    else
        errno = EBUSY;
    pthread_mutex_unlock(&lock);
    return taken;
}

bool cpus_give(int cpu)
{
    cpu_set_t now;
    bool is_given;

    pthread_mutex_lock(&lock);
    now = given;
    CPU_SET(cpu, &now);
    is_given = change(&now);
    pthread_mutex_unlock(&lock);
    return is_given;
}

bool cpus_has(int cpu)
{
    bool has;

    pthread_mutex_lock(&lock);
    has = CPU_ISSET(cpu, &given);
    pthread_mutex_unlock(&lock);
    return has;
}
