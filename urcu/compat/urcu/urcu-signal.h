/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* In place of liburcu's header of this name. */
#error "libhazptr-urcu does not have the flavour signal: include <urcu.h>, or use liburcu itself"
