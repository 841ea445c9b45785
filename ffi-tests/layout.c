/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The binary interface: sizes and offsets that programs are compiled with, and a control block
 * that tells a debugger the truth, by <hazptr/control.h> alone.
 */
#include "check.h"
#include "surroundings.h"
#include <hazptr.h>
#include <hazptr/control.h>
/* Again: both are guarded. */
#include <hazptr.h>
#include <hazptr/control.h>

#ifdef __cplusplus
#define HOLDS(condition) static_assert(condition, #condition)
#else
#define HOLDS(condition) _Static_assert(condition, #condition)
#endif
#define AT(type, member, offset) HOLDS(offsetof(struct type, member) == (offset))

HOLDS(sizeof(struct hazptr_slot) == 8);
AT(hazptr_slot, addr, 0);

HOLDS(sizeof(struct hazptr_backup_slot) == 24);
AT(hazptr_backup_slot, slot, 0);
AT(hazptr_backup_slot, next, 8);
AT(hazptr_backup_slot, pprev, 16);

HOLDS(sizeof(struct hazptr_ctx) == 64);
HOLDS(__alignof__(struct hazptr_ctx) == 8);
AT(hazptr_ctx, slot, 0);
AT(hazptr_ctx, backup_slot, 8);
AT(hazptr_ctx, generation, 32);
AT(hazptr_ctx, flags, 36);
AT(hazptr_ctx, reserved, 40);

HOLDS(sizeof(struct hazptr_head) == 32);
HOLDS(__alignof__(struct hazptr_head) == 8);
AT(hazptr_head, next, 0);
AT(hazptr_head, func, 8);
AT(hazptr_head, addr, 16);
AT(hazptr_head, reserved, 24);

HOLDS(sizeof(struct hazptr_cohort) == 64);
HOLDS(__alignof__(struct hazptr_cohort) == 8);
HOLDS(sizeof(struct hazptr_reclaim_policy) == 152);
AT(hazptr_reclaim_policy, batch, 0);
AT(hazptr_reclaim_policy, bound, 4);
AT(hazptr_reclaim_policy, delay_us, 8);
AT(hazptr_reclaim_policy, flags, 12);
AT(hazptr_reclaim_policy, nice, 16);
AT(hazptr_reclaim_policy, cpus, 24);

HOLDS(sizeof(struct hazptr_statistics) == 184);
AT(hazptr_statistics, acquire_slow, 0);
AT(hazptr_statistics, acquire_far, 8);
AT(hazptr_statistics, acquire_portable, 16);
AT(hazptr_statistics, acquire_backup, 24);
AT(hazptr_statistics, held, 32);
AT(hazptr_statistics, held_backup, 40);
AT(hazptr_statistics, lines, 48);
AT(hazptr_statistics, lines_parked, 56);
AT(hazptr_statistics, parks, 64);
AT(hazptr_statistics, parks_early, 72);
AT(hazptr_statistics, barriers, 80);
AT(hazptr_statistics, barriers_shared, 88);
AT(hazptr_statistics, barriers_refused, 96);
AT(hazptr_statistics, barriers_retried, 104);
AT(hazptr_statistics, sleeps, 112);
AT(hazptr_statistics, wakes, 120);
AT(hazptr_statistics, retired, 128);
AT(hazptr_statistics, reclaimed, 136);
AT(hazptr_statistics, helped, 144);
AT(hazptr_statistics, pending, 152);
AT(hazptr_statistics, pending_peak, 160);
AT(hazptr_statistics, batches, 168);
AT(hazptr_statistics, batch_barriers, 176);

HOLDS(sizeof(struct hazptr_line) == 128);
AT(hazptr_line, slots, 0);
AT(hazptr_line, state, 120);
AT(hazptr_line, far_acquires, 124);

AT(hazptr_control, magic, 0);
AT(hazptr_control, layout, 8);
AT(hazptr_control, size, 12);
AT(hazptr_control, generation, 16);
AT(hazptr_control, word, 20);
AT(hazptr_control, rseq_offset, 24);
AT(hazptr_control, nr_cpus, 32);
AT(hazptr_control, line_slots, 36);
AT(hazptr_control, mark, 128);
AT(hazptr_control, limit, 132);
AT(hazptr_control, chunks, 136);
AT(hazptr_control, backup_head, 384);
AT(hazptr_control, current, 4160);

HOLDS(HAZPTR_MODE_RSEQ == 1 && HAZPTR_MODE_MEMBARRIER == 2 && HAZPTR_MODE_FENCE == 3);
HOLDS(HAZPTR_CONTROL_LAYOUT == 1 && HAZPTR_LINE_SLOTS == 15);

/* More than the first chunk of lines has room for. */
#define HELD 1000

extern const ptrdiff_t __rseq_offset __attribute__((__weak__));

static int objects[HELD];
static void *pointers[HELD];
static struct hazptr_ctx contexts[HELD];

static const struct hazptr_line *line_at(const struct hazptr_control *control, uint32_t index)
{
    uint32_t chunk = 0, lines = HAZPTR_LINES_FIRST;

    while (index >= lines) {
        index -= lines;
        lines <<= 1;
        chunk++;
    }
    CHECK(chunk < HAZPTR_LINES_CHUNKS);
    CHECK(control->chunks[chunk]);
    return &control->chunks[chunk][index];
}

static int is_ours(const void *addr)
{
    return addr >= (const void *)objects && addr < (const void *)(objects + HELD);
}

