/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* For a negative control: of what is retired one in a thousand is lost. The torture must tell. */
#include <hazptr.h>
#include <stdatomic.h>

#define LOST_ODDS 1000

void hazptr_retire(struct hazptr_head *head, void *addr, void (*func)(struct hazptr_head *head))
{
    static atomic_uint calls;

    if (atomic_fetch_add(&calls, 1) % LOST_ODDS != LOST_ODDS - 1)
        hazptr_retire_in(NULL, head, addr, func, 0);
}
