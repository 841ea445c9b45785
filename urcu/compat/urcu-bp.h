/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* In place of liburcu's header of this name: see urcu/urcu-bp.h. */
#ifndef URCU_API_MAP
#define URCU_API_MAP
#endif
#include <urcu/urcu-bp.h>
