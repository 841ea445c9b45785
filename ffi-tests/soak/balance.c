/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "balance.h"
#include "children.h"
#include "handover.h"
#include "roles.h"
#include <dirent.h>
#include <hazptr/control.h>
#include <sys/wait.h>

/* As many as a chain of retirements has links, and some. */
#define BARRIERS_IN_THE_END 8
/* For a thread that was joined to be gone from /proc too; the kernel takes microseconds. */
#define PATIENCE_MS 10000
/* Growth beyond that is no noise of malloc's. */
#define GROWTH_KB (64 * 1024)

static struct {
    unsigned int descriptors;
    uint32_t word;
    unsigned long kb;
} before;

static unsigned int unbalanced;

/* --- the system's books ----------------------------------------------------------------------- */

static unsigned int count_entries(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    unsigned int count = 0;

    CHECK(directory);
    while ((entry = readdir(directory)))
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

static bool is_worker(const char *tid)
{
    char path[300], name[32] = "";
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/task/%s/comm", tid);
    file = fopen(path, "re");
    if (!file)
        return false;
    if (!fgets(name, sizeof(name), file))
        name[0] = 0;
    fclose(file);
    return strcmp(name, "hazptr-reclaim\n") == 0;
}

/* Threads that are neither the caller nor the library's worker. */
static unsigned int strangers(unsigned int *workers)
{
    DIR *directory = opendir("/proc/self/task");
    unsigned int count = 0;
    struct dirent *entry;

    CHECK(directory);
    *workers = 0;
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid())
            continue;
        if (is_worker(entry->d_name))
            ++*workers;
        else
            count++;
    }
    closedir(directory);
    return count;
}

unsigned long resident_kb(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    unsigned long kb = 0;
    char line[200];

    CHECK(file);
    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "VmRSS: %lu", &kb) == 1)
            break;
    fclose(file);
    return kb;
}

/* --- one line of them ------------------------------------------------------------------------- */

static void book(const char *what, unsigned long left, const char *other, unsigned long right,
         bool is_right)
{
    printf("  %-30s %12lu   %-26s %12lu   %s\n", what, left, other, right,
           is_right ? "right" : "WRONG");
    unbalanced += !is_right;
}

static void even(const char *what, unsigned long left, const char *other, unsigned long right)
{
    book(what, left, other, right, left == right);
}

static void none(const char *what, unsigned long found)
{
    even(what, found, "to be", 0);
}

/* --- all of them ------------------------------------------------------------------------------ */

void balance_begin(void)
{
    hazptr_init();
    before.word = hazptr_control_block()->word;
    before.descriptors = count_entries("/proc/self/fd");
}

void balance_note_memory(void)
{
    before.kb = resident_kb();
}

static void let_go_of_all(struct thread *me)
{
    struct object *object;
    unsigned int i;

    parcels_take_all(me);
    for (i = 0; i < CELLS; i++) {
        object = cell_clear(cell_any(i));
        if (object)
            retire_somehow(me, object);
    }
    retire_let_go(me);
    for (i = 0; i < BARRIERS_IN_THE_END; i++)
        CHECK_EQ(hazptr_barrier(), 0);
    children_reap_all();
}

/* A worker on its way out may see its successor. */
static void await_threads(void)
{
    unsigned int workers, others = strangers(&workers), ms;

    for (ms = 0; (others > 0 || workers > 1) && ms < PATIENCE_MS; ms++) {
        sleep_us(1000);
        others = strangers(&workers);
    }
    none("threads left behind", others);
    book("workers of the library", workers, "at most", 1, workers <= 1);
}

static void print_books(void)
{
    const struct hazptr_statistics stats = check_stats();
    const unsigned long forked = threads_sum(FORKED) + threads_sum(FORKED_IN_HANDLER);
    const unsigned long kb = resident_kb();

    puts("balance:");
    even("objects allocated", threads_sum(ALLOCATED), "freed", threads_sum(FREED));
    none("objects in use", objects_in_use());
    even("retired", threads_sum(RETIRED), "called back", threads_sum(CALLED_BACK));
    even("retired, by the library", stats.retired, "by the soak", threads_sum(RETIRED));
    even("reclaimed, by the library", stats.reclaimed, "by the soak", threads_sum(CALLED_BACK));
    none("pending", stats.pending);
    none("hazards held", stats.held);
    none("of them in contexts", stats.held_backup);
    even("control word, now", hazptr_control_block()->word, "before", before.word);
    even("children forked", forked, "reaped", children_reaped());
    even("descriptors, now", count_entries("/proc/self/fd"), "before", before.descriptors);
    await_threads();
    book("resident kB, now", kb, "earlier in the run", before.kb, kb < 2 * before.kb + GROWTH_KB);
}

bool balance_is_right(void)
{
    struct thread *me;
    static const struct role last = {.name = "last"};

    me = thread_new(&last);
    thread_enter(me);
    let_go_of_all(me);
    thread_delete(me);
    print_books();
    return unbalanced == 0;
}
