/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The program that step.c interrupts, at one instruction of the library after the other. It puts
 * itself into the state that a scenario asks for, calls the library, does in a handler or another
 * thread what it is told, and then knows what it holds. The library must know the same: every
 * hazard is published once, in a slot of its own, nothing else is, no line is lost, and when all
 * are released then no waiter waits.
 */
#include "protocol.h"
#include "verify.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MINE 640
#define THEIRS 320

enum object { SUBJECT, SUCCESSOR, FILLER, STRANGER, AWAITED, UNHELD, OBJECTS };

static int objects[OBJECTS];
static void *subject_p = &objects[SUBJECT];
static void *filler_p = &objects[FILLER];
static void *stranger_p = &objects[STRANGER];
static void *awaited_p = &objects[AWAITED];
static void *nothing_p;

static struct hazard mine[MINE];     /* of the interrupted thread */
static struct hazard theirs[THEIRS]; /* of who interrupts it */
static unsigned int mine_count, theirs_count;
/* What the scenario's call acquires or releases. */
static struct hazard *subject;

static unsigned long command, handled;
/* In a child that a handler has forked, which nobody traces. */
static int in_child;
/* An object that a waiter has waited for: nobody may hold it. */
static void *waited_for;

/* Released by the thread that waits for it, when it would sleep. */
static struct hazard *awaited;
static int membarrier_is_refused;
static pthread_t main_thread;

static int ask[2], answer;
static pthread_t helper;
static int helper_has_worked;

static unsigned long meet(enum meeting meeting, unsigned long value)
{
    unsigned long answered = (unsigned long)meeting, sign = MEETING;

    /* rdx must not be taken for the sign at a breakpoint later. */
    __asm__ volatile("int3\n\txorl %%edx, %%edx"
                     : "+a"(answered), "+d"(sign)
                     : "D"(value)
                     : "memory", "cc");
    return answered;
}

static void take(struct hazard *hazard, void *const *addr_p)
{
    hazard->addr = hazptr_acquire(&hazard->ctx, addr_p);
    hazard->held = 1;
    hazard->kept = 0;
}

static void took(struct hazard *hazard, void *addr)
{
    hazard->addr = addr;
    hazard->held = hazard->kept = 1;
    CHECK(!waited_for || addr != waited_for);
}

static void drop(struct hazard *hazard)
{
    if (!hazard->held)
        return;
    hazard->held = 0;
    hazptr_release(&hazard->ctx, hazard->addr);
}

static void keep(unsigned int count)
{
    while (count--) {
        CHECK(theirs_count < THEIRS);
        take(&theirs[theirs_count], &stranger_p);
        CHECK(theirs[theirs_count].addr == &objects[STRANGER]);
        theirs_count++;
    }
}

static void drop_all(void)
{
    while (mine_count)
        drop(&mine[--mine_count]);
    while (theirs_count)
        drop(&theirs[--theirs_count]);
    CHECK_EQ(check_stats().held, 0);
}

static void nobody_is_waited_for(void)
{
    int i;

    for (i = 0; i < OBJECTS; i++)
        hazptr_synchronize(&objects[i]);
}

/* --- the scenarios ---------------------------------------------------------------------------- */

static void hold(unsigned int count)
{
    while (count--)
        take(&mine[mine_count++], &filler_p);
    subject = &mine[mine_count];
}

static void hold_subject(unsigned int count)
{
    hold(count);
    take(&mine[mine_count++], &subject_p);
}

/*
 * The near slots of the CPU's line are taken, and have been for so long that the next acquire looks
 * for another line. How long that is, is found out by the line's own count.
 */
static void hold_for_long(unsigned int count)
{
    uint32_t far = 0, limit;

    hold(count);
    do {
        limit = far;
        take(subject, &filler_p);
        drop(subject);
        far = verify_current()->far_acquires;
    } while (far > limit);
    while (verify_current()->far_acquires < 2)
        hold(1);
    while (verify_current()->far_acquires < limit) {
        take(subject, &filler_p);
        drop(subject);
    }
}

static void hold_awaited(unsigned int count)
{
    hold(count);
    awaited = &theirs[theirs_count++];
    take(awaited, &awaited_p);
}

/* All slots of all lines there are, where any of them will do. */
static void hold_all(unsigned int count)
{
    uint64_t lines = check_stats().lines;

    while (check_stats().lines == lines)
        hold(1);
    hold(count - 1);
    CHECK_EQ(check_stats().lines, lines + 1);
}

