/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One way to read: what a type's file defines.
 *
 * A file writes its loop once, as an inline function SECTION(loops, delay), each loop from entering
 * to leaving the protection; SCALE_READER() makes of it one loop without and one with the delay,
 * so that the first has no trace of it.
 */
#ifndef READER_H
#define READER_H

#include <stddef.h>

struct scale_reader {
    /* In the thread that reads, outside the measured time. Either may be NULL. */
    void (*begin)(void);
    void (*end)(void);
    /* Reads @loops times, each time for @delay nanoseconds. */
    void (*section)(unsigned long loops, long delay);
};

#define SCALE_INLINE static inline __attribute__((always_inline))

#define SCALE_READER(reader, SECTION, begin, end)                                                  \
    static void reader##_section(unsigned long loops, long delay)                                  \
    {                                                                                              \
        if (delay)                                                                                 \
            SECTION(loops, delay);                                                                 \
        else                                                                                       \
            SECTION(loops, 0);                                                                     \
    }                                                                                              \
    const struct scale_reader reader = {begin, end, reader##_section}

/* Busy for so many nanoseconds, give or take a look at the clock; at once after an interruption. */
void scale_delay(long nanoseconds);

#endif /* READER_H */
