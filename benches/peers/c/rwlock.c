/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The C library's read-write lock, one for all objects. */
#include "plain.h"

#include <pthread.h>

#define LIBRARY "glibc"
#define VERSION QUOTE(__GLIBC__) "." QUOTE(__GLIBC_MINOR__)
#define PROTECTS "lock"
#define NOTE "pthread_rwlock_t; wait: the lock, taken once to write"
#define ONE_SECTION
#define replace replace_object

static pthread_rwlock_t lock __attribute__((aligned(128))) = PTHREAD_RWLOCK_INITIALIZER;

struct guard {
    char nothing;
};

SUBJECT_INLINE struct object *enter(struct guard *guard, const struct place *place, int number)
{
    (void)guard;
    (void)number;
    pthread_rwlock_rdlock(&lock);
    return load(place);
}

SUBJECT_INLINE void leave(struct guard *guard)
{
    (void)guard;
    pthread_rwlock_unlock(&lock);
}

SUBJECT_INLINE void replace_object(void)
{
    unpublish();
    pthread_rwlock_wrlock(&lock);
    pthread_rwlock_unlock(&lock);
}

#include "loops.h"
