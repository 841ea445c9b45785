/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A program with an engine of its own, which libhazptr-urcu does not see: inlined read sides use that of
 * libhazptr-urcu all the same, and wake who waits there.
 */
#define HAZPTR_INLINE
#include "check.h"
#include <hazptr/urcu.h>

#include "waiter.h"

static void wait_for_readers(const void *unused)
{
    (void)unused;
    hazptr_rcu_synchronize_rcu();
}

int main(void)
{
    static void *const something = (void *)&something;
    struct hazptr_ctx ctx;
    struct waiter waiter;

    /* So that the program's engine has slots ready. */
    hazptr_release(&ctx, hazptr_acquire(&ctx, &something));
    CHECK(hazptr_rcu_shared_1.control != hazptr_control_block());
    hazptr_rcu_read_lock();
    waiter_start_by(&waiter, wait_for_readers, NULL);
    waiter_await_futex(&waiter);
    hazptr_rcu_read_unlock();
    CHECK_ERR(pthread_join(waiter.thread, NULL));
    return 0;
}