/* Counts the hazards on our objects as a debugger would. */
static unsigned int hazards_seen(const struct hazptr_control *control)
{
    const struct hazptr_backup_slot *backup;
    const struct hazptr_line *line;
    unsigned int seen = 0, i, slot;

    for (i = 0; i < control->mark; i++) {
        line = line_at(control, i);
        CHECK((uintptr_t)line % 128 == 0);
        CHECK(line->state <= HAZPTR_LINE_SHARED);
        for (slot = 0; slot < control->line_slots; slot++)
            seen += is_ours(line->slots[slot]);
    }
    for (backup = control->backup_head; backup; backup = backup->next)
        seen += is_ours(backup->slot.addr);
    return seen;
}

static void check_head(const struct hazptr_control *control)
{
    CHECK(control->magic == HAZPTR_CONTROL_MAGIC);
    CHECK(memcmp(&control->magic, "hazptr\0\x7f", 8) == 0);
    CHECK_EQ(control->layout, HAZPTR_CONTROL_LAYOUT);
    CHECK_EQ(control->size, HAZPTR_CONTROL_SIZE);
    CHECK_EQ((uintptr_t)control % 4096, 0);
    CHECK_EQ(control->line_slots, HAZPTR_LINE_SLOTS);
    CHECK_EQ(control->generation, 1);
    CHECK_EQ(control->word >> HAZPTR_CONTROL_MODE_SHIFT & HAZPTR_CONTROL_MODE_MASK, hazptr_mode());
    /* In mode fence every release goes out of line, elsewhere none while nobody waits. */
    CHECK_EQ((control->word & HAZPTR_CONTROL_RELEASE_SLOW) != 0,
             hazptr_mode() == HAZPTR_MODE_FENCE);
    CHECK_EQ(control->nr_cpus != 0, hazptr_mode() == HAZPTR_MODE_RSEQ);
    if (hazptr_mode() == HAZPTR_MODE_RSEQ) {
        CHECK((long)control->nr_cpus >= sysconf(_SC_NPROCESSORS_ONLN));
        CHECK_EQ(control->rseq_offset, __rseq_offset);
    }
    CHECK(control->chunks[0]);
}

/* The pinned thread's next hazard lies in the line that its CPU's entry names. */
static void check_current(const struct hazptr_control *control)
{
    const struct hazptr_line *line;
    struct hazptr_ctx ctx;

    if (hazptr_mode() != HAZPTR_MODE_RSEQ || getenv("HAZPTR_MAX_LINES"))
        return;
    bind_to_a_cpu();
    hazptr_acquire(&ctx, &pointers[0]);
    line = control->current[sched_getcpu()];
    CHECK_EQ(line->state, HAZPTR_LINE_CURRENT);
    CHECK((void **)ctx.slot >= line->slots);
    CHECK((void **)ctx.slot < line->slots + HAZPTR_LINE_SLOTS);
    CHECK(ctx.slot->addr == &objects[0]);
    hazptr_release(&ctx, &objects[0]);
}

static void check_hazards(const struct hazptr_control *control)
{
    struct hazptr_statistics stats;
    int i;

    for (i = 0; i < HELD; i++) {
        pointers[i] = &objects[i];
        hazptr_acquire(&contexts[i], &pointers[i]);
    }
    stats = check_stats();
    CHECK_EQ(stats.held, HELD);
    CHECK_EQ(hazards_seen(control), HELD);
    CHECK_EQ(control->mark, stats.lines);
    if (getenv("HAZPTR_MAX_LINES")) {
        CHECK_EQ(control->limit, 0);
        CHECK_EQ(stats.held_backup, HELD);
        CHECK(control->backup_head == &contexts[HELD - 1].backup_slot);
        CHECK(control->backup_head->next == &contexts[HELD - 2].backup_slot);
    } else {
        CHECK(stats.lines >= HELD / HAZPTR_LINE_SLOTS);
        CHECK(!control->backup_head);
    }
    check_current(control);
    for (i = 0; i < HELD; i++)
        hazptr_release(&contexts[i], &objects[i]);
    CHECK_EQ(hazards_seen(control), 0);
    CHECK(!control->backup_head);
}

/* Programs that know of fewer numbers, or more, than the library. */
static void check_stats_sizes(void)
{
    uint64_t words[20];
    struct hazptr_statistics *stats = (struct hazptr_statistics *)words;
    unsigned int i;

    memset(words, 0xff, sizeof(words));
    CHECK_EQ(hazptr_stats(stats, 2 * sizeof(*words)), 0);
    CHECK(words[1] != UINT64_MAX);
    CHECK(words[2] == UINT64_MAX);
    CHECK_EQ(hazptr_stats(stats, sizeof(words)), 0);
    for (i = sizeof(*stats) / sizeof(*words); i < sizeof(words) / sizeof(*words); i++)
        CHECK_EQ(words[i], 0);
    CHECK_EQ(hazptr_stats(NULL, sizeof(*stats)), EINVAL);
    CHECK_EQ(hazptr_stats(stats, 0), EINVAL);
    CHECK_EQ(hazptr_stats(stats, sizeof(*stats) - 1), EINVAL);
}

int main(void)
{
    check_mode();
    CHECK_EQ(HAZPTR_VERSION, hazptr_version());
    check_head(hazptr_control_block());
    check_hazards(hazptr_control_block());
    check_stats_sizes();
    return 0;
}
