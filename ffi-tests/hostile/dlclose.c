/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A program that knows nothing of the library opens and closes a plug-in that links it, 1,000
 * times. The library stays where it is from the first time on: hazards and waiters outlive the
 * plug-in, and neither mappings nor descriptors nor threads grow.
 *
 * Nothing here refers to the library, except by way of the plug-in.
 */
#include "waiter.h"
#include "dlclose-plugin.h"
#include <dirent.h>
#include <dlfcn.h>

#define ROUNDS 1000
/* In so many of them a thread sleeps in the library while the plug-in goes. */
#define EVERY 20

/* The plug-in's functions, and the library's as seen through it. */
static struct {
    void *handle;
    __typeof__(&plugin_use) use;
    __typeof__(&plugin_hold) hold;
    __typeof__(&plugin_release) release;
    __typeof__(&hazptr_synchronize) synchronize;
    __typeof__(&hazptr_stats) stats;
} plugin;

static void find(const char *name, void *function)
{
    void *found = dlsym(plugin.handle, name);

    CHECK(found);
    memcpy(function, &found, sizeof(found));
}

static void plugin_open(void)
{
    plugin.handle = dlopen(PLUGIN, RTLD_NOW | RTLD_LOCAL);
    if (!plugin.handle)
        fprintf(stderr, "%s\n", dlerror());
    CHECK(plugin.handle);
    find("plugin_use", &plugin.use);
    find("plugin_hold", &plugin.hold);
    find("plugin_release", &plugin.release);
    find("hazptr_synchronize", &plugin.synchronize);
    find("hazptr_stats", &plugin.stats);
}

static void plugin_close(void)
{
    CHECK_EQ(dlclose(plugin.handle), 0);
    CHECK(!dlopen(PLUGIN, RTLD_NOLOAD | RTLD_NOW));
}

/* --- what lasts ------------------------------------------------------------------------------- */

static int object;
static void *pointer = &object;
static struct hazptr_ctx ctx;
static pthread_t sleeper;
static int returned;

static struct hazptr_statistics stats(void)
{
    struct hazptr_statistics now;

    CHECK_EQ(plugin.stats(&now, sizeof(now)), 0);
    return now;
}

static void *sleep_in_the_library(void *argument)
{
    plugin.synchronize(&object);
    __atomic_store_n(&returned, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void sleeper_begins(void)
{
    uint64_t sleeps = stats().sleeps;

    returned = 0;
    sleeper = check_thread(sleep_in_the_library, NULL);
    while (stats().sleeps == sleeps)
        give_way();
}

static void outlive_the_plugin(int with_a_sleeper)
{
    plugin.hold(&ctx, &pointer);
    if (with_a_sleeper)
        sleeper_begins();
    plugin_close();
    plugin_open();
    CHECK_EQ(stats().held, 1);
    CHECK(!__atomic_load_n(&returned, __ATOMIC_ACQUIRE));
    plugin.release(&ctx);
    if (with_a_sleeper)
        CHECK_ERR(pthread_join(sleeper, NULL));
    returned = 0;
}

/* --- what must not grow ----------------------------------------------------------------------- */

struct resources {
    unsigned int mappings, of_library, descriptors, threads;
    void *where;
};

static void count_mappings(struct resources *now)
{
    FILE *file = fopen("/proc/self/maps", "r");
    char line[512];

    CHECK(file);
    while (fgets(line, sizeof(line), file)) {
        now->mappings++;
        now->of_library += strstr(line, "libhazptr.so") != NULL;
    }
    fclose(file);
}

static unsigned int count_entries(const char *path)
{
    DIR *directory = opendir(path);
    unsigned int count = 0;

    CHECK(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static struct resources resources(void)
{
    struct resources now;

    memset(&now, 0, sizeof(now));
    count_mappings(&now);
    now.descriptors = count_entries("/proc/self/fd");
    now.threads = count_entries("/proc/self/task");
    memcpy(&now.where, &plugin.synchronize, sizeof(now.where));
    return now;
}

int main(void)
{
    struct resources before, after;
    int round;

    CHECK(!dlsym(RTLD_DEFAULT, "hazptr_acquire"));
    for (round = 0; round <= ROUNDS; round++) {
        plugin_open();
        CHECK_EQ(plugin.use(), 0);
        outlive_the_plugin(round % EVERY == 0);
        plugin_close();
        if (round == 0)
            before = resources();
    }
    after = resources();
    CHECK(after.of_library > 0);
    CHECK_EQ(after.of_library, before.of_library);
    CHECK(after.where == before.where);
    /* Neighbours merge or do not. */
    CHECK(after.mappings <= before.mappings + 10);
    CHECK_EQ(after.descriptors, before.descriptors);
    CHECK_EQ(after.threads, before.threads);
    return 0;
}
