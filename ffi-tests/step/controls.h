/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Negative controls: the library's code is broken in the victim, and the tests must notice.
 */
#ifndef CONTROLS_H
#define CONTROLS_H

/* Ends the process if a broken library goes unnoticed. The server is at READY, in mode rseq. */
void check_controls(void);

#endif /* CONTROLS_H */
