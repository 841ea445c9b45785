/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Callbacks take a lock, and others retire while they hold it. With HAZPTR_RETIRE_NOHELP that goes
 * well however much is waiting, for no callback runs in their call; nor do they wait for one. Without
 * the lock they may help.
 */
#include "retired.h"
#include "surroundings.h"

#define RETIRERS 3

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned long reclaimed;
static struct hazptr_cohort cohort;

/* Where it is held by the thread that runs this, the lock says so instead of hanging. */
static void take_the_lock(struct hazptr_head *head)
{
    CHECK_ERR(pthread_mutex_lock(&mutex));
    reclaimed++;
    CHECK_ERR(pthread_mutex_unlock(&mutex));
    free(head);
}

static void retire_one(unsigned int flags)
{
    struct object *object = (struct object *)malloc(sizeof(*object));

    CHECK(object);
    CHECK_EQ(hazptr_retire_in(&cohort, &object->head, object, take_the_lock, flags), 0);
}

static unsigned int in_a_row(void)
{
    return 2 * policy_in_force().bound;
}

static void retire_with_the_lock(void)
{
    unsigned int i, count = in_a_row();

    CHECK_ERR(pthread_mutex_lock(&mutex));
    for (i = 0; i < count; i++)
        retire_one(HAZPTR_RETIRE_NOHELP);
    CHECK_ERR(pthread_mutex_unlock(&mutex));
}

static void retire_without_it(void)
{
    unsigned int i, count = in_a_row();

    for (i = 0; i < count; i++)
        retire_one(0);
}

static unsigned int rounds(void)
{
    return under_valgrind() ? 2 : 30;
}

static void *retire_all(void *argument)
{
    unsigned int i;

    for (i = 0; i < rounds(); i++) {
        retire_with_the_lock();
        retire_without_it();
    }
    return NULL;
}

int main(void)
{
    pthread_mutexattr_t attributes;
    pthread_t threads[RETIRERS];
    int i;

    check_mode();
    CHECK_ERR(pthread_mutexattr_init(&attributes));
    CHECK_ERR(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK));
    CHECK_ERR(pthread_mutex_init(&mutex, &attributes));
    for (i = 0; i < RETIRERS; i++)
        threads[i] = check_thread(retire_all, NULL);
    for (i = 0; i < RETIRERS; i++)
        CHECK_ERR(pthread_join(threads[i], NULL));
    CHECK_EQ(hazptr_cohort_barrier(&cohort, HAZPTR_FOREVER), 0);
    CHECK_EQ(reclaimed, 2ul * RETIRERS * rounds() * in_a_row());
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(check_stats().pending, 0);
    return 0;
}
