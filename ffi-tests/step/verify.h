/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Whether what the library has in its control block agrees with the hazards that a program knows
 * it holds. Exact only while no other thread is in a call.
 */
#ifndef VERIFY_H
#define VERIFY_H

#include "../check.h"
#include <hazptr/control.h>

struct hazard {
    struct hazptr_ctx ctx;
    void *addr;
    int held; /* acquired and not released, NULL pointers included */
    int kept; /* by a slot that the context holds, also while it protects nothing */
};

/* The lines that verify_lines() has a mark for; more than any scenario uses. */
#define VERIFY_LINES 1024

static inline void verify_open(void)
{
    const struct hazptr_control *control = hazptr_control_block();
    unsigned int cpu;

    CHECK(control->magic == HAZPTR_CONTROL_MAGIC);
    CHECK_EQ(control->layout, HAZPTR_CONTROL_LAYOUT);
    for (cpu = 0; cpu < control->nr_cpus; cpu++)
        CHECK(!control->current[cpu]);
}

/* NULL where there is no memory for it, see verify_lines(). */
static inline const struct hazptr_line *verify_line(unsigned int number)
{
    const struct hazptr_control *control = hazptr_control_block();
    unsigned int chunk = 0, lines = HAZPTR_LINES_FIRST;

    while (number >= lines) {
        number -= lines;
        lines *= 2;
        chunk++;
    }
    return control->chunks[chunk] ? &control->chunks[chunk][number] : NULL;
}

/* The calling thread's CPU's line, for as long as it stays there. */
static inline const struct hazptr_line *verify_current(void)
{
    return hazptr_control_block()->current[sched_getcpu()];
}

/* The number of the line, among those ever used, that @at points into; -1 if none. */
static inline int verify_line_of(const void *at)
{
    const struct hazptr_control *control = hazptr_control_block();
    const char *where = (const char *)at;
    unsigned int number;

    for (number = 0; number < control->mark; number++) {
        const char *line = (const char *)verify_line(number);

        if (line && where >= line && where < line + sizeof(struct hazptr_line))
            return (int)number;
    }
    return -1;
}

static inline int verify_on_list(const struct hazptr_backup_slot *node)
{
    const struct hazptr_backup_slot *at;

    for (at = hazptr_control_block()->backup_head; at; at = at->next) {
        if (at == node)
            return 1;
    }
    return 0;
}

/* Whether a scan of this process finds the hazard where its context says. */
static inline int verify_is_published(const struct hazard *hazard)
{
    const struct hazptr_slot *slot = hazard->ctx.slot;

    if (!hazard->held || !slot)
        return 0;
    if (slot == &hazard->ctx.backup_slot.slot)
        return verify_on_list(&hazard->ctx.backup_slot);
    return verify_line_of(slot) >= 0;
}

/* Whether any slot holds @addr, as a scan sees it. */
static inline int verify_is_held(const void *addr)
{
    const struct hazptr_control *control = hazptr_control_block();
    const struct hazptr_backup_slot *at;
    unsigned int number, i;

    for (number = 0; number < control->mark; number++) {
        for (i = 0; i < HAZPTR_LINE_SLOTS && verify_line(number); i++) {
            if (verify_line(number)->slots[i] == addr)
                return 1;
        }
    }
    for (at = control->backup_head; at; at = at->next) {
        if (at->slot.addr == addr)
            return 1;
    }
    return 0;
}

/*
 * No line is current twice or leaked: every line that is CURRENT is so for one CPU, and every CPU
 * that has a line has one of this process's that is CURRENT. @lost lines may have been counted and
 * never used: a call that a handler forks in may count a line in the child and take its parent's.
 */
static inline void verify_lines(unsigned int lost)
{
    static unsigned char named[VERIFY_LINES];
    const struct hazptr_control *control = hazptr_control_block();
    unsigned int cpu, number;

    CHECK(control->mark <= VERIFY_LINES);
    memset(named, 0, sizeof(named));
    for (cpu = 0; cpu < control->nr_cpus; cpu++) {
        if (control->current[cpu]) {
            int line = verify_line_of(control->current[cpu]);

            CHECK(line >= 0);
            CHECK(!named[line]);
            named[line] = 1;
        }
    }
    for (cpu = control->nr_cpus; cpu < HAZPTR_CONTROL_ENTRIES; cpu++)
        CHECK(!control->current[cpu]);
    for (number = 0; number < control->mark; number++) {
        const struct hazptr_line *line = verify_line(number);
        uint32_t state = line ? line->state : (uint32_t)HAZPTR_LINE_UNUSED;

        if (state == HAZPTR_LINE_UNUSED) {
            CHECK(lost > 0);
            lost--;
        }
        CHECK(state <= HAZPTR_LINE_SHARED);
        /* In the lower modes nobody looks, and there is nothing to be seen. */
        if (control->nr_cpus)
            CHECK_EQ(state == HAZPTR_LINE_CURRENT, named[number]);
    }
}

/* The hazards of one table are published, each in a slot of its own. How many there are. */
static inline unsigned int verify_hazards(const struct hazard *hazards, unsigned int count,
                                          unsigned short *taken)
{
    unsigned int published = 0, i;

    for (i = 0; i < count; i++) {
        const struct hazard *hazard = &hazards[i];
        const struct hazptr_slot *slot = hazard->ctx.slot;

        if (!hazard->held)
            continue;
        if (!hazard->addr && !hazard->kept) {
            /* Another may have the slot by now (scenario 4). */
            CHECK(!slot);
            continue;
        }
        CHECK(slot);
        CHECK(slot->addr == (hazard->addr ? hazard->addr : (void *)1));
        CHECK(verify_is_published(hazard));
        if (slot != &hazard->ctx.backup_slot.slot) {
            int line = verify_line_of(slot);
            ptrdiff_t place = (const char *)slot - (const char *)verify_line((unsigned int)line);

            CHECK(place % 8 == 0 && place < HAZPTR_LINE_SLOTS * 8);
            CHECK(!(taken[line] >> place / 8 & 1));
            taken[line] |= (unsigned short)(1u << place / 8);
        }
        published++;
    }
    return published;
}

/* All of the above: these two tables are all that is held, and the library knows it. */
static inline void verify(const struct hazard *some, unsigned int count, const struct hazard *more,
                          unsigned int more_count, unsigned int lost)
{
    static unsigned short taken[VERIFY_LINES];
    unsigned int published;

    /* Initialises, if nothing has. */
    CHECK(check_stats().lines <= VERIFY_LINES);
    verify_lines(lost);
    memset(taken, 0, sizeof(taken));
    published = verify_hazards(some, count, taken);
    published += verify_hazards(more, more_count, taken);
    CHECK_EQ(check_stats().held, published);
}

#endif /* VERIFY_H */
