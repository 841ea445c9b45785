/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <hazptr.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct config { int port; };
static struct config *_Atomic current;

static void reader(void) /* in as many threads as you like */
{
    struct hazptr_ctx ctx;
    struct config *config = HAZPTR_ACQUIRE(&ctx, &current); /* load and protect */

    printf("port %d\n", config->port);
    hazptr_release(&ctx, config);
}

static void update(int port)
{
    struct config *config = malloc(sizeof(*config)), *old;

    config->port = port;
    old = atomic_exchange(&current, config); /* new readers find the new one */
    hazptr_synchronize(old);                 /* nobody reads the old one any more */
    free(old);
}

int main(void)
{
    update(80);
    update(8080);
    reader();
}
