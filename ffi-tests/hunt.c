/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The hunt for a use after free: no reader ever holds an element that a writer has waited for.
 *
 * A writer replaces the published element, waits with hazptr_synchronize(), and then moves every
 * element that it has removed one step along a pipe, and after 10 steps back to its pool. A reader
 * acquires, delays, and only then looks how far along its element is: 0 (published) or 1 (removed,
 * not yet waited for) is right; more means that a wait ended while the element was held.
 *
 * What a missing barrier lets through is a hazard that becomes visible late. So readers store to
 * cold cache lines before they acquire: then the acquire's own stores wait in line behind those.
 *
 * Against a weakened engine (hunt.cmake), or with --wait none, this must end in an error, and soon:
 * that is what gives a run without errors its meaning. With --held all readers keep their contexts, and
 * protect one element after the other by each; with --held copied they pass on hazards by copies, which
 * is as wrong as not to wait (scenario 11). Options: --seconds N, --updates N, --readers N, --expect
 * error|clean, --wait none, --held moved|copied.
 */
#include "check.h"
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>

#define WRITERS 2
#define MOST_READERS 64
#define PIPE_STEPS 10
/* One published, PIPE_STEPS on the way, and some to spare. */
#define ELEMENTS 16
#define NEST 6
/* More than a core's own caches hold; and the other cores write to them too. */
#define COLD_LINES (1 << 17)

#define CONTENT 0x600d600d600d600dul
#define POISON 0xdeadbeefdeadbeeful

#define LOAD(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define STORE(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)

struct element {
    unsigned long content;
    unsigned int pipe_count;
} __attribute__((aligned(64)));

struct writer {
    pthread_t thread;
    struct element *published;
    unsigned int taken;
    struct element elements[ELEMENTS];
} __attribute__((aligned(128)));

struct reader {
    pthread_t thread;
    unsigned int seed;
    unsigned long acquires;
    unsigned long special;
    /* What the handler has acquired and the thread is to release. */
    struct hazptr_ctx kept;
    struct element *volatile kept_element;
    volatile int is_kept;
    /* With --held. */
    struct hazptr_ctx held[NEST];
} __attribute__((aligned(128)));

/* A hazard that changes hands. */
struct parcel {
    struct hazptr_ctx ctx;
    struct element *element;
};

static double seconds = 5;
static unsigned long updates;
static int nr_readers = 8, expect_error, waiting = 1;
static enum { NOT_HELD, MOVED, COPIED } held;

static struct writer writers[WRITERS];
static struct reader readers[MOST_READERS];
static __thread struct reader *volatile self;
static struct parcel *mailbox;
static volatile unsigned long cold[COLD_LINES][8];

static cpu_set_t all_cpus;
static volatile int stop;
static unsigned long updated, errors;
static double started, first_error;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void spin(unsigned int count)
{
    while (count-- > 0)
        __builtin_ia32_pause();
}

static void look(const struct element *element)
{
    if (!element || (LOAD(&element->pipe_count) <= 1 && LOAD(&element->content) == CONTENT))
        return;
    if (__atomic_fetch_add(&errors, 1, __ATOMIC_RELAXED) == 0)
        first_error = now() - started;
    stop = 1;
}

static struct element *acquire(struct hazptr_ctx *ctx, unsigned int random)
{
    return HAZPTR_ACQUIRE(ctx, &writers[random % WRITERS].published);
}

static void handler(int signal)
{
    struct reader *me = self;

    if (!me || me->is_kept)
        return;
    me->kept_element = acquire(&me->kept, (unsigned int)me->special++);
    me->is_kept = 1;
}

static void release_kept(struct reader *me)
{
    if (!me->is_kept)
        return;
    look(me->kept_element);
    hazptr_release(&me->kept, me->kept_element);
    me->is_kept = 0;
}

/* Puts @parcel into the mailbox, and releases what lay there. */
static void exchange(struct parcel *parcel)
{
    parcel = __atomic_exchange_n(&mailbox, parcel, __ATOMIC_ACQ_REL);
    if (!parcel)
        return;
    look(parcel->element);
    hazptr_release(&parcel->ctx, parcel->element);
    free(parcel);
}

static struct element *protect(struct hazptr_ctx *ctx, unsigned int random)
{
    return HAZPTR_PROTECT(ctx, &writers[random % WRITERS].published);
}

static void hand_on(struct reader *me)
{
    struct parcel *parcel = (struct parcel *)malloc(sizeof(*parcel));
    struct hazptr_ctx *first = &me->held[me->special % NEST];

    CHECK(parcel != NULL);
    if (held) {
        parcel->element = protect(first, (unsigned int)me->special);
        hazptr_move(&parcel->ctx, first);
        hazptr_hold(first);
    } else {
        parcel->element = acquire(&parcel->ctx, (unsigned int)me->special);
    }
    me->special++;
    exchange(parcel);
}

