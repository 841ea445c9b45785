/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The process exits. Handlers of atexit() retire, and wait for it; counters balance then. Or it
 * exits with objects pending, protected or not, and with threads that go on retiring: then they are
 * not reclaimed, which is no leak, and nothing hangs or crashes.
 */
#include "retired.h"
#include "surroundings.h"
#include <sys/wait.h>

#define OBJECTS 500

static struct object objects[OBJECTS];

static void retire_and_wait(void)
{
    int i;

    for (i = 0; i < OBJECTS; i++)
        retire(&objects[i]);
    CHECK_EQ(hazptr_barrier(), 0);
    for (i = 0; i < OBJECTS; i++)
        CHECK_EQ(times_reclaimed(&objects[i]), 1);
    CHECK_EQ(check_stats().retired, check_stats().reclaimed);
    CHECK_EQ(check_stats().pending, 0);
}

/* --- with nothing pending --------------------------------------------------------------------- */

static void balances_in_a_handler(void)
{
    CHECK_EQ(atexit(retire_and_wait), 0);
    CHECK_EQ(hazptr_retire_ptr(malloc(100), free), 0);
}

/* --- with everything pending ------------------------------------------------------------------ */

static struct hazptr_ctx contexts[OBJECTS];

static void *retire_for_ever(void *argument)
{
    for (;;)
        CHECK_EQ(hazptr_retire_ptr(malloc(100), free), 0);
    return NULL;
}

static void block(struct hazptr_head *head)
{
    note_reclaimed(head);
    for (;;)
        pause();
}

static void held_and_not(void)
{
    void *memory;
    int i;

    for (i = 0; i < OBJECTS; i++) {
        memory = malloc(100);
        CHECK(memory);
        if (i % 2)
            hold(&contexts[i], memory);
        CHECK_EQ(hazptr_retire_ptr(memory, free), 0);
    }
    await_a_pass();
    /* New ones, which no pass has seen. */
    for (i = 0; i < OBJECTS; i++)
        CHECK_EQ(hazptr_retire_ptr(malloc(100), free), 0);
}

static void in_a_callback(void)
{
    hazptr_retire(&objects[0].head, &objects[0], block);
    AWAIT(times_reclaimed(&objects[0]));
}

static void among_retirers(void)
{
    int i;

    for (i = 0; i < 2; i++)
        CHECK_ERR(pthread_detach(check_thread(retire_for_ever, NULL)));
    AWAIT(check_stats().reclaimed > OBJECTS);
}

/* --- what must hold --------------------------------------------------------------------------- */

/* By exit(), as if its main() had returned. */
static void exits_well(void (*prepare)(void))
{
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (child == 0) {
        prepare();
        exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

int main(void)
{
    int round, rounds = under_valgrind() ? 1 : 20;

    check_mode();
    for (round = 0; round < rounds; round++) {
        exits_well(balances_in_a_handler);
        exits_well(held_and_not);
        exits_well(in_a_callback);
        exits_well(among_retirers);
    }
    /* And this one. */
    held_and_not();
    return 0;
}
