/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A control for ThreadSanitizer: a writer uses an object anew that a reader has read. What orders
 * the two is the reader's release and the writer's wait and nothing else, so it must report a data
 * race if the reader has no hazard, reads after the release, or the writer does not wait; and none
 * if all is as it should be, whether the hazard is released before the wait or in its middle.
 *
 * The two tell each other how far they are by relaxed accesses, which order nothing.
 */
#include "waiter.h"

enum variant { WITHOUT_ACQUIRE, WITHOUT_WAIT, AFTER_RELEASE, MENDED, MENDED_HELD };

static const char *const names[] = {"without-acquire", "without-wait", "after-release", "mended",
                                    "mended-held"};

static struct object {
    long value;
} object, *published = &object;

static enum variant variant;
static uint64_t sleeps;
static int may_unpublish, has_read;

static void tell(int *flag)
{
    __atomic_store_n(flag, 1, __ATOMIC_RELAXED);
}

static void await(const int *flag)
{
    while (!__atomic_load_n(flag, __ATOMIC_RELAXED))
        give_way();
}

static void look(const struct object *seen)
{
    CHECK_EQ(seen->value, 0);
}

static void *reader(void *argument)
{
    struct hazptr_ctx ctx = HAZPTR_CTX_INIT;
    struct object *seen;

    if (variant == WITHOUT_ACQUIRE)
        seen = __atomic_load_n(&published, __ATOMIC_ACQUIRE);
    else
        seen = HAZPTR_ACQUIRE(&ctx, &published);
    if (variant == MENDED_HELD) {
        tell(&may_unpublish);
        while (check_stats().sleeps == sleeps)
            give_way();
    }
    if (variant == AFTER_RELEASE)
        hazptr_release(&ctx, seen);
    look(seen);
    hazptr_release(&ctx, seen);
    tell(&may_unpublish);
    tell(&has_read);
    return NULL;
}

static void *writer(void *argument)
{
    struct object *old;

    await(&may_unpublish);
    old = __atomic_exchange_n(&published, (struct object *)NULL, __ATOMIC_ACQ_REL);
    if (variant != WITHOUT_WAIT)
        hazptr_synchronize(old);
    /* What was meant to be ordered has happened in that order all the same. */
    await(&has_read);
    old->value = 1;
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[2];

    check_mode();
    CHECK_EQ(argc, 2);
    while (strcmp(argv[1], names[variant]) != 0) {
        CHECK(variant != MENDED_HELD);
        variant = (enum variant)(variant + 1);
    }
    sleeps = check_stats().sleeps;
    threads[0] = check_thread(reader, NULL);
    threads[1] = check_thread(writer, NULL);
    CHECK_ERR(pthread_join(threads[0], NULL));
    CHECK_ERR(pthread_join(threads[1], NULL));
    return 0;
}
