/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the library tells people: waits that last too long, and who holds what. Each scene runs in a
 * process of its own, with an environment of its own, and what it says is compared.
 */
#include "speaker.h"
#include "waiter.h"

#define HELD 40

static int objects[HELD];
static struct hazptr_ctx ctxs[HELD];
static void *pointer = &objects[0];

static void says(struct speaker *speaker, const char *expected)
{
    const char *line = next(speaker);

    if (!line || strncmp(line, expected, strlen(expected)))
        check_failed(__FILE__, __LINE__, expected, ": %s", line ? line : "(silence)");
}

/* --- stalls -------------------------------------------------------------------------------------
 */

static void until_told(void)
{
    char byte;

    CHECK_EQ(read(0, &byte, 1), 0);
}

/* Long enough for a report of what has lasted for 100 ms: a sleep lasts as long. */
static uint64_t sleeps_before;

static void some_sleeps(void)
{
    while (check_stats().sleeps < sleeps_before + 5)
        give_way();
}

static void wait_until(void (*is_enough)(void))
{
    struct hazptr_ctx ctx;
    struct waiter waiter;

    sleeps_before = check_stats().sleeps;
    CHECK(hazptr_acquire(&ctx, &pointer) == pointer);
    waiter_start(&waiter, pointer);
    waiter_await_sleep(&waiter, sleeps_before);
    /* By this the reader of it all knows whom. */
    fprintf(stderr, "%d %p\n", (int)waiter.tid, pointer);
    is_enough();
    hazptr_release(&ctx, pointer);
    waiter_join(&waiter);
}

static void wait_until_told(void)
{
    wait_until(until_told);
}

static void wait_some_sleeps(void)
{
    wait_until(some_sleeps);
}

/* What was standard error is a file of the program's. */
static void wait_with_another_stderr(void)
{
    char text[512] = "";
    FILE *file = tmpfile();

    CHECK(file);
    CHECK_EQ(dup2(fileno(file), 2), 2);
    wait_until(some_sleeps);
    /* What wait_until() has written, and no more. */
    rewind(file);
    CHECK(fgets(text, sizeof(text), file) && !strstr(text, "stall"));
    if (fgets(text, sizeof(text), file))
        _exit(1);
    fclose(file);
}

static void reclaimed(struct hazptr_head *head)
{
    (void)head;
}

static void *await_callbacks(void *argument)
{
    CHECK_EQ(hazptr_barrier(), 0);
    return argument;
}

static void wait_for_callbacks(void)
{
    struct hazptr_head head;
    struct hazptr_ctx ctx;
    pthread_t thread;

    CHECK(hazptr_acquire(&ctx, &pointer) == pointer);
    hazptr_retire(&head, pointer, reclaimed);
    thread = check_thread(await_callbacks, NULL);
    fprintf(stderr, "%p\n", pointer);
    until_told();
    hazptr_release(&ctx, pointer);
    CHECK_ERR(pthread_join(thread, NULL));
}

static void go_on(struct speaker *speaker)
{
    CHECK_EQ(close(speaker->held_up), 0);
    speaker->held_up = -1;
}

static void a_wait_that_lasts_is_reported_after_growing_pauses(void)
{
    struct speaker speaker;
    int reported, told, lines;
    double waited, last = 0;
    void *addr, *told_addr;
    char place[64];

    speak(&speaker, "wait", "HAZPTR_STALL_MS", "100");
    CHECK(next(&speaker));
    CHECK_EQ(sscanf(speaker.line, "%d %p", &told, &told_addr), 2);
    for (lines = 0; lines < 4; lines++) {
        CHECK(next(&speaker));
        CHECK_EQ(sscanf(speaker.line,
                        "hazptr: stall: thread %d has waited %lf s for %p, which is held %63[a-z]",
                        &reported, &waited, &addr, place),
                 4);
        CHECK(!strcmp(place, "in") || !strcmp(place, "by"));
        CHECK_EQ(told, reported);
        CHECK(addr == told_addr);
        /* As told, in tenths, rounded down. */
        CHECK(waited >= 0.1 && waited >= 2 * last - 0.11);
        last = waited;
    }
    go_on(&speaker);
    /* Not of a wait that is over, though it had been told in between. */
    while (next(&speaker))
        CHECK(strstr(speaker.line, "stall"));
    says_no_more(&speaker);
}

