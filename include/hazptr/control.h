/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The control block as debuggers and inlined code may read it: the contract part of the exported
 * object `hazptr_control_1`, whose other side is src/control.rs. Ordinary programs do without.
 *
 * Check `magic` and `layout` first. All is zero before initialisation, and in a forked child until
 * its first call.
 */
#ifndef HAZPTR_CONTROL_H
#define HAZPTR_CONTROL_H

#include <hazptr/platform.h>

#define HAZPTR_CONTROL_MAGIC UINT64_C(0x7f007274707a6168) /* "hazptr", 0, 0x7f */
#define HAZPTR_CONTROL_LAYOUT 1
#ifndef HAZPTR_CONTROL_SYMBOL
#define HAZPTR_CONTROL_SYMBOL "hazptr_control_1"
#endif
/* Whole pages: the last is not full. */
#define HAZPTR_CONTROL_SIZE 565248
#define HAZPTR_CONTROL_ENTRIES 65536

/* `word`: debug mode in the top bit, the mode in the rest of that byte; any bit below sends a release
 * out of line. */
#define HAZPTR_CONTROL_MODE_SHIFT 24
#define HAZPTR_CONTROL_MODE_MASK UINT32_C(0x7f)
#define HAZPTR_CONTROL_RELEASE_SLOW UINT32_C(0x00ffffff)
/* `word` in the mode in which readers need not fence, while nobody sleeps. */
#define HAZPTR_CONTROL_QUIET UINT32_C(0x01000000)

#define HAZPTR_LINE_SLOTS 15
/* Lines in the first chunk; chunk k holds this shifted left by k. */
#define HAZPTR_LINES_FIRST 32
#define HAZPTR_LINES_CHUNKS 20

enum hazptr_line_state {
    HAZPTR_LINE_UNUSED,
    HAZPTR_LINE_CURRENT,
    HAZPTR_LINE_PARKED,
    HAZPTR_LINE_SHARED
};

struct hazptr_line {
    void *slots[HAZPTR_LINE_SLOTS];
    uint32_t state;
    uint32_t far_acquires;
};

struct hazptr_control {
    uint64_t magic;
    uint32_t layout;
    uint32_t size;
    uint32_t generation;
    uint32_t word;
    intptr_t rseq_offset;
    uint32_t nr_cpus;
    uint32_t line_slots;
    unsigned char reserved1[88];

    uint32_t mark;
    uint32_t limit;
    struct hazptr_line *chunks[HAZPTR_LINES_CHUNKS];
    unsigned char reserved2[88];

    struct hazptr_backup_slot *backup_head;
    unsigned char reserved3[3768];

    /* Each CPU's line, or NULL. Those from `nr_cpus` on are. */
    struct hazptr_line *current[HAZPTR_CONTROL_ENTRIES];
};

/*
 * The block's address, by way of the global offset table: a reference that the compiler knows of
 * would become a copy relocation in a program that is not position-independent.
 */
static inline const struct hazptr_control *hazptr_control_block(void)
{
    const struct hazptr_control *block;

    __asm__("movq " HAZPTR_CONTROL_SYMBOL "@GOTPCREL(%%rip), %0" : "=r"(block));
    return block;
}

#endif /* HAZPTR_CONTROL_H */
