/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Readers read plain memory that writers free once they have waited for it. By itself this finds
 * little that hunt.c does not find sooner. It is for tools that see every access: AddressSanitizer
 * and memcheck must see none to freed memory; ThreadSanitizer must see each read ordered before
 * the free, and nothing orders them here but the release and the wait.
 */
#include "check.h"

#define READERS 4
#define WRITERS 2
#define NEST 3
/* At least so many of each, that they meet. */
#define UPDATES 5000
#define READS 20000
#define WORDS 6
#define CONTENT 0x600d600d600d600dul

struct object {
    unsigned long words[WORDS];
};

/* A hazard that changes hands. */
struct parcel {
    struct hazptr_ctx ctx;
    const struct object *object;
};

static struct object *published[WRITERS];
static struct parcel *mailbox;
static unsigned int reads, writers_done;

static struct object *new_object(void)
{
    struct object *object = (struct object *)malloc(sizeof(*object));
    int i;

    CHECK(object);
    for (i = 0; i < WORDS; i++)
        object->words[i] = CONTENT;
    return object;
}

static void look(const struct object *object)
{
    int i;

    for (i = 0; i < WORDS; i++)
        CHECK(object->words[i] == CONTENT);
}

/* Puts @parcel into the mailbox, and releases what lay there. */
static void exchange(struct parcel *parcel)
{
    parcel = __atomic_exchange_n(&mailbox, parcel, __ATOMIC_ACQ_REL);
    if (!parcel)
        return;
    look(parcel->object);
    hazptr_release(&parcel->ctx, parcel->object);
    free(parcel);
}

static void hand_on(unsigned int n)
{
    struct parcel *parcel = (struct parcel *)malloc(sizeof(*parcel));

    CHECK(parcel);
    parcel->object = HAZPTR_ACQUIRE(&parcel->ctx, &published[n % WRITERS]);
    exchange(parcel);
}

static void hold_some(unsigned int n)
{
    struct hazptr_ctx contexts[NEST];
    struct object *objects[NEST];
    unsigned int count = 1 + n % NEST, i;

    for (i = 0; i < count; i++)
        objects[i] = HAZPTR_ACQUIRE(&contexts[i], &published[(n + i) % WRITERS]);
    if (n % 5 == 0)
        sched_yield();
    for (i = 0; i < count; i++) {
        look(objects[i]);
        hazptr_release(&contexts[i], objects[i]);
    }
}

static void *reader(void *argument)
{
    unsigned int n;

    for (n = 0; __atomic_load_n(&writers_done, __ATOMIC_RELAXED) != WRITERS; n++) {
        hold_some(n);
        __atomic_fetch_add(&reads, 1, __ATOMIC_RELAXED);
        if (n % 16 == 0)
            hand_on(n / 16);
        else if (n % 16 == 4)
            /* Nobody waits long for what nobody else takes out. */
            exchange(NULL);
    }
    exchange(NULL);
    return NULL;
}

static void *writer(void *argument)
{
    struct object **mine = (struct object **)argument, *old;
    unsigned int n;

    for (n = 0; n < UPDATES || __atomic_load_n(&reads, __ATOMIC_RELAXED) < READS; n++) {
        old = __atomic_exchange_n(mine, new_object(), __ATOMIC_ACQ_REL);
        hazptr_synchronize(old);
        free(old);
    }
    __atomic_fetch_add(&writers_done, 1, __ATOMIC_RELAXED);
    return NULL;
}

int main(void)
{
    pthread_t threads[READERS + WRITERS];
    int i;

    check_mode();
    for (i = 0; i < WRITERS; i++)
        published[i] = new_object();
    for (i = 0; i < READERS + WRITERS; i++)
        threads[i] = i < WRITERS ? check_thread(writer, &published[i]) : check_thread(reader, NULL);
    for (i = 0; i < READERS + WRITERS; i++)
        CHECK_ERR(pthread_join(threads[i], NULL));
    for (i = 0; i < WRITERS; i++)
        free(published[i]);
    CHECK_EQ(check_stats().held, 0);
    return 0;
}
