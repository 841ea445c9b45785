/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a debugger reads about the sequences of a program: all of them are listed, each with its way
 * out, whatever the linker has joined, dropped or moved.
 */
#ifndef DEBUGGERS_H
#define DEBUGGERS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HIDDEN __attribute__((__visibility__("hidden")))
#define ABORT_SIGNATURE UINT32_C(0x53053053)

/* As the kernel has it. */
struct sequence {
    uint32_t version, flags;
    uint64_t start, length, abort;
};

struct way_out {
    uint64_t start, target;
};

/* The linker's names for where the sections begin and end. */
#ifdef __cplusplus
extern "C" {
#endif
extern const struct sequence __start___rseq_cs[] HIDDEN, __stop___rseq_cs[] HIDDEN;
extern const struct sequence *const __start___rseq_cs_ptr_array[] HIDDEN;
extern const struct sequence *const __stop___rseq_cs_ptr_array[] HIDDEN;
extern const struct way_out __start___rseq_exit_point_array[] HIDDEN;
extern const struct way_out __stop___rseq_exit_point_array[] HIDDEN;
#ifdef __cplusplus
}
#endif

static inline int sequence_is_told(const struct sequence *sequence)
{
    const struct sequence *const *pointer = __start___rseq_cs_ptr_array;
    const struct way_out *way = __start___rseq_exit_point_array;
    uint32_t signature;

    memcpy(&signature, (const void *)(uintptr_t)(sequence->abort - 4), sizeof(signature));
    if (signature != ABORT_SIGNATURE)
        return 0;
    while (pointer < __stop___rseq_cs_ptr_array && *pointer != sequence)
        pointer++;
    while (way < __stop___rseq_exit_point_array && way->start != sequence->start)
        way++;
    return pointer < __stop___rseq_cs_ptr_array && way < __stop___rseq_exit_point_array &&
           way->target - sequence->start >= sequence->length;
}

/* Every sequence of this program, and nothing else. */
static inline int debuggers_are_told(void)
{
    const struct sequence *sequence = __start___rseq_cs;
    const ptrdiff_t count = __stop___rseq_cs - __start___rseq_cs;

    while (sequence < __stop___rseq_cs && sequence_is_told(sequence))
        sequence++;
    return count > 0 && sequence == __stop___rseq_cs &&
           __stop___rseq_cs_ptr_array - __start___rseq_cs_ptr_array == count &&
           __stop___rseq_exit_point_array - __start___rseq_exit_point_array == count;
}

#endif /* DEBUGGERS_H */
