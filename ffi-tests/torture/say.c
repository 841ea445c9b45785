/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "say.h"
#include "parameters.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* Under the lock of standard output: whether the terminal's last line is a progress line. */
static bool in_progress;

void say_begin(void)
{
    flockfile(stdout);
    if (in_progress) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        in_progress = false;
    }
    printf("%s-torture: ", parameters.type->name);
}

void say_end(void)
{
    putchar('\n');
    fflush(stdout);
    funlockfile(stdout);
}

static void say_arguments(const char *format, va_list arguments)
{
    say_begin();
    vprintf(format, arguments);
    say_end();
}

void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say_arguments(format, arguments);
    va_end(arguments);
}

void say_verbose(const char *format, ...)
{
    va_list arguments;

    if (parameters.verbose == 0)
        return;
    va_start(arguments, format);
    say_arguments(format, arguments);
    va_end(arguments);
}

void say_progress(const char *format, ...)
{
    va_list arguments;

    if (parameters.quiet || !isatty(STDERR_FILENO))
        return;
    flockfile(stdout);
    in_progress = true;
    fputc('\r', stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\033[K", stderr);
    fflush(stderr);
    funlockfile(stdout);
}
