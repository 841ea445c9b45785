/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "thread.h"
#include "children.h"
#include <time.h>

#define MOST 64
/* For a thread to end; nothing that works takes a hundredth of it. */
#define PATIENCE_S 180
#define MOST_MESSAGES 20

static struct thread *threads[MOST];
static atomic_int nr_threads;
static atomic_bool stopped[PHASES];
/* Of those that came and went. */
static atomic_ulong gone[COUNTS];

static const struct role nobodys = {.name = "none of the soak's"};
static struct thread nobody = {.role = &nobodys, .random = 1, .doing = "?"};
static __thread struct thread *self;

volatile sig_atomic_t in_child;
atomic_ulong errors;
atomic_bool stop_all;

struct thread *thread_self(void)
{
    return self ? self : &nobody;
}

void sleep_us(unsigned int us)
{
    const struct timespec time = {us / 1000000, (long)(us % 1000000) * 1000};

    nanosleep(&time, NULL);
}

/* --- one -------------------------------------------------------------------------------------- */

struct thread *thread_new(const struct role *role)
{
    static atomic_uint made;
    struct thread *thread = calloc(1, sizeof(*thread));

    CHECK(thread);
    thread->role = role;
    thread->random = 2654435769u * (atomic_fetch_add(&made, 1) + 1);
    thread->doing = "nothing yet";
    return thread;
}

void thread_enter(struct thread *me)
{
    me->tid = gettid();
    me->may_keep = me->role->may_keep;
    self = me;
}

/* Nobody else knows it any more. */
void thread_delete(struct thread *thread)
{
    int i;

    for (i = 0; i < COUNTS; i++)
        atomic_fetch_add(&gone[i], thread->count[i]);
    free(thread);
}

static void *run(void *argument)
{
    struct thread *me = argument;
    const struct role *role = me->role;

    thread_enter(me);
    if (role->begin)
        role->begin(me);
    while (!stopped[role->phase]) {
        role->turn(me);
        if (in_child)
            child_ends(me);
    }
    me->may_keep = false;
    if (role->let_go)
        role->let_go(me);
    if (in_child)
        child_ends(me);
    return NULL;
}

/* --- all of them ------------------------------------------------------------------------------ */

void thread_start(const struct role *role)
{
    struct thread *thread = thread_new(role);

    CHECK(nr_threads < MOST);
    thread->id = check_thread(run, thread);
    threads[nr_threads] = thread;
    nr_threads++;
}

void threads_stop(enum phase phase)
{
    stopped[phase] = true;
}

static void join(struct thread *thread)
{
    struct timespec until;
    int error;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    error = pthread_timedjoin_np(thread->id, NULL, &until);
    if (!error)
        return;
    complain("a thread does not end: %s, last seen in %s", thread->role->name, thread->doing);
    /* Others may wait for it: there is nothing left to balance. */
    _exit(1);
}

void threads_join(enum phase phase)
{
    int i;

    for (i = nr_threads; i-- > 0;)
        if (threads[i]->role->phase == phase)
            join(threads[i]);
}

struct thread *threads_any(unsigned int random)
{
    return threads[random % (unsigned int)nr_threads];
}

unsigned long threads_sum(enum count count)
{
    unsigned long sum = gone[count] + nobody.count[count];
    int i;

    for (i = 0; i < nr_threads; i++)
        sum += threads[i]->count[count];
    return sum;
}

/* --- errors ----------------------------------------------------------------------------------- */

void complain(const char *format, ...)
{
    const struct thread *me = thread_self();
    char text[400];
    va_list args;
    int length;

    if (in_child || atomic_fetch_add(&errors, 1) < MOST_MESSAGES) {
        length = snprintf(text, sizeof(text), "soak: ERROR%s: %s: ",
                  in_child ? " in a child" : "", me->role->name);
        va_start(args, format);
        length += vsnprintf(text + length, sizeof(text) - (size_t)length - 1, format, args);
        va_end(args);
        if (length > (int)sizeof(text) - 2)
            length = (int)sizeof(text) - 2;
        text[length++] = '\n';
        if (write(STDERR_FILENO, text, (size_t)length) < 0)
            abort();
    }
    if (in_child)
        _exit(1);
    stop_all = true;
}
