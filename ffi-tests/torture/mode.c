/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "mode.h"
#include "parameters.h"

#include <errno.h>
#include <hazptr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether the environment had to be changed. */
static bool wish(const char *name, const char *value)
{
    const char *present = getenv(name);

    if (present && strcmp(present, value) == 0)
        return false;
    setenv(name, value, 1);
    return true;
}

void mode_ensure(char **argv)
{
    char lines[24];
    bool changed = false;

    if (parameters.mode && wish("HAZPTR_MODE", parameters.mode))
        changed = true;
    snprintf(lines, sizeof(lines), "%ld", parameters.max_lines);
    if (parameters.max_lines >= 0 && wish("HAZPTR_MAX_LINES", lines))
        changed = true;
    /* Next time the environment is as wished for. */
    if (!changed)
        return;
    execv("/proc/self/exe", argv);
    fprintf(stderr, "hazptrtorture: cannot begin anew: %s; set HAZPTR_MODE, HAZPTR_MAX_LINES\n",
            strerror(errno));
    exit(2);
}

const char *mode_in_force(void)
{
    switch (hazptr_mode()) {
    case HAZPTR_MODE_RSEQ:
        return "rseq";
    case HAZPTR_MODE_MEMBARRIER:
        return "membarrier";
    default:
        return "fence";
    }
}
