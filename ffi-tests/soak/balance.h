/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What must be even in the end, and must not have grown. */
#ifndef SOAK_BALANCE_H
#define SOAK_BALANCE_H

#include <stdbool.h>

/* Before any thread is started. */
void balance_begin(void);
/* When the program has its working size. */
void balance_note_memory(void);
/* All threads but the caller have ended. Lets go of what is left, prints the books. */
bool balance_is_right(void);

unsigned long resident_kb(void);

#endif /* SOAK_BALANCE_H */
