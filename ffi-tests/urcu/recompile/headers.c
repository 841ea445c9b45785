/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* All of liburcu's lists, queues and tables beside one of its headers of which another is in its place. */
#include FLAVOR_HEADER

#include <urcu/cds.h>
#include <urcu/ref.h>
#include <urcu/tls-compat.h>
#include <urcu/uatomic.h>

struct entry {
    struct cds_list_head list;
    struct cds_hlist_node hlist;
    struct cds_lfht_node hash;
    struct cds_lfq_node_rcu queue;
    struct cds_wfcq_node wfcq;
    struct cds_lfs_node stack;
    struct rcu_head rcu;
};

static CDS_LIST_HEAD(entries);

static int length(void)
{
    struct entry *entry;
    int count = 0;

    rcu_read_lock();
    cds_list_for_each_entry_rcu(entry, &entries, list)
        count++;
    rcu_read_unlock();
    return count;
}

int main(void)
{
    struct cds_lfht *table = cds_lfht_new(1, 1, 0, CDS_LFHT_AUTO_RESIZE, NULL);
    struct cds_lfq_queue_rcu queue;
    struct entry *entry = (struct entry *)calloc(1, sizeof(*entry));
    int wrong = length() != 0;

    rcu_register_thread();
    cds_lfq_init_rcu(&queue, call_rcu);
    cds_list_add_rcu(&entry->list, &entries);
    wrong |= length() != 1;
    rcu_read_lock();
    cds_lfht_node_init(&entry->hash);
    cds_lfht_add(table, 1, &entry->hash);
    wrong |= cds_lfht_del(table, &entry->hash) != 0;
    cds_lfq_node_init_rcu(&entry->queue);
    cds_lfq_enqueue_rcu(&queue, &entry->queue);
    wrong |= cds_lfq_dequeue_rcu(&queue) != &entry->queue;
    rcu_read_unlock();
    cds_list_del_rcu(&entry->list);
    synchronize_rcu();
    wrong |= length() != 0;
    free(entry);
    wrong |= cds_lfq_destroy_rcu(&queue) != 0;
    wrong |= cds_lfht_destroy(table, NULL) != 0;
    rcu_barrier();
    rcu_unregister_thread();
    return wrong;
}
