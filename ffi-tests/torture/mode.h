/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The mode that the library is in. It reads its wishes from the environment when it is loaded, so
 * the parameters mode and max_lines are put there and the program is begun anew.
 */
#ifndef TORTURE_MODE_H
#define TORTURE_MODE_H

/* Does not return if the program has to be begun anew. */
void mode_ensure(char **argv);

const char *mode_in_force(void);

#endif /* TORTURE_MODE_H */
