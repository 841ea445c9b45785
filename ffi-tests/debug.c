/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Debug mode: whatever is done wrong is reported once, when it is done, with the places of both sides; and
 * what looks like it and is right is not. Each scene runs in a process of its own.
 */
#include "debug-scenes.h"
#include <dlfcn.h>

/* --- what is said -------------------------------------------------------------------------------
 */

static const struct misuse {
    void (*act)(void);
    const char *report;
    /* What each place is called, and the function that it is in. */
    const char *sites[3][2];
    /* Which report it is. */
    unsigned int kind;
    /* It does not end by itself. */
    int waits;
    const char *debug;
} misuses[] = {
    {release_twice,
     "release of a context that holds nothing: the one at 0x",
     {{"here", "place_of_misuse"},
      {"acquired", "place_of_acquire"},
      {"released", "place_of_release"}},
     HAZPTR_DEBUG_NOT_HELD, 0, NULL},
    {release_a_copy_of_what_was_released,
     "release of a context that holds nothing: the one at 0x",
     {{"here", "place_of_misuse"},
      {"acquired", "place_of_acquire"},
      {"released", "place_of_release"}},
     HAZPTR_DEBUG_NOT_HELD, 0, NULL},
    {reset_what_was_released,
     "reset of a context that holds nothing: the one at 0x",
     {{"here", "place_of_reset"}, {"acquired", "place_of_hold"}, {"released", "place_of_release"}},
     HAZPTR_DEBUG_NOT_HELD, 0, NULL},
    {release_what_was_never_acquired,
     "release of a context that holds nothing, and never did: 0x",
     {{"here", "place_of_misuse"}},
     HAZPTR_DEBUG_NOT_HELD, 0, NULL},
    {protect_by_what_was_released,
     "protect by a context that holds nothing: the one at 0x",
     {{"here", "place_of_protect"}, {"acquired", "place_of_hold"}, {"released", "place_of_release"}},
     HAZPTR_DEBUG_NOT_HELD, 0, NULL},
    {release_another_address,
     "release of 0x",
     {{"here", "place_of_misuse"}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_WRONG_ADDRESS, 0, NULL},
    {release_at_the_same_time,
     "two releases at the same time of a context: the one at 0x",
     {{"here", "place_of_misuse"},
      {"acquired", "place_of_acquire"},
      {"released", "place_of_release"}},
     HAZPTR_DEBUG_RACE, 0, NULL},
    {acquire_twice,
     "acquire on a context that still holds: the context at 0x",
     {{"here", "acquire_twice"}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_STILL_HELD, 0, NULL},
    {hold_what_is_held,
     "acquire on a context that still holds: the context at 0x",
     {{"here", "place_of_hold"}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_STILL_HELD, 0, NULL},
    {move_to_what_is_held,
     "hazptr_move() to a context that still holds: the context at 0x",
     {{"here", "move_to_what_is_held"}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_STILL_HELD, 0, NULL},
    {release_a_copy,
     "release of a context that was copied: a copy of the one at 0x",
     {{"here", "place_of_misuse"}, {"the original was acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_COPIED, 0, NULL},
    {protect_by_a_copy,
     "protect by a context that was copied: 0x",
     {{"here", "place_of_protect"}, {"the original was acquired", "place_of_hold"}},
     HAZPTR_DEBUG_COPIED, 0, NULL},
    {end_a_thread_that_holds,
     "a thread ends, and in its memory the context at 0x",
     {{"here", ""}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_THREAD_ENDED, 0, NULL},
    {use_in_child,
     "use of a hazard that was held across a fork: the context at 0x",
     {{"released here", "place_of_misuse"}, {"acquired in the parent", "place_of_acquire"}},
     HAZPTR_DEBUG_FORKED, 0, NULL},
    {wait_for_own,
     "wait for 0x",
     {{"here", "place_of_wait"}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_SELF_WAIT, 1, NULL},
    {wait_for_own_held,
     "wait for 0x",
     {{"here", "place_of_wait"}, {"acquired", "place_of_protect"}},
     HAZPTR_DEBUG_SELF_WAIT, 1, NULL},
    {wait_for_own_among_others,
     "wait for 0x",
     {{"here", "acquire_and_wait_for_many"}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_SELF_WAIT, 1, NULL},
    {await_own_callback,
     "wait for 0x",
     {{"here", "acquire_and_await_callbacks"}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_SELF_WAIT, 1, NULL},
    {await_own_cohort,
     "wait for 0x",
     {{"here", "acquire_and_await_cohort"}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_SELF_WAIT, 1, NULL},
    {retire_twice,
     "retire of 0x",
     {{"here", "retire_twice"}, {"retired", "place_of_retire"}},
     HAZPTR_DEBUG_DOUBLE_RETIRE, 0, NULL},
    {retire_twice_without_a_node,
     "retire of 0x",
     {{"here", "retire_twice_without_a_node"}, {"retired", "place_of_retire_ptr"}},
     HAZPTR_DEBUG_DOUBLE_RETIRE, 0, NULL},
    {retire_twice_in_child,
     "retire of 0x",
     {{"here", "retire_in_child"}, {"retired", "place_of_retire"}},
     HAZPTR_DEBUG_DOUBLE_RETIRE, 0, NULL},
    {retire_a_list_with_one_that_is,
     "retire of 0x",
     {{"here", "retire_a_list_with_one_that_is"}, {"retired", "place_of_retire"}},
     HAZPTR_DEBUG_DOUBLE_RETIRE, 0, NULL},
    {release_in_another_thread,
     "release by another thread, and no hazptr_detach(): the context at 0x",
     {{"here", "place_of_misuse"}, {"acquired", "place_of_acquire"}},
     HAZPTR_DEBUG_OTHER_THREAD, 0, "report,threads"},
};
#define MISUSES (sizeof(misuses) / sizeof(misuses[0]))

/* What the program itself is told. */
static void tell(unsigned int kind, const char *report)
{
    fprintf(stderr, "kind %u: %s\n", kind, report);
    errno = EPERM;
}

static void open_scene(struct speaker *speaker, unsigned int number, const char *debug)
{
    char scene[16];

    snprintf(scene, sizeof(scene), "%u", number);
    speak(speaker, scene, "HAZPTR_DEBUG", debug);
}

static void go_on(struct speaker *speaker)
{
    CHECK_EQ(close(speaker->held_up), 0);
    speaker->held_up = -1;
}

/* Then its own frames come first, for they cannot be told from the program's. */
static int library_is_in_program(void)
{
    Dl_info library, program;

    CHECK(dladdr((void *)(uintptr_t)hazptr_mode, &library));
    CHECK(dladdr((void *)(uintptr_t)place_of_wait, &program));
    return library.dli_fbase == program.dli_fbase;
}

/* The report, and nothing else. */
static void is_reported(const struct misuse *misuse, struct speaker *speaker, const char *prefix)
{
    unsigned int i;

    if (!next(speaker) || strncmp(speaker->line, prefix, strlen(prefix)) ||
        strncmp(speaker->line + strlen(prefix), misuse->report, strlen(misuse->report)))
        check_failed(__FILE__, __LINE__, misuse->report, ": %s", speaker->line);
    for (i = 0; i < 3 && misuse->sites[i][0]; i++) {
        const char *did = misuse->sites[i][0], *place = misuse->sites[i][1];
        char start[64], *frames;

        snprintf(start, sizeof(start), "  %s: thread ", did);
        if (!next(speaker) || strncmp(speaker->line, start, strlen(start)) ||
            !strstr(speaker->line, " on CPU ") || !strstr(speaker->line, " s ago, at "))
            check_failed(__FILE__, __LINE__, did, ": %s", speaker->line);
        frames = strstr(speaker->line, " s ago, at ");
        if (!library_is_in_program())
            frames[strcspn(frames, "<")] = 0;
        if (!strstr(frames, place))
            check_failed(__FILE__, __LINE__, did, " in %s, not%s", place, frames);
    }
    if (misuse->waits)
        go_on(speaker);
}

static void each_misuse_is_reported_once_with_its_places(void)
{
    struct speaker speaker;
    unsigned int i;

    for (i = 0; i < MISUSES; i++) {
        open_scene(&speaker, i, misuses[i].debug ? misuses[i].debug : "report");
        is_reported(&misuses[i], &speaker, "hazptr: debug: ");
        says_no_more(&speaker);
    }
}

static void a_handler_is_told_what_it_is(void)
{
    struct speaker speaker;
    char prefix[64];
    unsigned int i;

    for (i = 0; i < MISUSES; i++) {
        open_scene(&speaker, i, misuses[i].debug ? "handler,threads" : "handler");
        snprintf(prefix, sizeof(prefix), "kind %u: hazptr: debug: ", misuses[i].kind);
        is_reported(&misuses[i], &speaker, prefix);
        says_no_more(&speaker);
    }
}

static void a_report_ends_the_process_if_it_is_to(void)
{
    struct speaker speaker;
    int status;

    open_scene(&speaker, 0, "abort");
    is_reported(&misuses[0], &speaker, "hazptr: debug: ");
    CHECK(!next(&speaker));
    fclose(speaker.says);
    close(speaker.held_up);
    CHECK_EQ(waitpid(speaker.child, &status, 0), speaker.child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void nothing_is_said_of(const char *scene, const char *debug)
{
    struct speaker speaker;

    speak(&speaker, scene, "HAZPTR_DEBUG", debug);
    says_no_more(&speaker);
}

static void what_is_right_is_not_reported(void)
{
    char scene[16];
    unsigned int i;

    nothing_is_said_of("right", "report");
    nothing_is_said_of("detached", "report,threads");
    nothing_is_said_of("file", "report");
    /* Only if asked for. */
    for (i = 0; misuses[i].kind != HAZPTR_DEBUG_OTHER_THREAD; i++)
        ;
    snprintf(scene, sizeof(scene), "%u", i);
    nothing_is_said_of(scene, "report");
}

static void a_wish_that_is_none_is_complained_of(void)
{
    struct speaker speaker;

    speak(&speaker, "mode", "HAZPTR_DEBUG", "loud");
    CHECK(next(&speaker));
    CHECK(!strcmp(speaker.line, "hazptr: HAZPTR_DEBUG=loud: not one of report, abort, handler, with or "
                                "without \",threads\"; debug mode is off"));
    says_no_more(&speaker);
}

/* Another file has its number. */
static void misuse_without_stderr(void)
{
    FILE *file = tmpfile();

    CHECK(file);
    CHECK_EQ(dup2(fileno(file), 2), 2);
    release_twice();
    CHECK_EQ(lseek(2, 0, SEEK_END), 0);
}

static void expect_no_debug_mode(void)
{
    struct hazptr_ctx ctx;

    CHECK(hazptr_acquire(&ctx, &pointer) == pointer);
    hazptr_release(&ctx, other_pointer);
}

/* --- who holds it -------------------------------------------------------------------------------
 */

static void *hold_until_told(void *argument)
{
    CHECK_ERR(pthread_setname_np(pthread_self(), "the holder"));
    place_of_acquire(&kept, &pointer);
    CHECK_EQ(hazptr_dump(2), 0);
    until_told();
    hazptr_release(&kept, pointer);
    return argument;
}

static void wait_for_the_holder(void)
{
    pthread_t thread = check_thread(hold_until_told, NULL);

    while (!hazptr_is_protected(pointer))
        give_way();
    hazptr_synchronize(pointer);
    CHECK_ERR(pthread_join(thread, NULL));
}

static void stalls_and_dumps_tell_who_holds_it(void)
{
    struct speaker speaker;
    int dumped = 0;
    char *holder;

    CHECK_EQ(setenv("HAZPTR_STALL_MS", "200", 1), 0);
    speak(&speaker, "holder", "HAZPTR_DEBUG", "report");
    CHECK_EQ(unsetenv("HAZPTR_STALL_MS"), 0);
    while (next(&speaker) && !strstr(speaker.line, "stall: ")) {
        holder = strstr(speaker.line, "; by thread ");
        if (holder && strstr(holder, " (the holder) at 0x"))
            dumped++;
    }
    CHECK_EQ(dumped, 1);
    CHECK(strstr(speaker.line, "; by thread ") && strstr(speaker.line, " (the holder) on CPU ") &&
          strstr(speaker.line, "place_of_acquire") && strstr(speaker.line, "; that thread sleeps"));
    go_on(&speaker);
    while (next(&speaker))
        CHECK(strstr(speaker.line, "stall: "));
    says_no_more(&speaker);
}

static int play(const char *scene)
{
    static const struct {
        const char *name;
        void (*act)(void);
    } scenes[] = {
        {"right", do_what_is_right},
        {"detached", release_in_another_thread_detached},
        {"mode", expect_no_debug_mode},
        {"file", misuse_without_stderr},
        {"holder", wait_for_the_holder},
    };
    unsigned int i;

    for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
        if (!strcmp(scene, scenes[i].name)) {
            scenes[i].act();
            return 0;
        }
    }
    hazptr_set_debug_handler(tell);
    misuses[atoi(scene)].act();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return play(argv[1]);
    check_mode();
    each_misuse_is_reported_once_with_its_places();
    a_handler_is_told_what_it_is();
    a_report_ends_the_process_if_it_is_to();
    what_is_right_is_not_reported();
    a_wish_that_is_none_is_complained_of();
    stalls_and_dumps_tell_who_holds_it();
    return 0;
}
