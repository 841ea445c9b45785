/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the library tells people: waits that last too long, and who holds what. Each scene runs in a
 * process of its own, with an environment of its own, and what it says is compared.
 */
#include "waiter.h"
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>

#define HELD 40

static int objects[HELD];
static struct hazptr_ctx ctxs[HELD];
static void *pointer = &objects[0];

/* --- what one process says ----------------------------------------------------------------------
 */

struct speaker {
    pid_t child;
    FILE *says;
    char line[512];
};

static void speak(struct speaker *speaker, const char *scene, const char *name, const char *value)
{
    int ends[2];

    CHECK_EQ(pipe(ends), 0);
    speaker->child = fork();
    CHECK(speaker->child >= 0);
    if (speaker->child == 0) {
        if (name)
            setenv(name, value, 1);
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        execl("/proc/self/exe", "reports", scene, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    speaker->says = fdopen(ends[0], "r");
    CHECK(speaker->says);
}

/* The next line, or NULL at the end. */
static const char *next(struct speaker *speaker)
{
    if (!fgets(speaker->line, sizeof(speaker->line), speaker->says))
        return NULL;
    speaker->line[strcspn(speaker->line, "\n")] = 0;
    return speaker->line;
}

static void says_no_more(struct speaker *speaker)
{
    const char *line = next(speaker);
    int status;

    if (line)
        check_failed(__FILE__, __LINE__, "silence", ": %s", line);
    fclose(speaker->says);
    CHECK_EQ(waitpid(speaker->child, &status, 0), speaker->child);
    CHECK_EQ(status, 0);
}

static void says(struct speaker *speaker, const char *expected)
{
    const char *line = next(speaker);

    if (!line || strncmp(line, expected, strlen(expected)))
        check_failed(__FILE__, __LINE__, expected, ": %s", line ? line : "(silence)");
}

/* --- stalls -------------------------------------------------------------------------------------
 */

/* Holds until the waiter has slept so often. */
static void a_wait_of_so_many_sleeps(uint64_t sleeps)
{
    const uint64_t before = check_stats().sleeps;
    struct hazptr_ctx ctx;
    struct waiter waiter;

    CHECK(hazptr_acquire(&ctx, &pointer) == pointer);
    waiter_start(&waiter, pointer);
    while (check_stats().sleeps < before + sleeps)
        give_way();
    /* By this the reader of it all knows whom. */
    fprintf(stderr, "%d %p\n", (int)waiter.tid, pointer);
    hazptr_release(&ctx, pointer);
    waiter_join(&waiter);
}

/* A sleep lasts 100 ms. */
static void wait_long(void)
{
    a_wait_of_so_many_sleeps(8);
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

static void wait_long_for_callbacks(void)
{
    const struct timespec second = {1, 0};
    struct hazptr_head head;
    struct hazptr_ctx ctx;
    pthread_t thread;

    CHECK(hazptr_acquire(&ctx, &pointer) == pointer);
    hazptr_retire(&head, pointer, reclaimed);
    thread = check_thread(await_callbacks, NULL);
    nanosleep(&second, NULL);
    fprintf(stderr, "%p\n", pointer);
    hazptr_release(&ctx, pointer);
    CHECK_ERR(pthread_join(thread, NULL));
}

static void a_wait_that_lasts_is_reported_after_growing_pauses(void)
{
    struct speaker speaker;
    int reported = 0, told = 0, lines = 0;
    double waited, last = 0;
    void *addr = NULL, *told_addr = NULL;
    char place[64];

    speak(&speaker, "wait", "HAZPTR_STALL_MS", "100");
    while (next(&speaker)) {
        if (sscanf(speaker.line, "hazptr: stall: thread %d has waited %lf s for %p, which is held %63[a-z]",
                   &reported, &waited, &addr, place) != 4) {
            CHECK_EQ(sscanf(speaker.line, "%d %p", &told, &told_addr), 2);
            continue;
        }
        CHECK(!strcmp(place, "in") || !strcmp(place, "by"));
        CHECK(lines == 0 || waited >= 2 * last - 0.1);
        last = waited;
        lines++;
    }
    CHECK(lines >= 2);
    CHECK_EQ(told, reported);
    CHECK(addr == told_addr);
    says_no_more(&speaker);
}

static void a_wait_is_not_reported(const char *name, const char *value)
{
    struct speaker speaker;

    speak(&speaker, "wait", name, value);
    CHECK(next(&speaker) && speaker.line[0] != 'h');
    says_no_more(&speaker);
}

static void a_wait_for_callbacks_is_reported(void)
{
    struct speaker speaker;
    void *addr = NULL, *told = NULL;
    int tid, lines = 0;
    double waited;

    speak(&speaker, "callbacks", "HAZPTR_STALL_MS", "100");
    while (next(&speaker)) {
        if (sscanf(speaker.line, "hazptr: stall: thread %d has waited %lf s for callbacks: 1 objects are pending, "
                                 "1 of them protected, %p", &tid, &waited, &addr) == 3)
            lines++;
        else
            CHECK_EQ(sscanf(speaker.line, "%p", &told), 1);
    }
    CHECK(lines >= 1);
    CHECK(addr == told);
    says_no_more(&speaker);
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
    void *addr;

    memset(counts, 0, HELD * sizeof(*counts));
    CHECK(fgets(line, sizeof(line), dump) && !strncmp(line, "hazptr ", 7));
    CHECK(strstr(line, check_mode_name(hazptr_mode())));
    while (fgets(line, sizeof(line), dump)) {
        if (sscanf(line, "held: %p", &addr) == 1) {
            held++;
            if ((int *)addr >= objects && (int *)addr < objects + HELD)
                counts[(int *)addr - objects]++;
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
    a_start_says("HAZPTR_DUMP_SIGNAL", "9",
                 "hazptr: HAZPTR_DUMP_SIGNAL=9: not a signal that can be handled; no dumps");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*act)(void);
    } scenes[] = {
        {"wait", wait_long},
        {"callbacks", wait_long_for_callbacks},
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
    a_wait_is_not_reported("HAZPTR_STALL_MS", "0");
    a_wait_is_not_reported(NULL, NULL);
    a_wait_for_callbacks_is_reported();
    a_dump_has_what_is_held_and_nothing_else();
    a_signal_asks_for_a_dump();
    values_that_are_none_are_complained_of();
    return 0;
}
