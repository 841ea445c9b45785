/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sleeping on a word, and waking: futex(2), within one process. errno is preserved. */
#ifndef HAZPTR_URCU_FUTEX_H
#define HAZPTR_URCU_FUTEX_H

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* While @word is @value, and not longer than @nanoseconds, if that is not 0. Returns early at will. */
static inline void futex_wait(uint32_t *word, uint32_t value, long nanoseconds)
{
	const struct timespec timeout = {0, nanoseconds};
	int error = errno;

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, nanoseconds ? &timeout : NULL, NULL, 0);
	errno = error;
}

/* All who wait. The memory may be freed already, for it is only an address then. */
static inline void futex_wake(uint32_t *word)
{
	int error = errno;

	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
	errno = error;
}

#endif /* HAZPTR_URCU_FUTEX_H */
