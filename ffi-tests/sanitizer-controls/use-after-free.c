/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A control for AddressSanitizer: a reader that loads the pointer without acquiring it reads what
 * the writer has freed; `mended`, it acquires, and the writer waits for it.
 */
#include "waiter.h"

struct object {
    int value;
};

static struct object *published;

static void *replace(void *argument)
{
    struct object *old = __atomic_exchange_n(&published, (struct object *)NULL, __ATOMIC_ACQ_REL);

    hazptr_synchronize(old);
    free(old);
    return NULL;
}

static int read_without_acquire(void)
{
    struct object *object = __atomic_load_n(&published, __ATOMIC_ACQUIRE);

    CHECK_ERR(pthread_join(check_thread(replace, NULL), NULL));
    return object->value;
}

static int read_mended(void)
{
    uint64_t sleeps = check_stats().sleeps;
    struct hazptr_ctx ctx;
    struct object *object = HAZPTR_ACQUIRE(&ctx, &published);
    pthread_t writer = check_thread(replace, NULL);
    int value;

    while (check_stats().sleeps == sleeps)
        give_way();
    value = object->value;
    hazptr_release(&ctx, object);
    CHECK_ERR(pthread_join(writer, NULL));
    return value;
}

int main(int argc, char **argv)
{
    check_mode();
    CHECK_EQ(argc, 2);
    published = (struct object *)malloc(sizeof(*published));
    CHECK(published);
    published->value = 1;
    CHECK_EQ(strcmp(argv[1], "mended") == 0 ? read_mended() : read_without_acquire(), 1);
    return 0;
}