static void a_wait_is_not_reported(const char *scene, const char *name, const char *value)
{
    struct speaker speaker;

    speak(&speaker, scene, name, value);
    if (strcmp(scene, "another"))
        CHECK(next(&speaker) && speaker.line[0] != 'h');
    says_no_more(&speaker);
}

static void a_wait_for_callbacks_is_reported(void)
{
    struct speaker speaker;
    void *addr, *told;
    int tid, lines = 0;
    double waited;

    speak(&speaker, "callbacks", "HAZPTR_STALL_MS", "100");
    CHECK(next(&speaker));
    CHECK_EQ(sscanf(speaker.line, "%p", &told), 1);
    while (lines < 2) {
        CHECK(next(&speaker));
        if (sscanf(speaker.line,
                   "hazptr: stall: thread %d has waited %lf s for callbacks: 1 objects are pending in "
                   "all, 1 of them protected, %p",
                   &tid, &waited, &addr) == 3) {
            CHECK(addr == told);
            lines++;
        } else {
            /* While somebody looks whether it is. */
            CHECK(strstr(speaker.line, "1 objects are pending in all; none is known to be protected"));
        }
    }
    go_on(&speaker);
    while (next(&speaker))
        CHECK(strstr(speaker.line, "stall"));
    says_no_more(&speaker);
}

/* Nobody reads what it says: it goes on, and is not killed. */
static void a_report_that_nobody_reads_does_no_harm(void)
{
    struct speaker speaker;
    int status;

    speak(&speaker, "unread", "HAZPTR_STALL_MS", "1");
    fclose(speaker.says);
    close(speaker.held_up);
    CHECK_EQ(waitpid(speaker.child, &status, 0), speaker.child);
    CHECK_EQ(status, 0);
}

static void wait_unread(void)
{
    struct hazptr_ctx ctx;

    until_told();
    CHECK(hazptr_acquire(&ctx, &pointer) == pointer);
    CHECK_EQ(hazptr_synchronize_timeout(pointer, 300000000), ETIMEDOUT);
    CHECK_EQ(hazptr_dump(2), EPIPE);
    hazptr_release(&ctx, pointer);
}

/* --- dumps --------------------------------------------------------------------------------------
 */

static void hold_all(void)
{
    unsigned int i;

    for (i = 0; i < HELD; i++) {
        void *object = &objects[i];

        CHECK(hazptr_acquire(&ctxs[i], &object) == object);
    }
}

static void release_all(void)
{
    unsigned int i;

    for (i = 0; i < HELD; i++)
        hazptr_release(&ctxs[i], &objects[i]);
}

/* How often each object is said to be held; how many lines say so of anything. */
static int read_dump(FILE *dump, int counts[HELD])
{
    char line[512];
    int held = 0;
    void *addr, *ctx;

    memset(counts, 0, HELD * sizeof(*counts));
    CHECK(fgets(line, sizeof(line), dump) && !strncmp(line, "hazptr ", 7));
    CHECK(strstr(line, check_mode_name(hazptr_mode())));
    while (fgets(line, sizeof(line), dump)) {
        if (sscanf(line, "held: %p", &addr) == 1) {
            held++;
            if ((int *)addr < objects || (int *)addr >= objects + HELD)
                continue;
            counts[(int *)addr - objects]++;
            if (sscanf(line, "held: %*p by the context at %p", &ctx) == 1)
                CHECK(ctx == &ctxs[(int *)addr - objects]);
        }
        if (!strncmp(line, "retired: ", 9))
            break;
    }
    return held;
}

static int dump_says(int counts[HELD])
{
    FILE *file = tmpfile();
    int held;

    CHECK(file);
    errno = 0;
    CHECK_EQ(hazptr_dump(fileno(file)), 0);
    CHECK_EQ(errno, 0);
    rewind(file);
    held = read_dump(file, counts);
    fclose(file);
    return held;
}

