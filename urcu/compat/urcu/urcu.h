/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* In place of liburcu's header of this name. There is one flavour, whichever was asked for. */
#include <urcu/urcu-memb.h>
