/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The operations that are measured, each as a loop. All readers load the same pointer and then a
 * field of the object, so that the loops differ in nothing but the protection.
 */
#ifndef LOOPS_H
#define LOOPS_H

#include "object.h"

#include <hazptr.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct object unheld __attribute__((aligned(128)));

static void load(unsigned long count)
{
    while (count--)
        USE(__atomic_load_n(&shared.pointer, __ATOMIC_ACQUIRE)->field);
}

/* What a pair would cost if its functions did nothing. */
static void calls(unsigned long count)
{
    struct hazptr_ctx ctx = HAZPTR_CTX_INIT;

    while (count--) {
        hazptr_detach(&ctx);
        USE(__atomic_load_n(&shared.pointer, __ATOMIC_ACQUIRE)->field);
        hazptr_detach(&ctx);
    }
}

static void pair(unsigned long count)
{
    struct hazptr_ctx ctx;

    while (count--) {
        struct object *o = HAZPTR_ACQUIRE(&ctx, &shared.pointer);

        USE(o->field);
        hazptr_release(&ctx, o);
    }
}

static void nested2(unsigned long count)
{
    struct hazptr_ctx ctx[2];

    for (; count > 1; count -= 2) {
        struct object *o = HAZPTR_ACQUIRE(&ctx[0], &shared.pointer);
        struct object *p = HAZPTR_ACQUIRE(&ctx[1], &shared.pointer);

        USE(o->field);
        USE(p->field);
        hazptr_release(&ctx[1], p);
        hazptr_release(&ctx[0], o);
    }
}

static void nested4(unsigned long count)
{
    struct hazptr_ctx ctx[4];

    for (; count > 3; count -= 4) {
        struct object *o = HAZPTR_ACQUIRE(&ctx[0], &shared.pointer);
        struct object *p = HAZPTR_ACQUIRE(&ctx[1], &shared.pointer);
        struct object *q = HAZPTR_ACQUIRE(&ctx[2], &shared.pointer);
        struct object *r = HAZPTR_ACQUIRE(&ctx[3], &shared.pointer);

        USE(o->field);
        USE(p->field);
        USE(q->field);
        USE(r->field);
        hazptr_release(&ctx[3], r);
        hazptr_release(&ctx[2], q);
        hazptr_release(&ctx[1], p);
        hazptr_release(&ctx[0], o);
    }
}

/* With a slot that is kept. */
static void protect_and_reset(unsigned long count)
{
    struct hazptr_ctx ctx;

    hazptr_hold(&ctx);
    while (count--) {
        USE(HAZPTR_PROTECT(&ctx, &shared.pointer)->field);
        hazptr_reset(&ctx);
    }
    hazptr_release(&ctx, NULL);
}

static void protect_again(unsigned long count)
{
    struct hazptr_ctx ctx;

    hazptr_hold(&ctx);
    while (count--)
        USE(HAZPTR_PROTECT(&ctx, &shared.pointer)->field);
    hazptr_release(&ctx, NULL);
}

/* With one that is taken each time. */
static void hold_protect_release(unsigned long count)
{
    struct hazptr_ctx ctx;

    while (count--) {
        hazptr_hold(&ctx);
        USE(HAZPTR_PROTECT(&ctx, &shared.pointer)->field);
        hazptr_release(&ctx, NULL);
    }
}

static void hold_release(unsigned long count)
{
    struct hazptr_ctx ctx;

    while (count--) {
        hazptr_hold(&ctx);
        hazptr_release(&ctx, NULL);
    }
}

static long raw_membarrier(int command)
{
    return syscall(SYS_membarrier, command, 0, 0);
}

static void membarriers(unsigned long count)
{
    while (count--)
        raw_membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ);
}

static void synchronize(unsigned long count)
{
    while (count--)
        hazptr_synchronize(&unheld);
}

#endif /* LOOPS_H */
