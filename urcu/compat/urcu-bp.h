/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* In place of liburcu's header of this name: see urcu/urcu-bp.h. */
#define URCU_API_MAP
#include <urcu/urcu-bp.h>
