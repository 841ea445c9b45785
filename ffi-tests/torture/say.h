/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Lines on standard output, each begun by the torture's type and written whole; and one line on the
 * terminal, written over and over, that gives way to them.
 */
#ifndef TORTURE_SAY_H
#define TORTURE_SAY_H

void say(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));
/* Only with verbose=1. */
void say_verbose(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

/* A line in pieces: say_begin(), printf() as often as needed, say_end(). */
void say_begin(void);
void say_end(void);

/* Only if standard error is a terminal, and not with --quiet. */
void say_progress(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

#endif /* TORTURE_SAY_H */
