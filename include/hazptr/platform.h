/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the generated header needs before its first declaration. Included by <hazptr.h> only.
 *
 * HAZPTR_WEAK, defined by the program before <hazptr.h>, makes every function a weak reference: the
 * program links without the library, and `if (hazptr_acquire)` tells whether it is there.
 */
#ifndef HAZPTR_PLATFORM_H
#define HAZPTR_PLATFORM_H

/* Before anything else: a machine of another kind may lack even the headers below. */
#if !defined(__GNUC__) || !defined(__x86_64__) || !defined(__linux__) || defined(__ILP32__)
#error "hazptr runs on 64-bit x86 Linux only, so far, and needs gcc or clang"
#endif

#include <stddef.h>
#include <stdint.h>

/* Calls by way of the global offset table save a jump, which here is a tenth of an acquire. */
#if defined(__has_attribute)
#if __has_attribute(__noplt__)
#define HAZPTR_CALL __attribute__((__noplt__))
#endif
#endif
#ifndef HAZPTR_CALL
#define HAZPTR_CALL
#endif

#ifdef HAZPTR_WEAK
#define HAZPTR_API extern HAZPTR_CALL __attribute__((__weak__))
#else
#define HAZPTR_API extern HAZPTR_CALL
#endif

#endif /* HAZPTR_PLATFORM_H */
