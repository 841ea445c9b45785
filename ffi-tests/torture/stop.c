/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "stop.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

atomic_bool stop_flag;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t asked;

void stop_open(void)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&asked, &attributes);
    pthread_condattr_destroy(&attributes);
}

void stop_request(void)
{
    pthread_mutex_lock(&lock);
    atomic_store(&stop_flag, true);
    pthread_cond_broadcast(&asked);
    pthread_mutex_unlock(&lock);
}

bool stop_wait(long ms)
{
    int64_t end = clock_ns() + (int64_t)ms * 1000000;
    struct timespec until = {.tv_sec = end / 1000000000, .tv_nsec = end % 1000000000};

    pthread_mutex_lock(&lock);
    while (!stopping())
        if (pthread_cond_timedwait(&asked, &lock, &until) == ETIMEDOUT)
            break;
    pthread_mutex_unlock(&lock);
    return stopping();
}

int64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void spin_us(long us)
{
    const int64_t end = clock_ns() + (int64_t)us * 1000;

    while (clock_ns() < end && !stopping())
        __builtin_ia32_pause();
}
