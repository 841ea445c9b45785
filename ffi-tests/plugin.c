/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Scenario 16: a plug-in that has sequences in its own code is unloaded while the thread that used it
 * goes on. The kernel reads what rseq_cs names at the next preemption, so no way out of a sequence,
 * the slow ones included, may leave it set. One plug-in has a static copy of the engine, the other
 * one inlined readers.
 */
#include "check.h"
#include <dlfcn.h>
#include <stddef.h>

#define NESTED 40

extern const ptrdiff_t __rseq_offset __attribute__((weak));

static uint64_t rseq_cs(void)
{
    uint64_t value;

    __asm__ __volatile__("movq %%fs:8(%1), %0" : "=r"(value) : "r"(__rseq_offset));
    return value;
}

struct plugin {
    const char *path;
    const char *acquire, *release;
};

static const struct plugin plugins[] = {
    {PLUGIN_WITH_ENGINE, "hazptr_acquire", "hazptr_release"},
    {PLUGIN_INLINED, "plugin_acquire", "plugin_release"},
};

static void use(const struct plugin *plugin, void *handle)
{
    void *(*acquire)(struct hazptr_ctx *, void *const *);
    void (*release)(struct hazptr_ctx *, const void *);
    void (*note)(void);
    static struct hazptr_ctx contexts[NESTED];
    static int object;
    void *pointer = &object;
    int i;

    *(void **)&acquire = dlsym(handle, plugin->acquire);
    *(void **)&release = dlsym(handle, plugin->release);
    *(void **)&note = dlsym(handle, "hazptr_note_context_switch");
    CHECK(acquire && release && note);
    /* Near slots, far slots, full lines and the swaps after them. */
    for (i = 0; i < NESTED; i++) {
        CHECK(acquire(&contexts[i], &pointer) == &object);
        CHECK_EQ(rseq_cs(), 0);
    }
    note();
    CHECK_EQ(rseq_cs(), 0);
    for (i = 0; i < NESTED; i++)
        release(&contexts[i], &object);
    CHECK_EQ(rseq_cs(), 0);
}

static void *keep_busy(void *stop)
{
    while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED))
        sched_yield();
    return NULL;
}

int main(void)
{
    int round, yields, stop = 0;
    pthread_t busy;

    check_mode();
    if (!&__rseq_offset || hazptr_mode() != HAZPTR_MODE_RSEQ) {
        puts("skipped: no rseq here");
        return EXIT_SKIP;
    }
    busy = check_thread(keep_busy, &stop);
    for (round = 0; round < 200; round++) {
        const struct plugin *plugin = &plugins[round % 2];
        void *handle = dlopen(plugin->path, RTLD_NOW | RTLD_LOCAL);

        if (!handle)
            fprintf(stderr, "%s\n", dlerror());
        CHECK(handle);
        use(plugin, handle);
        CHECK_EQ(dlclose(handle), 0);
        CHECK(!dlopen(plugin->path, RTLD_NOLOAD | RTLD_NOW));
        /* Where a stale rseq_cs would kill us. */
        for (yields = 0; yields < 10; yields++)
            sched_yield();
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    CHECK_ERR(pthread_join(busy, NULL));
    return 0;
}
