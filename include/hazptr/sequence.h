/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The text of the exported hazptr_acquire()'s sequence, for <hazptr/inline.h>.
 *
 * Generated from src/rseq.rs; do not edit. `make header` writes it anew.
 */
#ifndef HAZPTR_SEQUENCE_H
#define HAZPTR_SEQUENCE_H

#define HAZPTR_SEQUENCE_ACQUIRE                                  \
    ".pushsection __rseq_cs, \"aw?\", @progbits\n"               \
    ".balign 32\n"                                               \
    "90:\n"                                                      \
    ".long 0, 0\n"                                               \
    ".quad 92f, (93f - 92f), 94f\n"                              \
    ".reloc 90b, R_X86_64_NONE, 98f\n"                           \
    ".reloc 90b, R_X86_64_NONE, 99f\n"                           \
    ".popsection\n"                                              \
    ".pushsection __rseq_cs_ptr_array, \"aw?\", @progbits\n"     \
    ".balign 8\n"                                                \
    "98:\n"                                                      \
    ".quad 90b\n"                                                \
    ".popsection\n"                                              \
    ".pushsection __rseq_exit_point_array, \"aw?\", @progbits\n" \
    ".balign 8\n"                                                \
    "99:\n"                                                      \
    ".quad 92f, 95f\n"                                           \
    ".popsection\n"                                              \
    "91:\n"                                                      \
    "leaq 90b(%%rip), %[slot]\n"                                 \
    "movq %[slot], %%fs:8(%[rseq])\n"                            \
    "92:\n"                                                      \
    "movzwl %%fs:4(%[rseq]), %k[addr]\n"                         \
    "movq %c[current](%[control], %[addr], 8), %[slot]\n"        \
    "testq %[slot], %[slot]\n"                                   \
    "jz 95f\n"                                                   \
    "cmpq $0, (%[slot])\n"                                       \
    "je 96f\n"                                                   \
    "addq $8, %[slot]\n"                                         \
    "cmpq $0, (%[slot])\n"                                       \
    "je 96f\n"                                                   \
    "addq $8, %[slot]\n"                                         \
    "cmpq $0, (%[slot])\n"                                       \
    "je 96f\n"                                                   \
    "addq $8, %[slot]\n"                                         \
    "cmpq $0, (%[slot])\n"                                       \
    "jne 95f\n"                                                  \
    "96:\n"                                                      \
    "movq (%[addr_p]), %[addr]\n"                                \
    "movq %[addr], (%[slot])\n"                                  \
    "93:\n"                                                      \
    "movq $0, %%fs:8(%[rseq])\n"                                 \
    ".pushsection .text.hazptr_abort, \"ax?\", @progbits\n"      \
    ".byte 0x0f, 0xb9, 0x3d\n"                                   \
    ".long 0x53053053\n"                                         \
    "94:\n"                                                      \
    "jmp 91b\n"                                                  \
    "95:\n"                                                      \
    "xorl %k[slot], %k[slot]\n"                                  \
    "xorl %k[addr], %k[addr]\n"                                  \
    "jmp 93b\n"                                                  \
    ".popsection\n"

#endif /* HAZPTR_SEQUENCE_H */
