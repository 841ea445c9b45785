/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * liburcu's lock-free hash table, as it comes, on the flavour that <urcu.h> gives: it takes the
 * flavour's functions from rcu_flavor, and has its own worker thread that is a reader. The table
 * grows and shrinks all the time; every node is accounted for.
 *
 * Each worker owns some keys: only it adds and removes them, so it knows what a look-up must find.
 * The others belong to nobody: a look-up finds the key asked for, or nothing.
 *
 * Exit status: 0 success, 1 failure, 2 a run that could not be had.
 */
#include "lfht-keys.h"

static struct thread workers[MOST_WORKERS], resizer, forker, watchdog;
static atomic_ulong nr_resizes, nr_ends;
static atomic_bool ended;

/* --- threads --------------------------------------------------------------------------------- */

static void thread_halt(struct thread *me)
{
    if (!halt_asked() || !me->halts)
        return;
    rcu_unregister_thread();
    halt_here();
    rcu_register_thread();
}

static void *begin(void *argument)
{
    struct thread *me = argument;

    rcu_register_thread();
    me->function(me);
    rcu_unregister_thread();
    if (me->halts)
        halt_leave();
    atomic_fetch_add(&nr_ends, 1);
    return NULL;
}

static void thread_start(struct thread *thread, uint32_t number, bool halts,
                         void (*function)(struct thread *))
{
    uint64_t seed = options.seed ? (uint64_t)options.seed : (uint64_t)clock_ns();

    thread->number = number;
    thread->function = function;
    thread->halts = halts;
    random_seed(&thread->random, seed * 8191 + number);
    if (halts)
        halt_enter();
    MUST(pthread_create(&thread->pthread, NULL, begin, thread));
}

/* More is added than removed for some time, then the other way round: the table follows. */
static void work_once(struct thread *me, bool growing)
{
    const uint32_t i = random_below(&me->random, (uint32_t)options.keys);
    const uint32_t what = random_below(&me->random, 100);
    const bool add = random_below(&me->random, 10) < (growing ? 8u : 2u);
    const bool own = random_one_in(&me->random, 2);

    if (what < 40 && own)
        look_up_own(me, i);
    else if (what < 40)
        look_up_shared(me, i);
    else if (own && add)
        add_own(me, i);
    else if (own)
        remove_own(me, i);
    else if (add)
        add_shared(me, i);
    else
        remove_shared(i);
    if (random_one_in(&me->random, 5000))
        walk(me);
    if (random_one_in(&me->random, 20000))
        count();
}

static void work(struct thread *me)
{
    const unsigned long turn = 8 * (unsigned long)options.keys;
    unsigned long operations = 0;

    while (!stopping()) {
        thread_halt(me);
        work_once(me, operations / turn % 2 == 0);
        atomic_store_explicit(&me->operations, ++operations, memory_order_relaxed);
    }
}

static void resize(struct thread *me)
{
    while (!stopping()) {
        thread_halt(me);
        cds_lfht_resize(table, 1ul << random_below(&me->random, 14));
        atomic_fetch_add(&nr_resizes, 1);
        sleep_us(random_below(&me->random, 5000));
    }
}

/* --- fork ------------------------------------------------------------------------------------ */

enum { CHILD_FINE, CHILD_READ = 10, CHILD_OWN, CHILD_DESTROY };

/* The child's memory is its own: what others left half done stays so. */
static int child(struct random *random)
{
    const unsigned long failures = atomic_load(&nr_failures);
    const unsigned long key = (unsigned long)options.keys * (MOST_WORKERS + 2);
    struct cds_lfht_iter iter;
    struct node *node;
    uint32_t i, freed;

    child_limit();
    call_rcu_after_fork_child();
    rcu_read_lock();
    for (i = 0; i < 200; i++) {
        node = find(random_below(random, (uint32_t)options.keys), &iter);
        if (node)
            node_check(node);
        if (node && i % 2 && remove_one(node))
            node_retire(node);
    }
    node = node_allocate(key, 1);
    if (add_unique(node) || find(key, &iter) != node)
        return CHILD_OWN;
    rcu_read_unlock();
    synchronize_rcu();
    freed = (uint32_t)atomic_load(&nr_freed);
    remove_all();
    rcu_barrier();
    if (atomic_load(&nr_failures) != failures)
        return CHILD_READ;
    /* At least the child's own node. */
    if ((uint32_t)atomic_load(&nr_freed) == freed)
        return CHILD_OWN;
    /* A node that somebody was about to unlink stays in it. */
    if (cds_lfht_destroy(table, NULL) && options.fork_quiet)
        return CHILD_DESTROY;
    return CHILD_FINE;
}

static void fork_once(struct random *random)
{
    pid_t pid;

    halt_others();
    /* The table's own handlers run in these: rculfhash registers them with the flavour. */
    call_rcu_before_fork();
    pid = fork();
    if (pid == 0)
        _exit(child(random));
    call_rcu_after_fork_parent();
    halt_end();
    child_end(pid);
}