static void call_acquire(unsigned int count)
{
    mine_count++;
    take(subject, &subject_p);
    CHECK(!waited_for || subject->addr != waited_for);
}

static void call_acquire_masked(unsigned int count)
{
    mine_count++;
    subject->addr = hazptr_acquire_masked(&subject->ctx, &subject_p, 1);
    subject->held = 1;
    CHECK(!waited_for || subject->addr != waited_for);
}

static void call_hold(unsigned int count)
{
    mine_count++;
    hazptr_hold(&subject->ctx);
    took(subject, hazptr_protect(&subject->ctx, &subject_p));
}

static void hold_slot(unsigned int count)
{
    hold(count);
    mine_count++;
    hazptr_hold(&subject->ctx);
    took(subject, hazptr_protect(&subject->ctx, &filler_p));
}

/* Over what it protects, by each way there is. */
static void call_protect(unsigned int count)
{
    void *addr;

    subject->held = 0;
    addr = hazptr_protect_masked(&subject->ctx, &subject_p, 1);
    hazptr_publish(&subject->ctx, addr);
    hazptr_light_fence();
    if (!hazptr_try_protect(&subject->ctx, &addr, &subject_p))
        addr = hazptr_protect(&subject->ctx, &subject_p);
    took(subject, addr);
}

/* And back. Then it protects nothing. */
static void call_move(unsigned int count)
{
    static struct hazptr_ctx other;

    subject->held = 0;
    hazptr_move(&other, &subject->ctx);
    hazptr_move(&subject->ctx, &other);
    hazptr_reset(&subject->ctx);
    took(subject, NULL);
}

static void call_acquire_nothing(unsigned int count)
{
    mine_count++;
    take(subject, &nothing_p);
    CHECK(!subject->addr);
}

/* Again does nothing, whoever has the slot by then. */
static void call_release(unsigned int count)
{
    drop(subject);
    hazptr_release(&subject->ctx, NULL);
}

static void call_release_nothing(unsigned int count)
{
    static struct hazptr_ctx never_acquired = HAZPTR_CTX_INIT;

    hazptr_release(&never_acquired, NULL);
    take(subject, &nothing_p);
    drop(subject);
    hazptr_release(&subject->ctx, NULL);
}

static void call_note(unsigned int count)
{
    hazptr_note_context_switch();
}

static void call_synchronize(unsigned int count)
{
    hazptr_synchronize(&objects[UNHELD]);
}

static void call_wait(unsigned int count)
{
    hazptr_synchronize(&objects[AWAITED]);
    CHECK(!awaited->held || in_child);
}

static void call_wait_refused(unsigned int count)
{
    membarrier_is_refused = 1;
    call_wait(count);
}

static void call_wait_otherwise(unsigned int count)
{
    const void *some[] = {&objects[UNHELD], NULL, &objects[AWAITED]};

    CHECK_EQ(hazptr_synchronize_many(some, 3), 0);
    CHECK(!awaited->held || in_child);
    CHECK_EQ(hazptr_synchronize_range(&objects[AWAITED], sizeof(objects[AWAITED])), 0);
    CHECK_EQ(hazptr_synchronize_timeout(&objects[AWAITED], 0), 0);
    CHECK_EQ(hazptr_synchronize_timeout(&objects[AWAITED], HAZPTR_FOREVER), 0);
    CHECK(!hazptr_is_protected(&objects[AWAITED]));
}

static void call_enquire(unsigned int count)
{
    hazptr_init();
    hazptr_synchronize(NULL);
    hazptr_detach(subject ? &subject->ctx : NULL);
    check_stats();
    CHECK_EQ(hazptr_version(), HAZPTR_VERSION);
    CHECK(hazptr_mode() != 0);
}

typedef void (*step_function)(unsigned int count);

