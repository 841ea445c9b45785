/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define HAZPTR_INLINE
#define CALLS calls_inlined
#include "calls.h"