static void forks_go_on(struct thread *me)
{
    while (!stopping()) {
        fork_once(&me->random);
        pause_ms(1000 / options.fork);
    }
}

/* --- what was done --------------------------------------------------------------------------- */

static unsigned long operations(void)
{
    unsigned long all = 0;
    long i;

    for (i = 0; i < options.workers; i++)
        all += atomic_load_explicit(&workers[i].operations, memory_order_relaxed);
    return all;
}

static int verdict(void)
{
    failures_print("lfht");
    printf("lfht: %s operations=%lu found=%lu walked=%lu added=%lu removed=%lu allocated=%lu "
           "freed=%lu resizes=%lu forks=%lu failures=%lu\n",
           failed() ? "FAILURE" : "SUCCESS", operations(), atomic_load(&nr_found),
           atomic_load(&nr_walked), atomic_load(&nr_added), atomic_load(&nr_removed),
           atomic_load(&nr_allocated), atomic_load(&nr_freed), atomic_load(&nr_resizes),
           atomic_load(&nr_forks), atomic_load(&nr_failures));
    fflush(stdout);
    return failed();
}

/* Ends the process, as a thread that hangs cannot be ended. */
static void *watch_for_hangs(void *none)
{
    int64_t since = clock_ns();
    unsigned long before = 0, now;

    while (!atomic_load(&ended)) {
        sleep_us(50000);
        now = operations() + atomic_load(&nr_freed) + atomic_load(&nr_ends);
        if (now != before) {
            before = now;
            since = clock_ns();
        } else if (clock_ns() - since > options.patience * INT64_C(1000000000)) {
            fail("nothing moves any more (seconds, -)", (unsigned long)options.patience, 0);
            verdict();
            _exit(1);
        }
    }
    return none;
}

/* --- the order of things --------------------------------------------------------------------- */

static void start_all(void)
{
    uint32_t i;

    table = cds_lfht_new(1, 1, 0, CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING, NULL);
    if (!table)
        MUST(ENOMEM);
    MUST(pthread_create(&watchdog.pthread, NULL, watch_for_hangs, NULL));
    for (i = 0; i < (uint32_t)options.workers; i++) {
        workers[i].versions = allocate((size_t)options.keys, sizeof(*workers[i].versions));
        thread_start(&workers[i], i, options.fork_quiet, work);
    }
    thread_start(&resizer, MOST_WORKERS, true, resize);
    if (options.fork)
        thread_start(&forker, MOST_WORKERS + 1, true, forks_go_on);
}

static void join_all(void)
{
    long i;

    stop_request();
    if (options.fork)
        MUST(pthread_join(forker.pthread, NULL));
    for (i = 0; i < options.workers; i++)
        MUST(pthread_join(workers[i].pthread, NULL));
    MUST(pthread_join(resizer.pthread, NULL));
}

/* Each worker's keys are there, and nothing is lost. */
static void check_all(void)
{
    struct cds_lfht_iter iter;
    unsigned long nodes = 0;
    struct node *node;
    uint32_t i;
    long worker;

    rcu_read_lock();
    for (worker = 0; worker < options.workers; worker++)
        for (i = 0; i < (uint32_t)options.keys; i++)
            find_own(&workers[worker], i, &iter);
    cds_lfht_for_each_entry(table, &iter, node, in_table)
        nodes++;
    rcu_read_unlock();
    if (nodes != atomic_load(&nr_added) - atomic_load(&nr_removed))
        fail("the table holds another number of nodes (expected, held)",
             atomic_load(&nr_added) - atomic_load(&nr_removed), nodes);
    if (operations() == 0)
        fail("nothing was tried (-, -)", 0, 0);
}

static void end_all(void)
{
    int error;
    long i;

    rcu_register_thread();
    check_all();
    remove_all();
    error = cds_lfht_destroy(table, NULL);
    if (error)
        fail("cds_lfht_destroy() (error, -)", (unsigned long)-error, 0);
    rcu_barrier();
    if (atomic_load(&nr_allocated) != atomic_load(&nr_freed))
        fail("nodes are lost, or freed twice (allocated, freed)", atomic_load(&nr_allocated),
             atomic_load(&nr_freed));
    rcu_unregister_thread();
    kept_free();
    for (i = 0; i < options.workers; i++)
        free(workers[i].versions);
    atomic_store(&ended, true);
    MUST(pthread_join(watchdog.pthread, NULL));
}

int main(int argc, char **argv)
{
    int64_t until;
    sigset_t ends;

    options_parse(argc, argv, option_table, LENGTH(option_table), NULL, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    signals_block(&ends);
    rcu_init();
    start_all();
    until = clock_ns() + options.seconds * INT64_C(1000000000);
    while (!failed() && clock_ns() < until && !signals_wait(&ends))
        ;
    join_all();
    end_all();
    return verdict();
}
