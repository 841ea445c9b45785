/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The C library's read-write lock, taken to read. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../object.h"
#include "reader.h"

#include <pthread.h>

static pthread_rwlock_t lock __attribute__((aligned(128))) = PTHREAD_RWLOCK_INITIALIZER;

SCALE_INLINE void section(unsigned long loops, long delay)
{
    while (loops--) {
        pthread_rwlock_rdlock(&lock);
        USE(__atomic_load_n(&shared.pointer, __ATOMIC_ACQUIRE)->field);
        if (delay)
            scale_delay(delay);
        pthread_rwlock_unlock(&lock);
    }
}

SCALE_READER(scale_rwlock, section, NULL, NULL);
