/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* In place of liburcu's header of this name. */
#include <urcu/flavor.h>
