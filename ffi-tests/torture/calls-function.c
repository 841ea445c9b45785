/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define CALLS calls
#include "calls.h"