static const struct {
    step_function prepare;
    unsigned int count;
    step_function call;
} scenarios[SCENARIOS] = {
    /* FIRST */ {NULL, 0, call_acquire},
    /* MASKED_FIRST */ {NULL, 0, call_acquire_masked},
    /* NEAR */ {hold, 1, call_acquire},
    /* FAR */ {hold, 8, call_acquire},
    /* SWAP */ {hold, HAZPTR_LINE_SLOTS, call_acquire},
    /* SWAP_FRESH */ {hold, HAZPTR_LINE_SLOTS, call_acquire},
    /* SWAP_MAP */ {hold, HAZPTR_LINE_SLOTS * HAZPTR_LINES_FIRST, call_acquire},
    /* CROWDED */ {hold_for_long, 5, call_acquire},
    /* NOTHING_NEAR */ {hold, 1, call_acquire_nothing},
    /* NOTHING_FAR */ {hold, 8, call_acquire_nothing},
    /* NOTHING_SWAP */ {hold, HAZPTR_LINE_SLOTS, call_acquire_nothing},
    /* MASKED_NEAR */ {hold, 1, call_acquire_masked},
    /* MASKED_FAR */ {hold, 8, call_acquire_masked},
    /* HELD_NEAR */ {hold, 1, call_hold},
    /* HELD_FAR */ {hold, 8, call_hold},
    /* HELD_OVER */ {hold_slot, 1, call_protect},
    /* HELD_MOVED */ {hold_slot, 1, call_move},
    /* SHARED_FULL */ {hold_all, HAZPTR_LINE_SLOTS, call_acquire},
    /* RELEASE */ {hold_subject, 1, call_release},
    /* RELEASE_LAST */ {hold_subject, HAZPTR_LINE_SLOTS, call_release},
    /* RELEASE_NOTHING */ {hold, 1, call_release_nothing},
    /* NOTE */ {hold, 3, call_note},
    /* SYNCHRONIZE */ {hold, 20, call_synchronize},
    /* WAIT */ {hold_awaited, 2, call_wait},
    /* REFUSED */ {hold_awaited, 2, call_wait_refused},
    /* OTHERWISE */ {hold_awaited, 2, call_wait_otherwise},
    /* ENQUIRE */ {hold, 20, call_enquire},
};

/* --- what happens in between ------------------------------------------------------------------ */

