/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "pool.h"

/* No content is even. */
#define SPOILT 0xdeadbeefdeadbeeeul

static struct pool *pools;
static int nr_pools;

static void put(struct pool *pool, struct element *element)
{
    element->next = NULL;
    *pool->last = element;
    pool->last = &element->next;
    atomic_store_explicit(&pool->is_empty, false, memory_order_relaxed);
}

static void pool_open(struct pool *pool)
{
    int i;

    pool->last = &pool->first;
    for (i = 0; i < POOL_ELEMENTS; i++) {
        pool->elements[i].pool = pool;
        put(pool, &pool->elements[i]);
    }
    pool_replace(pool, pool_take(pool));
}

void pools_open(int count)
{
    int i;

    pools = allocate((size_t)count, sizeof(*pools));
    nr_pools = count;
    for (i = 0; i < count; i++)
        pool_open(&pools[i]);
}

void pools_close(void)
{
    free(pools);
}

int pools_count(void)
{
    return nr_pools;
}

struct pool *pools_nth(int n)
{
    return &pools[n];
}

struct pool *pools_any(uint32_t random)
{
    return nr_pools == 1 ? pools : &pools[random % (uint32_t)nr_pools];
}

void pools_sum(struct pool_totals *totals)
{
    struct pool *pool;
    int i;

    memset(totals, 0, sizeof(*totals));
    for (pool = pools; pool < pools + nr_pools; pool++) {
        totals->version += count_read(&pool->version);
        totals->allocated += count_read(&pool->allocated);
        totals->failed += count_read(&pool->failed);
        totals->freed += count_read(&pool->freed);
        totals->empty += atomic_load_explicit(&pool->is_empty, memory_order_relaxed);
        totals->published += pool_published(pool) != NULL;
        for (i = 0; i < HISTOGRAM; i++)
            totals->circulation[i] += count_read(&pool->circulation[i]);
    }
}

/* Relaxed: an element is handed to readers by the release that publishes it. */
static void write_content(struct element *element, unsigned long content)
{
    int i;

    for (i = 0; i < CONTENT_WORDS; i++)
        atomic_store_explicit(&element->content[i], content, memory_order_relaxed);
}

unsigned long element_content(const struct element *element)
{
    unsigned long content = atomic_load_explicit(&element->content[0], memory_order_relaxed);
    int i;

    for (i = 1; i < CONTENT_WORDS; i++)
        if (atomic_load_explicit(&element->content[i], memory_order_relaxed) != content)
            return 0;
    return content & 1 ? content : 0;
}

static void take_back(struct pool *pool)
{
    struct element *element, *next;

    if (!atomic_load_explicit(&pool->returned, memory_order_relaxed))
        return;
    /* Acquire: pairs with the release in pool_give_back(). */
    element = atomic_exchange_explicit(&pool->returned, NULL, memory_order_acquire);
    for (; element; element = next) {
        next = element->next;
        put(pool, element);
    }
}

/* In turn, so that an element that left the pipe stays unused as long as can be. */
struct element *pool_take(struct pool *pool)
{
    struct element *element;

    take_back(pool);
    element = pool->first;
    if (!element) {
        count_one(&pool->failed);
        return NULL;
    }
    pool->first = element->next;
    if (!pool->first) {
        pool->last = &pool->first;
        atomic_store_explicit(&pool->is_empty, true, memory_order_relaxed);
    }
    count_one(&pool->allocated);
    write_content(element, 2 * count_read(&pool->allocated) + 1);
    atomic_store_explicit(&element->pipe_count, 0, memory_order_relaxed);
    return element;
}

struct element *pool_replace(struct pool *pool, struct element *element)
{
    struct element *old = pool_published(pool);

    /* Release: pairs with the reader's acquire. */
    atomic_store_explicit(&pool->published, element, memory_order_release);
    if (old) {
        count_one(&pool->circulation[0]);
        atomic_store_explicit(&old->pipe_count, 1, memory_order_relaxed);
    }
    return old;
}

bool pool_age(struct element *element)
{
    struct pool *pool = element->pool;
    unsigned int step = atomic_load_explicit(&element->pipe_count, memory_order_relaxed);

    count_one_shared(&pool->circulation[histogram_index(step)]);
    atomic_store_explicit(&element->pipe_count, step + 1, memory_order_relaxed);
    write_content(element, SPOILT);
    if (step + 1 < PIPE_STEPS)
        return false;
    count_one_shared(&pool->freed);
    return true;
}

void pool_move_along(struct pool *pool, struct element *old)
{
    struct element **link = &pool->pipe, *element;

    if (old) {
        old->next = pool->pipe;
        pool->pipe = old;
    }
    while ((element = *link)) {
        if (!pool_age(element)) {
            link = &element->next;
            continue;
        }
        *link = element->next;
        put(pool, element);
    }
}

void pool_give_back(struct element *element)
{
    struct element *_Atomic *returned = &element->pool->returned;

    element->next = atomic_load_explicit(returned, memory_order_relaxed);
    /* Release: the element is the writer's from here. */
    while (!atomic_compare_exchange_weak_explicit(returned, &element->next, element,
                                                  memory_order_release, memory_order_relaxed))
        ;
}
