/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What C99 can express, which has no atomics of its own; in C23 it means the same. */
#include <hazptr.h>
#include <hazptr/control.h>
#include <stdio.h>
#include <stdlib.h>

struct config {
    int port;
};
static struct config *volatile current;

static int reader(void)
{
    struct hazptr_ctx ctx;
    struct config *config = HAZPTR_ACQUIRE(&ctx, &current);
    const int port = config->port;

    hazptr_release(&ctx, config);
    return port;
}

static void update(int port)
{
    struct config *config = (struct config *)malloc(sizeof(*config)), *old;

    if (!config)
        abort();
    config->port = port;
    old = __atomic_exchange_n(&current, config, __ATOMIC_ACQ_REL);
    hazptr_synchronize(old);
    free(old);
}

int main(void)
{
    struct hazptr_statistics stats;
    struct config *last;

    update(80);
    update(8080);
    printf("port %d\n", reader());
    last = current;
    current = NULL;
    hazptr_synchronize(last);
    free(last);
    return hazptr_stats(&stats, sizeof(stats)) || stats.held ||
           hazptr_control_block()->magic != HAZPTR_CONTROL_MAGIC;
}
