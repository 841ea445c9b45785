/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Readers: acquire as many hazards as `nested` says, delay, and only then look at what they hold.
 */
#ifndef TORTURE_READER_H
#define TORTURE_READER_H

void readers_start(int count);
void readers_join(void);
void readers_free(void);

#endif /* TORTURE_READER_H */
