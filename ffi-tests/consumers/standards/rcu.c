/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Userspace RCU under names of its own; in C and in C++. */
#include <hazptr/urcu.h>
#include <stdio.h>

static int called;

static void call(struct rcu_head *head)
{
    (void)head;
    called = 1;
}

int main(void)
{
    struct rcu_head head;

    hazptr_rcu_read_lock();
    hazptr_rcu_read_lock();
    hazptr_rcu_call_rcu(&head, call);
    hazptr_rcu_read_unlock();
    printf("port %d\n", 8079 + hazptr_rcu_read_ongoing());
    hazptr_rcu_read_unlock();
    hazptr_rcu_synchronize_rcu();
    hazptr_rcu_barrier();
    return called ? 0 : 1;
}
