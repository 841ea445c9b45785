/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Delays, and memory for nodes: one page each, without access while it is free.
 *
 * Of the free pages, half the time the one freed last is given out, so that an address that somebody
 * still compares with comes back as soon as it can; half the time the one freed first, so that what
 * was freed stays out of reach for long.
 */
#include "../check.h"
#include "../torture/random.h"
#include "disturb.h"

#include <stdbool.h>
#include <sys/mman.h>

/* More than may be waiting to be reclaimed at any time, and less than the kernel has mappings for. */
#define PAGES 16384
#define PAGE_BYTES 4096

static char *pages;
static bool given_out[PAGES];
static unsigned int free_pages[PAGES]; /* a ring: from that freed first to that freed last */
static unsigned int first_free, free_count;
static struct random page_choice;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static __thread struct random choices;
static unsigned int threads_seen;

static uint32_t random_choice(void)
{
    if (!choices.state)
        random_seed(&choices, __atomic_fetch_add(&threads_seen, 1, __ATOMIC_RELAXED));
    return random_next(&choices);
}

void disturb(void)
{
    uint32_t random = random_choice();

    if (random % 16 == 0)
        sched_yield();
    else if (random % 4 == 0)
        for (random = random >> 8 & 63; random > 0; random--)
            __builtin_ia32_pause();
}

void reclaim_perhaps(void)
{
    if (random_choice() % 2)
        hazptr_reclaim_here();
}

static void end(const char *what) __attribute__((noreturn));

static void end(const char *what)
{
    if (write(STDERR_FILENO, what, strlen(what)) < 0)
        _exit(2);
    _exit(1);
}

static void fault(int signal_number, siginfo_t *info, void *context)
{
    const char *at = info->si_addr;

    if (at >= pages && at < pages + (size_t)PAGES * PAGE_BYTES)
        end("a node was touched after it was freed\n");
    /* The same again, without a handler. */
    signal(signal_number, SIG_DFL);
}

__attribute__((constructor)) static void start(void)
{
    struct sigaction action;
    unsigned int i;

    pages = mmap(NULL, (size_t)PAGES * PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    for (i = 0; i < PAGES; i++)
        free_pages[i] = i;
    free_count = PAGES;
    random_seed(&page_choice, 0);
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = fault;
    action.sa_flags = SA_SIGINFO;
    CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
}

static void protect(unsigned int page, int protection)
{
    CHECK_EQ(mprotect(pages + (size_t)page * PAGE_BYTES, PAGE_BYTES, protection), 0);
}

void *guarded_malloc(size_t size)
{
    unsigned int page;

    CHECK(size <= PAGE_BYTES);
    CHECK_ERR(pthread_mutex_lock(&lock));
    CHECK(free_count > 0);
    if (random_next(&page_choice) % 2) {
        page = free_pages[(first_free + free_count - 1) % PAGES];
    } else {
        page = free_pages[first_free];
        first_free = (first_free + 1) % PAGES;
    }
    free_count--;
    given_out[page] = true;
    protect(page, PROT_READ | PROT_WRITE);
    CHECK_ERR(pthread_mutex_unlock(&lock));
    return pages + (size_t)page * PAGE_BYTES;
}

void guarded_free(void *node)
{
    unsigned int page = (unsigned int)(((char *)node - pages) / PAGE_BYTES);

    CHECK_ERR(pthread_mutex_lock(&lock));
    if (!given_out[page])
        end("a node was freed twice\n");
    given_out[page] = false;
    protect(page, PROT_NONE);
    free_pages[(first_free + free_count++) % PAGES] = page;
    CHECK_ERR(pthread_mutex_unlock(&lock));
}
