/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Run so long, halt so long: waits and sleeps come to their ends, and all begin at once. */
#include "disturbance.h"
#include "parameters.h"
#include "stop.h"
#include "thread.h"

static struct thread stutter;
static atomic_bool halted;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t go_on = PTHREAD_COND_INITIALIZER;

static void set(bool halt)
{
    pthread_mutex_lock(&lock);
    atomic_store(&halted, halt);
    pthread_cond_broadcast(&go_on);
    pthread_mutex_unlock(&lock);
}

void stutter_wait(void)
{
    if (!atomic_load_explicit(&halted, memory_order_relaxed))
        return;
    pthread_mutex_lock(&lock);
    while (atomic_load(&halted))
        pthread_cond_wait(&go_on, &lock);
    pthread_mutex_unlock(&lock);
}

static void run(struct thread *me)
{
    bool halt = false;

    (void)me;
    while (!stop_wait(parameters.stutter * 1000)) {
        halt = !halt;
        set(halt);
    }
    /* They look for the end themselves. */
    set(false);
}

void stutter_start(void)
{
    if (parameters.stutter > 0)
        thread_start(&stutter, "stutter", 0, run);
}

void stutter_join(void)
{
    if (parameters.stutter > 0)
        thread_join(&stutter);
}
