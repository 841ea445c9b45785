/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * See code.h.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "code.h"
#include "tracee.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define LIBRARY "libhazptr.so"
#define BREAKPOINT 0xcc
#define NOP 0x90
#define WORD sizeof(unsigned long)

struct code code;

/* The code, from the first instruction's word on: as the file has it, as it is to be, and where
 * breakpoints are. */
static unsigned long image_at, image_size;
static unsigned char *pristine, *image, *planted;
static int planted_count;

static unsigned long descriptors_at, descriptors_size;

struct function {
    unsigned long at, size;
};

/* What has to be interrupted at each instruction. */
static const char *const required_functions[] = {
    "hazptr_acquire",     "hazptr_acquire_masked", "hazptr_hold",    "hazptr_protect",
    "hazptr_try_protect", "hazptr_publish",        "hazptr_reset",   "hazptr_move",
    "hazptr_release",     "hazptr_protect_masked",
};
#define REQUIRED (sizeof(required_functions) / sizeof(*required_functions))
static struct function required[REQUIRED];

static char *copy(const char *text)
{
    char *copied = strdup(text);

    if (!copied)
        die("out of memory");
    return copied;
}

/* Finds the library in the process. Its path is for the caller to free. */
static char *find_library(pid_t pid)
{
    char path[64], line[4096];
    FILE *maps;

    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    maps = fopen(path, "re");
    if (!maps)
        die("%s: %s", path, strerror(errno));
    while (fgets(line, sizeof(line), maps)) {
        unsigned long start, offset;
        int name = 0;

        if (sscanf(line, "%lx-%*x %*s %lx %*s %*s %n", &start, &offset, &name) < 2 || !name)
            continue;
        line[strcspn(line, "\n")] = 0;
        if (offset == 0 && strstr(line + name, "/" LIBRARY)) {
            fclose(maps);
            code.base = start;
            return copy(line + name);
        }
    }
    die("the victim has no " LIBRARY " mapped");
}

static void add_instruction(unsigned long at, unsigned int length, const char *symbol,
                            const char *text)
{
    static int room;
    struct instruction *added;

    if (code.count == room) {
        room = room ? 2 * room : 4096;
        code.instructions = (struct instruction *)realloc(
            code.instructions, (size_t)room * sizeof(*code.instructions));
        if (!code.instructions)
            die("out of memory");
    }
    added = &code.instructions[code.count];
    memset(added, 0, sizeof(*added));
    added->at = at;
    added->length = length;
    added->sequence = added->aborts = -1;
    if (code.count && added[-1].at >= at)
        die("the instructions are not in order");
    /* Most share their symbol with the one before. */
    if (code.count && strcmp(symbol, added[-1].symbol) == 0)
        added->symbol = added[-1].symbol;
    else
        added->symbol = copy(symbol);
    added->text = copy(text);
    code.count++;
}

static void read_line(char *line)
{
    unsigned long at, size;
    char name[1024];
    int text = 0;
    size_t i;

    line[strcspn(line, "\n")] = 0;
    if (sscanf(line, "descriptors %lx %lx", &descriptors_at, &descriptors_size) == 2)
        return;
    if (sscanf(line, "function %lx %lx %1023s", &at, &size, name) == 3) {
        for (i = 0; i < REQUIRED; i++) {
            if (strcmp(name, required_functions[i]) == 0) {
                required[i].at = at;
                required[i].size = size;
            }
        }
    } else if (sscanf(line, "instruction %lx %lx %1023s %n", &at, &size, name, &text) == 3 &&
               text) {
        add_instruction(at, (unsigned int)size, name, line + text);
    } else {
        die("not understood: %s", line);
    }
}

static void read_listing(const char *script, const char *library)
{
    char command[8192], line[4096];
    FILE *listing;
    int status;
    size_t i;

    snprintf(command, sizeof(command), "sh '%s' '%s'", script, library);
    listing = popen(command, "re");
    if (!listing)
        die("%s: %s", command, strerror(errno));
    while (fgets(line, sizeof(line), listing))
        read_line(line);
    status = pclose(listing);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP)
        skip("no objdump, nm or awk here");
    if (status != 0)
        die("failed: %s", command);
    if (!code.count || !descriptors_size)
        die("no instructions or no sequences in %s", library);
    for (i = 0; i < REQUIRED; i++) {
        if (!required[i].size)
            die("no function %s in %s", required_functions[i], library);
    }
}

unsigned long code_peek(pid_t pid, unsigned long address)
{
    long word;

    errno = 0;
    word = ptrace(PTRACE_PEEKDATA, pid, (void *)address, NULL);
    if (word == -1 && errno)
        die("reading %#lx: %s", address, strerror(errno));
    return (unsigned long)word;
}

void code_poke(pid_t pid, unsigned long address, unsigned long word)
{
    if (ptrace(PTRACE_POKEDATA, pid, (void *)address, (void *)word))
        die("writing %#lx: %s", address, strerror(errno));
}

