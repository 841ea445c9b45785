/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Writers: replace the published element, and wait for it and move it along, or retire it.
 */
#ifndef TORTURE_WRITER_H
#define TORTURE_WRITER_H

#include <stdbool.h>

enum writer_state {
    HTWS_FIXED_DELAY,
    HTWS_DELAY,
    HTWS_REPLACE,
    HTWS_SYNC,
    HTWS_STUTTER,
    HTWS_STOPPING,
};

void writers_start(int count);
void writers_join(void);
void writers_free(void);

int writers_count(void);
enum writer_state writers_state(int n);
/* Whether writer @n has made no update since this was last asked. By the main thread. */
bool writers_have_stalled(int n);
const char *writer_state_name(enum writer_state state);

#endif /* TORTURE_WRITER_H */
