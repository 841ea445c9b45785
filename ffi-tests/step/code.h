/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The library's code as step.c sees it: where each instruction begins, which of them belong to
 * restartable sequences. Read from the file that the victim has mapped, so that it follows every
 * change of the engine.
 */
#ifndef CODE_H
#define CODE_H

#include <stdbool.h>
#include <sys/types.h>

struct instruction {
    unsigned long at; /* in the file; the library's base is to be added */
    unsigned int length;
    int sequence;  /* the one that it is inside of, or -1 */
    int aborts;    /* the one whose abort handler begins here, or -1 */
    bool required; /* a run that never interrupts here shows too little */
    bool traced;   /* some scenario executes it */
    unsigned long interrupted;
    unsigned long failed;
    char *symbol;
    char *text;
};

/* A restartable sequence: its instructions, by number, and its abort handler. */
struct sequence {
    int first, last;
    int abort;
    unsigned long descriptor; /* in the file, as above */
};

#define MOST_SEQUENCES 32

struct code {
    unsigned long base;
    struct instruction *instructions;
    int count;
    struct sequence sequences[MOST_SEQUENCES];
    int sequence_count;
};

extern struct code code;

/* Reads it all, through a stopped process that has the library mapped. Exits if it cannot. */
void code_read(pid_t pid, const char *script);

/* The number of the instruction at an address of the victim, or -1. */
int code_find(unsigned long address);

/*
 * The image of the code is shared by all victims: a change made by code_patch() is written to the
 * process given, and inherited by its children. Breakpoints are planted and removed in one process.
 */
void code_plant(pid_t pid, int instruction);
void code_unplant(pid_t pid, int instruction);
bool code_is_planted(int instruction);
void code_plant_all(pid_t pid);
void code_unplant_all(pid_t pid);

/* Makes an instruction do nothing; then as it was. */
void code_blank(pid_t pid, int instruction);
void code_restore(pid_t pid, int instruction);

/* A word of the victim's memory. */
unsigned long code_peek(pid_t pid, unsigned long address);
void code_poke(pid_t pid, unsigned long address, unsigned long word);

/* "symbol+0x12 (0x1234): text", in a static buffer. */
const char *code_name(int instruction);

#endif /* CODE_H */
