/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* In place of liburcu's header of this name: see urcu/urcu-memb.h. */
#define URCU_API_MAP
#include <urcu/urcu.h>