static void go_on_in_child(enum deed deed)
{
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (child == 0) {
        in_child = 1;
        /* It must not outlive a test that has failed. */
        CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
        if (deed == FORK_INIT)
            hazptr_init();
        else if (deed == FORK_ACQUIRE)
            keep(20);
        return;
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
}

static void handler(int signal)
{
    enum deed deed = signal == SIGUSR1 ? COMMAND_USR1(command) : COMMAND_USR2(command);

    switch (deed) {
    case KEEP_ONE:
        keep(1);
        break;
    case KEEP_THREE:
        keep(3);
        break;
    case KEEP_TWENTY:
        keep(20);
        break;
    case RELEASE_OLDER:
        if (&mine[0] != subject)
            drop(&mine[0]);
        keep(1);
        break;
    case NOTE_SWITCH:
        hazptr_note_context_switch();
        keep(1);
        break;
    case FORK:
    case FORK_INIT:
    case FORK_ACQUIRE:
        go_on_in_child(deed);
        break;
    case CHANGE:
        __atomic_store_n(&subject_p, &objects[SUCCESSOR], __ATOMIC_RELEASE);
        break;
    case CHANGE_TO_NULL:
        __atomic_store_n(&subject_p, NULL, __ATOMIC_RELEASE);
        break;
    default:
        break;
    }
    if (in_child)
        return;
    handled++;
    if (command & COMMAND_REPORT)
        meet(HANDLED, 0);
}

static long raw_syscall(long number, const long *args)
{
    register long r10 __asm__("r10") = args[3];
    register long r8 __asm__("r8") = args[4];
    register long r9 __asm__("r9") = args[5];
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(args[0]), "S"(args[1]), "d"(args[2]), "r"(r10), "r"(r8),
                       "r"(r9)
                     : "rcx", "r11", "memory");
    if (result < 0 && result >= -4095) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

/*
 * Stands in for libc's function, by which the library makes its system calls: where the library
 * would put the thread to sleep, what it waits for is released. Not so in a child, where it is
 * nobody's.
 */
long __NTH(syscall(long number, ...))
{
    long args[6];
    va_list list;
    int i;

    va_start(list, number);
    for (i = 0; i < 6; i++)
        args[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_futex && (args[1] & FUTEX_CMD_MASK) == FUTEX_WAIT && awaited &&
        awaited->held && !in_child && pthread_equal(pthread_self(), main_thread)) {
        drop(awaited);
        return 0;
    }
    if (number == SYS_membarrier && membarrier_is_refused) {
        errno = EPERM;
        return -1;
    }
    return raw_syscall(number, args);
}

/* As a writer does it. If the old object is published then its waiter has to wait, as it should. */
static void replace(void *now)
{
    void *old;

    if (now && subject_p == now)
        now = &objects[SUBJECT];
    old = __atomic_exchange_n(&subject_p, now, __ATOMIC_ACQ_REL);
    if (!verify_is_held(old)) {
        hazptr_synchronize(old);
        waited_for = old;
    }
}

static void *helper_main(void *unused)
{
    char work;

    CHECK_EQ(read(ask[0], &work, 1), 1);
    if (!work)
        return NULL;
    switch (COMMAND_USR1(command)) {
    case FILL:
        keep(20);
        break;
    case REPLACE:
        replace(&objects[SUCCESSOR]);
        break;
    case CLEAR:
        replace(NULL);
        break;
    case WITHDRAW:
        membarrier_is_refused = 1;
        replace(&objects[SUCCESSOR]);
        break;
    default:
        break;
    }
    /* Nobody waits for strangers. */
    hazptr_synchronize(&objects[UNHELD]);
    helper_has_worked = 1;
    CHECK_EQ(write(answer, &work, 1), 1);
    return NULL;
}

static void helper_join(void)
{
    char no_work = 0;

    if (!helper_has_worked)
        CHECK_EQ(write(ask[1], &no_work, 1), 1);
    CHECK_ERR(pthread_join(helper, NULL));
    helper_has_worked = 0;
}

/* --- one scenario ----------------------------------------------------------------------------- */

/*
 * A child forked by a handler, and the call that it interrupted has returned here. What was
 * acquired before the fork protects nothing here, and to release it changes nothing; whatever the
 * library says is held is held by a context that knows it; and all works as in any other process.
 */
static void finish_in_child(void)
{
    unsigned int published = 0, i;

    keep(20);
    CHECK(check_stats().lines <= VERIFY_LINES);
    for (i = 0; i < MINE; i++)
        published += verify_is_published(&mine[i]);
    for (i = 0; i < THEIRS; i++)
        published += verify_is_published(&theirs[i]);
    CHECK(published >= 20);
    CHECK_EQ(check_stats().held, published);
    while (mine_count) {
        published -= verify_is_published(&mine[--mine_count]);
        drop(&mine[mine_count]);
        CHECK_EQ(check_stats().held, published);
    }
    verify_lines(1);
    drop_all();
    keep(20);
    verify(mine, MINE, theirs, THEIRS, 1);
    hazptr_note_context_switch();
    verify(mine, MINE, theirs, THEIRS, 1);
    hazptr_synchronize(&objects[UNHELD]);
    drop_all();
    nobody_is_waited_for();
    _exit(0);
}

/* The next scenario finds an empty line that nobody has ever found too full. */
static void change_line(void)
{
    hold(1);
    hazptr_note_context_switch();
    drop_all();
}

static void run(void)
{
    enum scenario scenario = COMMAND_SCENARIO(command);
    int helped = IS_HELPERS(COMMAND_USR1(command));

    if (command & COMMAND_QUIET)
        CHECK(dup2(open("/dev/null", O_WRONLY), 2) == 2);
    subject = &mine[0];
    if (scenarios[scenario].prepare)
        scenarios[scenario].prepare(scenarios[scenario].count);
    if (helped)
        helper = check_thread(helper_main, NULL);
    meet(SET_UP, 0);
    scenarios[scenario].call(scenarios[scenario].count);
    if (in_child)
        finish_in_child();
    CHECK_EQ(meet(DONE, (unsigned long)sched_getcpu()), handled);
    handled = 0;
    if (helped)
        helper_join();
    verify(mine, MINE, theirs, THEIRS, 0);
    drop_all();
    nobody_is_waited_for();
    subject_p = &objects[SUBJECT];
    waited_for = NULL;
    awaited = NULL;
    change_line();
}

static void run_in_child(void)
{
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        run();
        _exit(0);
    }
    /* How it ended is the tracer's business. */
    CHECK(waitpid(child, NULL, 0) == child);
}

/* usage: victim ASK_READ ASK_WRITE ANSWER_WRITE, three file descriptors of pipes */
int main(int argc, char **argv)
{
    struct sigaction action;

    if (argc != 4) {
        fprintf(stderr, "%s: to be run by step\n", argv[0]);
        return 2;
    }
    ask[0] = atoi(argv[1]);
    ask[1] = atoi(argv[2]);
    answer = atoi(argv[3]);
    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    /* One at a time, as the tracer counts them. */
    sigaddset(&action.sa_mask, SIGUSR1);
    sigaddset(&action.sa_mask, SIGUSR2);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_EQ(sigaction(SIGUSR2, &action, NULL), 0);
    main_thread = pthread_self();
    verify_open();
    for (;;) {
        command = meet(READY, hazptr_mode());
        if (command & COMMAND_FRESH)
            run_in_child();
        else
            run();
    }
}