static void a_dump_has_what_is_held_and_nothing_else(void)
{
    int counts[HELD], i;

    CHECK_EQ(dump_says(counts), 0);
    hold_all();
    CHECK_EQ(dump_says(counts), HELD);
    for (i = 0; i < HELD; i++)
        CHECK_EQ(counts[i], 1);
    release_all();
    CHECK_EQ(dump_says(counts), 0);
    CHECK_EQ(hazptr_dump(-1), EBADF);
}

static void be_asked(void)
{
    hold_all();
    CHECK_EQ(raise(SIGUSR2), 0);
    release_all();
}

static void a_signal_asks_for_a_dump(void)
{
    struct speaker speaker;
    char number[16];
    int counts[HELD];

    snprintf(number, sizeof(number), "%d", SIGUSR2);
    speak(&speaker, "asked", "HAZPTR_DUMP_SIGNAL", number);
    /* Where its objects are it alone knows. */
    CHECK_EQ(read_dump(speaker.says, counts), HELD);
    says_no_more(&speaker);
}

/* --- the environment ----------------------------------------------------------------------------
 */

static void nothing(void)
{
}

static void a_start_says(const char *name, const char *value, const char *expected)
{
    struct speaker speaker;

    speak(&speaker, "nothing", name, value);
    if (expected)
        says(&speaker, expected);
    says_no_more(&speaker);
}

static void values_that_are_none_are_complained_of(void)
{
    a_start_says("HAZPTR_STALL_MS", "0", NULL);
    a_start_says("HAZPTR_STALL_MS", "18446744073709551615", NULL);
    a_start_says("HAZPTR_STALL_MS", "1s",
                 "hazptr: HAZPTR_STALL_MS: not a number of milliseconds; using 10000");
    a_start_says("HAZPTR_DUMP_SIGNAL", "0", NULL);
    a_start_says("HAZPTR_DUMP_SIGNAL", "USR1",
                 "hazptr: HAZPTR_DUMP_SIGNAL: not a number of a signal; using none");
    a_start_says("HAZPTR_DUMP_SIGNAL", "1000",
                 "hazptr: HAZPTR_DUMP_SIGNAL=1000: not a signal; no dumps");
    a_start_says("HAZPTR_DUMP_SIGNAL", "4294967306",
                 "hazptr: HAZPTR_DUMP_SIGNAL=2147483647: not a signal; no dumps");
    a_start_says("HAZPTR_DUMP_SIGNAL", "9",
                 "hazptr: HAZPTR_DUMP_SIGNAL=9: not a signal that can be handled; no dumps");
    a_start_says("HAZPTR_DUMP_SIGNAL", "11",
                 "hazptr: HAZPTR_DUMP_SIGNAL=11: a signal of the program's own faults; no dumps");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*act)(void);
    } scenes[] = {
        {"wait", wait_until_told},
        {"some sleeps", wait_some_sleeps},
        {"another", wait_with_another_stderr},
        {"unread", wait_unread},
        {"callbacks", wait_for_callbacks},
        {"asked", be_asked},
        {"nothing", nothing},
    };
    unsigned int i;

    for (i = 0; argc > 1 && i < sizeof(scenes) / sizeof(scenes[0]); i++) {
        if (!strcmp(argv[1], scenes[i].name)) {
            scenes[i].act();
            return 0;
        }
    }
    check_mode();
    a_wait_that_lasts_is_reported_after_growing_pauses();
    a_wait_is_not_reported("some sleeps", "HAZPTR_STALL_MS", "0");
    a_wait_is_not_reported("some sleeps", NULL, NULL);
    a_wait_is_not_reported("another", "HAZPTR_STALL_MS", "100");
    a_report_that_nobody_reads_does_no_harm();
    a_wait_for_callbacks_is_reported();
    a_dump_has_what_is_held_and_nothing_else();
    a_signal_asks_for_a_dump();
    values_that_are_none_are_complained_of();
    return 0;
}
