/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The C library's mutex, one for all objects. */
#include "plain.h"

#include <pthread.h>

#define LIBRARY "glibc"
#define VERSION QUOTE(__GLIBC__) "." QUOTE(__GLIBC_MINOR__)
#define PROTECTS "lock"
#define NOTE                                                                                       \
    "pthread_mutex_t; wait: the mutex, taken once; retire: exchanged under the mutex, then freed"
#define ONE_SECTION
#define replace replace_object

static pthread_mutex_t mutex __attribute__((aligned(128))) = PTHREAD_MUTEX_INITIALIZER;

struct guard {
    char nothing;
};

SUBJECT_INLINE struct object *enter(struct guard *guard, const struct place *place, int number)
{
    (void)guard;
    (void)number;
    pthread_mutex_lock(&mutex);
    return load(place);
}

SUBJECT_INLINE void leave(struct guard *guard)
{
    (void)guard;
    pthread_mutex_unlock(&mutex);
}

SUBJECT_INLINE void replace_object(void)
{
    unpublish();
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
}

/* Nobody reads it who has not got the mutex. */
SUBJECT_INLINE void retire_object(struct object *next)
{
    struct object *old;

    pthread_mutex_lock(&mutex);
    old = shared.pointer;
    __atomic_store_n(&shared.pointer, next, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&mutex);
    retired_free(old);
}
#define retire_next retire_object

#include "loops.h"
