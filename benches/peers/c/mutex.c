/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The C library's mutex, one for all objects. */
#include "plain.h"

#include <pthread.h>

#define LIBRARY "glibc"
#define VERSION QUOTE(__GLIBC__) "." QUOTE(__GLIBC_MINOR__)
#define PROTECTS "lock"
#define NOTE "pthread_mutex_t; wait: the mutex, taken once"
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

#include "loops.h"
