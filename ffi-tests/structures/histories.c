/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Linearizability of a structure: some threads do a few random operations each on a new one, all of
 * them note when theirs began and ended, and the checker looks for an order. Thousands of times.
 *
 * usage: histories STRUCTURE [--histories N] [--seed N] [--as STRUCTURE]
 *
 * --as checks it as what it is not. If a history is not linearizable, it is printed: its seed makes the
 * same operations again, though not the same overlaps.
 */
#include "../check.h"
#include "../torture/random.h"
#include "checker.h"
#include "subject.h"

#define MOST_THREADS 4
#define MOST_EACH 5
#define MOST_BEFORE 4
/* Few, so that threads meet at them. */
#define KEYS 3

static const struct subject *subject;
static specification *as;
static unsigned long histories = 2000, seed = 1;

struct thread {
    pthread_t thread;
    struct random random;
    int number, count;
    struct operation operations[MOST_EACH];
};

/* One at a time. */
static void *structure;
static struct thread threads[MOST_THREADS];
static int thread_count;
static unsigned int arrived;
static unsigned long clock_now;
static int last_value;
static struct operation history[MOST_OPERATIONS];
static int history_length;

static unsigned long tick(void)
{
    return __atomic_fetch_add(&clock_now, 1, __ATOMIC_SEQ_CST);
}

static void apply(struct operation *operation)
{
    operation->invoked = tick();
    operation->result = subject->apply(structure, operation->kind, operation->argument);
    operation->returned = tick();
}

/* No value is put twice, so that what is taken tells which put it was. */
static struct operation random_operation(struct random *random, int thread)
{
    struct operation operation = {subject->first, 0, 0, thread, 0, 0};

    operation.kind += random_below(random, (uint32_t)(subject->last - subject->first + 1));
    if (operation.kind == PUT)
        operation.argument = ++last_value;
    else if (operation.kind != TAKE)
        operation.argument = (int)random_below(random, KEYS);
    return operation;
}

static void *work(void *argument)
{
    struct thread *me = argument;
    int i;

    __atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) != (unsigned int)thread_count)
        sched_yield();
    for (i = 0; i < me->count; i++)
        apply(&me->operations[i]);
    return NULL;
}

static void append(struct operation operation)
{
    CHECK(history_length < MOST_OPERATIONS);
    history[history_length++] = operation;
}

static struct operation append_applied(enum kind kind, int argument)
{
    struct operation operation = {kind, argument, 0, -1, 0, 0};

    apply(&operation);
    append(operation);
    return operation;
}

/* What was lost shows when it is missing, and what is there twice when it comes twice. */
static void look_at_all(void)
{
    int key, left;

    if (subject->last == CONTAINS)
        for (key = 0; key < KEYS; key++)
            append_applied(CONTAINS, key);
    else
        /* One more than there can be, or it may never be empty. */
        for (left = last_value + 1; left > 0; left--)
            if (append_applied(TAKE, 0).result == EMPTY)
                break;
}

static void run(unsigned long number)
{
    struct random random;
    struct operation before;
    int i, j;

    random_seed(&random, number);
    clock_now = 0;
    last_value = 0;
    history_length = 0;
    arrived = 0;
    structure = subject->create();
    for (i = (int)random_below(&random, MOST_BEFORE + 1); i > 0; i--) {
        before = random_operation(&random, -1);
        append_applied(before.kind, before.argument);
    }
    thread_count = 2 + (int)random_below(&random, MOST_THREADS - 1);
    for (i = 0; i < thread_count; i++) {
        threads[i].count = 1 + (int)random_below(&random, MOST_EACH);
        for (j = 0; j < threads[i].count; j++)
            threads[i].operations[j] = random_operation(&random, i);
    }
    for (i = 0; i < thread_count; i++)
        threads[i].thread = check_thread(work, &threads[i]);
    for (i = 0; i < thread_count; i++)
        CHECK_ERR(pthread_join(threads[i].thread, NULL));
    for (i = 0; i < thread_count; i++)
        for (j = 0; j < threads[i].count; j++)
            append(threads[i].operations[j]);
    look_at_all();
    subject->destroy(structure);
}

/* Pairs of operations of which neither was over before the other began. */
static unsigned long overlaps(void)
{
    unsigned long pairs = 0;
    int i, j;

    for (i = 0; i < history_length; i++)
        for (j = 0; j < i; j++)
            pairs += history[i].invoked < history[j].returned &&
                     history[j].invoked < history[i].returned;
    return pairs;
}

static int compare_invoked(const void *a, const void *b)
{
    const struct operation *x = a, *y = b;

    return (x->invoked > y->invoked) - (x->invoked < y->invoked);
}

static void print_history(void)
{
    static const char *const names[] = {"put", "take", "insert", "remove", "contains"};
    const struct operation *operation;

    qsort(history, (size_t)history_length, sizeof(*history), compare_invoked);
    for (operation = history; operation < history + history_length; operation++) {
        printf("%4lu to %-4lu ", operation->invoked, operation->returned);
        if (operation->thread < 0)
            printf("alone    ");
        else
            printf("thread %d ", operation->thread);
        if (operation->kind == TAKE)
            printf("take     -> ");
        else
            printf("%s %d -> ", names[operation->kind], operation->argument);
        printf(operation->result == EMPTY ? "empty\n" : "%d\n", operation->result);
    }
}

static void set_option(const char *name, const char *value)
{
    if (strcmp(name, "--histories") == 0)
        histories = strtoul(value, NULL, 10);
    else if (strcmp(name, "--seed") == 0)
        seed = strtoul(value, NULL, 10);
    else if (strcmp(name, "--as") == 0)
        as = subject_named(value)->specification;
    else
        check_failed(__FILE__, __LINE__, "known option", ": %s", name);
}

int main(int argc, char **argv)
{
    unsigned long last, pairs, overlapping = 0, all_pairs = 0, operations = 0;
    struct hazptr_statistics stats;
    int i;

    CHECK(argc > 1);
    subject = subject_named(argv[1]);
    as = subject->specification;
    for (i = 2; i < argc; i += 2)
        set_option(argv[i], i + 1 < argc ? argv[i + 1] : "");
    check_mode();
    for (last = seed + histories; seed < last; seed++) {
        run(seed);
        if (!linearizable(as, history, history_length)) {
            printf("%s, seed %lu: not linearizable\n", subject->name, seed);
            print_history();
            return 1;
        }
        pairs = overlaps();
        overlapping += pairs > 0;
        all_pairs += pairs;
        operations += (unsigned long)history_length;
    }
    /* Whoever reclaims counts when all of its batch is done, which a cohort does not wait for. */
    CHECK_EQ(hazptr_barrier(), 0);
    stats = check_stats();
    printf("%s: %lu histories of %lu operations, in %lu of them %lu pairs overlap; %lu retired\n",
           subject->name, histories, operations, overlapping, all_pairs,
           (unsigned long)stats.retired);
    CHECK(overlapping > 0);
    CHECK_EQ(stats.retired, stats.reclaimed);
    CHECK_EQ(stats.held, 0);
    return 0;
}