/*
 * A hazard goes to a context that the reader has from the start, so that its slot is one of the first
 * that a scan passes. Between the steps a writer comes to wait for the element.
 */
static void take_over(struct reader *me)
{
    struct hazptr_ctx ctx, *to = &me->held[me->special++ % NEST];
    unsigned int random = (unsigned int)rand_r(&me->seed);
    struct element *element;

    hazptr_hold(&ctx);
    element = protect(&ctx, random);
    spin(random >> 8 & 255);
    if (held == MOVED) {
        hazptr_release(to, NULL);
        hazptr_move(to, &ctx);
    } else {
        hazptr_publish(to, element);
        hazptr_release(&ctx, element);
    }
    spin(random >> 16 & 255);
    look(element);
}

/* Protects some elements, one after the other by each of some contexts that the reader keeps. What
 * the last call left there is overwritten, or still protected. */
static void protect_some(struct reader *me)
{
    struct element *elements[NEST];
    unsigned int random = (unsigned int)rand_r(&me->seed);
    unsigned int count = 1 + (random >> 8) % NEST, i, stores;

    for (i = 0; i < count; i++) {
        for (stores = (random >> i) % 64; stores > 0; stores--)
            cold[(unsigned int)rand_r(&me->seed) % COLD_LINES][0] = i;
        elements[i] = protect(&me->held[i], random >> i);
        look(elements[i]);
    }
    me->acquires += count;
    if (random >> 15 == 0)
        sched_yield();
    else
        spin(random >> 16 & 15);
    for (i = 0; i < count; i++) {
        look(elements[i]);
        if (random >> (i + 17) & 7)
            hazptr_reset(&me->held[i]);
    }
}

static void hold_some(struct reader *me)
{
    struct hazptr_ctx contexts[NEST];
    struct element *elements[NEST];
    unsigned int random = (unsigned int)rand_r(&me->seed);
    unsigned int count = 1 + (random >> 8) % NEST, i, stores;

    for (i = 0; i < count; i++) {
        for (stores = (random >> i) % 16; stores > 0; stores--)
            cold[(unsigned int)rand_r(&me->seed) % COLD_LINES][0] = i;
        elements[i] = acquire(&contexts[i], random >> i);
        look(elements[i]);
    }
    me->acquires += count;
    /* Seldom off the CPU: meanwhile no writer gets on. */
    if (random >> 15 == 0)
        sched_yield();
    else
        spin(random >> 16 & 15);
    for (i = 0; i < count; i++) {
        look(elements[i]);
        hazptr_release(&contexts[i], elements[i]);
    }
}

static void *reader(void *argument)
{
    struct reader *me = (struct reader *)argument;
    unsigned int random;
    int i;

    self = me;
    if (held)
        hazptr_hold_many(me->held, NEST);
    while (!stop) {
        if (held)
            protect_some(me);
        else
            hold_some(me);
        release_kept(me);
        random = (unsigned int)rand_r(&me->seed);
        if (LOAD(&mailbox))
            exchange(NULL);
        else if (random % 64 == 0)
            hand_on(me);
        if (held && random % 32 == 0)
            take_over(me);
        if (random % 16 == 1)
            sched_yield();
    }
    self = NULL;
    release_kept(me);
    for (i = 0; held && i < NEST; i++)
        hazptr_release(&me->held[i], NULL);
    return NULL;
}

/* In turn: the pipe is shorter than the pool. */
static struct element *take(struct writer *me)
{
    struct element *element = &me->elements[me->taken++ % ELEMENTS];

    CHECK_EQ(element->pipe_count, 0);
    STORE(&element->content, CONTENT);
    return element;
}

static void move_along(struct writer *me)
{
    struct element *element;

    for (element = me->elements; element < me->elements + ELEMENTS; element++) {
        if (element->pipe_count == 0)
            continue;
        STORE(&element->content, POISON);
        STORE(&element->pipe_count, (element->pipe_count + 1) % (PIPE_STEPS + 1));
    }
}

static void *writer(void *argument)
{
    struct writer *me = (struct writer *)argument;
    unsigned int seed = 1 + (unsigned int)(me - writers), random;
    struct element *removed, *next;

    while (!stop) {
        random = (unsigned int)rand_r(&seed);
        next = random % 16 ? take(me) : NULL;
        removed = me->published;
        __atomic_store_n(&me->published, next, __ATOMIC_RELEASE);
        if (!removed)
            continue;
        STORE(&removed->pipe_count, 1);
        if (waiting)
            hazptr_synchronize(removed);
        move_along(me);
        __atomic_fetch_add(&updated, 1, __ATOMIC_RELAXED);
        /* Under nothing but barriers, slow sequences would never be through. */
        if ((random >> 8 & 7) == 0)
            spin(random >> 11 & 1023);
    }
    return NULL;
}

