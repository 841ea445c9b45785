/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Moves the threads among the CPUs, in patterns under which different ones meet. */
#include "disturbance.h"
#include "parameters.h"
#include "stop.h"
#include "thread.h"

static struct thread shuffle;

enum pattern {
    EVERYWHERE,
    /* Writers on one CPU, readers on the others. */
    APART_FROM_WRITERS,
    /* One CPU idles, as in the kernel's. */
    ALL_BUT_ONE,
    /* Each on one CPU, by lot. */
    EACH_SOMEWHERE,
    PATTERNS
};

struct move {
    enum pattern pattern;
    int cpu;
    struct random *random;
};

static bool is(const struct thread *thread, const char *role)
{
    return strcmp(thread->role, role) == 0;
}

static void all_but(struct thread *thread, int without)
{
    cpu_set_t set;
    int i;

    CPU_ZERO(&set);
    for (i = 0; i < cpus_count(); i++)
        if (cpus_nth(i) != without)
            CPU_SET(cpus_nth(i), &set);
    cpus_wish(&thread->cpus, &set);
}

static void move(struct thread *thread, void *argument)
{
    const struct move *move = argument;

    /* The others have their places, or none is better than another. */
    if (!is(thread, "reader") && !is(thread, "writer") && !is(thread, "cleaner"))
        return;
    switch (move->pattern) {
    case APART_FROM_WRITERS:
        if (is(thread, "writer"))
            cpus_wish_one(&thread->cpus, move->cpu);
        else
            all_but(thread, move->cpu);
        break;
    case ALL_BUT_ONE:
        all_but(thread, move->cpu);
        break;
    case EACH_SOMEWHERE:
        cpus_wish_one(&thread->cpus,
                      cpus_nth((int)random_below(move->random, (uint32_t)cpus_count())));
        break;
    default:
        cpus_wish(&thread->cpus, NULL);
    }
}

static void run(struct thread *me)
{
    struct move next = {.random = &me->random};

    while (!stop_wait(parameters.shuffle_interval * 1000)) {
        next.pattern = (enum pattern)random_below(&me->random, PATTERNS);
        next.cpu = cpus_nth((int)random_below(&me->random, (uint32_t)cpus_count()));
        threads_visit(move, &next);
    }
}

static bool is_on(void)
{
    return parameters.shuffle_interval > 0 && cpus_count() > 1;
}

void shuffle_start(void)
{
    if (is_on())
        thread_start(&shuffle, "shuffle", 0, run);
}

void shuffle_join(void)
{
    if (is_on())
        thread_join(&shuffle);
}