static void read_image(pid_t pid)
{
    const struct instruction *last = &code.instructions[code.count - 1];
    unsigned long end = (last->at + last->length + WORD - 1) & ~(WORD - 1), i;

    image_at = code.instructions[0].at & ~(WORD - 1);
    image_size = end - image_at;
    pristine = (unsigned char *)malloc(image_size);
    image = (unsigned char *)malloc(image_size);
    planted = (unsigned char *)calloc(1, image_size);
    if (!pristine || !image || !planted)
        die("out of memory");
    for (i = 0; i < image_size; i += WORD) {
        unsigned long word = code_peek(pid, code.base + image_at + i);

        memcpy(pristine + i, &word, WORD);
    }
    memcpy(image, pristine, image_size);
}

static int find_boundary(unsigned long address, const char *what)
{
    int instruction = code_find(address);

    if (instruction < 0)
        die("%s at %#lx is no instruction's beginning", what, address - code.base);
    return instruction;
}

/* The kernel's struct rseq_cs: two words of 32 bits, start, length, abort handler. */
static void read_sequence(pid_t pid, unsigned long descriptor)
{
    struct sequence *sequence = &code.sequences[code.sequence_count];
    unsigned long start = code_peek(pid, code.base + descriptor + 8);
    unsigned long length = code_peek(pid, code.base + descriptor + 16);
    unsigned long abort = code_peek(pid, code.base + descriptor + 24);
    int i;

    sequence->descriptor = descriptor;
    sequence->first = find_boundary(start, "a sequence's start");
    sequence->last = find_boundary(start + length, "a sequence's end") - 1;
    sequence->abort = find_boundary(abort, "an abort handler");
    for (i = sequence->first; i <= sequence->last; i++) {
        code.instructions[i].sequence = code.sequence_count;
        code.instructions[i].required = true;
    }
    code.instructions[sequence->abort].aborts = code.sequence_count;
    code.instructions[sequence->abort].required = true;
    code.sequence_count++;
}

void code_read(pid_t pid, const char *script)
{
    char *library = find_library(pid);
    unsigned long i;
    int number;

    if (!code.count) {
        read_listing(script, library);
        read_image(pid);
        if (descriptors_size > MOST_SEQUENCES * 32)
            die("more sequences than expected");
        for (i = 0; i < descriptors_size; i += 32)
            read_sequence(pid, descriptors_at + i);
        for (number = 0; number < code.count; number++) {
            struct instruction *instruction = &code.instructions[number];

            for (i = 0; i < REQUIRED; i++) {
                if (instruction->at - required[i].at < required[i].size)
                    instruction->required = true;
            }
        }
    }
    free(library);
}

int code_find(unsigned long address)
{
    int low = 0, high = code.count - 1;

    while (low <= high) {
        int middle = low + (high - low) / 2;
        unsigned long at = code.base + code.instructions[middle].at;

        if (at == address)
            return middle;
        if (at < address)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return -1;
}

/* Writes the word that holds a byte, breakpoints and all. */
static void write_word(pid_t pid, unsigned long byte)
{
    unsigned long at = byte & ~(WORD - 1), i, word;
    unsigned char bytes[WORD];

    for (i = 0; i < WORD; i++)
        bytes[i] = planted[at + i] ? BREAKPOINT : image[at + i];
    memcpy(&word, bytes, WORD);
    code_poke(pid, code.base + image_at + at, word);
}

static unsigned long place(int instruction)
{
    return code.instructions[instruction].at - image_at;
}

bool code_is_planted(int instruction)
{
    return instruction >= 0 && planted[place(instruction)];
}

void code_plant(pid_t pid, int instruction)
{
    planted_count += !planted[place(instruction)];
    planted[place(instruction)] = 1;
    write_word(pid, place(instruction));
}

void code_unplant(pid_t pid, int instruction)
{
    planted_count -= planted[place(instruction)];
    planted[place(instruction)] = 0;
    write_word(pid, place(instruction));
}

void code_plant_all(pid_t pid)
{
    unsigned long at;
    int i;

    for (i = 0; i < code.count; i++)
        planted[place(i)] = 1;
    planted_count = code.count;
    for (at = 0; at < image_size; at += WORD)
        write_word(pid, at);
}

/* With no process, what is planted is only forgotten: the one that had it is gone. */
void code_unplant_all(pid_t pid)
{
    unsigned long at, i;

    for (at = 0; planted_count && at < image_size; at += WORD) {
        bool any = false;

        for (i = 0; i < WORD; i++) {
            any = any || planted[at + i];
            planted_count -= planted[at + i];
            planted[at + i] = 0;
        }
        if (any && pid)
            write_word(pid, at);
    }
}

static void set_bytes(pid_t pid, int instruction, const unsigned char *bytes)
{
    unsigned long at = place(instruction), i;

    for (i = 0; i < code.instructions[instruction].length; i++) {
        image[at + i] = bytes ? bytes[at + i] : NOP;
        write_word(pid, at + i);
    }
}

void code_blank(pid_t pid, int instruction)
{
    set_bytes(pid, instruction, NULL);
}

void code_restore(pid_t pid, int instruction)
{
    set_bytes(pid, instruction, pristine);
}

const char *code_name(int number)
{
    static char name[512];
    const struct instruction *instruction = &code.instructions[number];
    int first = number;

    while (first > 0 && code.instructions[first - 1].symbol == instruction->symbol)
        first--;
    snprintf(name, sizeof(name), "%#lx %.200s+%#lx: %.200s", instruction->at, instruction->symbol,
             instruction->at - code.instructions[first].at, instruction->text);
    return name;
}