/* Mostly writers on one CPU and readers on the others, so that they meet; or all everywhere. No
 * look at what the calls return: a thread may have ended, if an error was found. */
static void shuffle(unsigned int random)
{
    cpu_set_t here, elsewhere = all_cpus;
    unsigned int cpu = random >> 8;
    int i;

    while (!CPU_ISSET(cpu % CPU_SETSIZE, &all_cpus))
        cpu++;
    CPU_ZERO(&here);
    CPU_SET(cpu % CPU_SETSIZE, &here);
    CPU_CLR(cpu % CPU_SETSIZE, &elsewhere);
    if (CPU_COUNT(&elsewhere) == 0 || random % 2 == 0)
        here = elsewhere = all_cpus;
    for (i = 0; i < WRITERS; i++)
        pthread_setaffinity_np(writers[i].thread, sizeof(here), &here);
    for (i = 0; i < nr_readers; i++)
        pthread_setaffinity_np(readers[i].thread, sizeof(elsewhere), &elsewhere);
}

static void disturb(void)
{
    const struct timespec pause = {0, 1000000};
    unsigned int seed = 1, random;

    while (!stop && now() - started < seconds && (!updates || LOAD(&updated) < updates)) {
        random = (unsigned int)rand_r(&seed);
        if (random % 8 == 0)
            shuffle(random >> 3);
        pthread_kill(readers[(random >> 8) % (unsigned int)nr_readers].thread, SIGUSR1);
        nanosleep(&pause, NULL);
    }
}

static void run(void)
{
    int i;

    started = now();
    for (i = 0; i < nr_readers; i++) {
        readers[i].seed = 77u + (unsigned int)i;
        readers[i].thread = check_thread(reader, &readers[i]);
    }
    for (i = 0; i < WRITERS; i++)
        writers[i].thread = check_thread(writer, &writers[i]);
    disturb();
    stop = 1;
    for (i = 0; i < nr_readers; i++)
        CHECK_ERR(pthread_join(readers[i].thread, NULL));
    /* What nobody has taken out: a writer may be waiting for it. */
    exchange(NULL);
    for (i = 0; i < WRITERS; i++)
        CHECK_ERR(pthread_join(writers[i].thread, NULL));
}

static void report(void)
{
    struct hazptr_statistics stats = check_stats();
    unsigned long acquires = 0, special = 0;
    int i;

    for (i = 0; i < nr_readers; i++) {
        acquires += readers[i].acquires;
        special += readers[i].special;
    }
    printf("mode %s, %.1f s, %lu updates, %lu acquires, %lu in handlers or handed on\n",
           check_mode_name(hazptr_mode()), now() - started, updated, acquires, special);
    printf("slow acquires %lu, backup %lu; parks %lu, lines %lu; barriers %lu; sleeps %lu\n",
           stats.acquire_slow, stats.acquire_backup, stats.parks, stats.lines, stats.barriers,
           stats.sleeps);
    if (errors)
        printf("the first error after %.6f s; ", first_error);
    printf("errors %lu\n", errors);
    CHECK_EQ(stats.held, 0);
    if (errors || expect_error)
        return;
    /* A run without errors counts only if there was something to see. */
    CHECK(updated >= 100 && acquires >= 100 && special > 0);
    if (hazptr_mode() == HAZPTR_MODE_RSEQ && !getenv("HAZPTR_MAX_LINES"))
        CHECK(stats.parks > 0);
}

static void set_option(const char *name, const char *value)
{
    if (strcmp(name, "--seconds") == 0)
        seconds = atof(value);
    else if (strcmp(name, "--updates") == 0)
        updates = strtoul(value, NULL, 10);
    else if (strcmp(name, "--readers") == 0)
        nr_readers = atoi(value);
    else if (strcmp(name, "--expect") == 0)
        expect_error = strcmp(value, "error") == 0;
    else if (strcmp(name, "--wait") == 0)
        waiting = strcmp(value, "none") != 0;
    else if (strcmp(name, "--held") == 0)
        held = strcmp(value, "copied") == 0 ? COPIED : MOVED;
    else
        check_failed(__FILE__, __LINE__, "known option", ": %s", name);
}

int main(int argc, char **argv)
{
    int i;

    for (i = 1; i < argc; i += 2)
        set_option(argv[i], i + 1 < argc ? argv[i + 1] : "");
    CHECK(nr_readers > 0 && nr_readers <= MOST_READERS);

    check_mode();
    /* For the engine that uses the ordinary command although it has announced the other one. */
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
    CHECK(sched_getaffinity(0, sizeof(all_cpus), &all_cpus) == 0);
    CHECK(signal(SIGUSR1, handler) != SIG_ERR);
    run();
    report();
    /* An engine that has left its mode on the way shows nothing of it. */
    check_mode();
    return (errors != 0) == expect_error ? 0 : 1;
}
