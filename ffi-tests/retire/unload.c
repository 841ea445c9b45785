/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A plug-in whose objects are reclaimed by its own code waits for its cohort, and is unloaded: 1,000
 * times, while another thread retires without end and a reader holds what is none of the plug-in's.
 * No callback runs in the unmapped code.
 *
 * That this would be seen is shown by a child that does not wait: it dies by it.
 */
#include "retired.h"
#include "surroundings.h"
#include "unload-plugin.h"
#include <dlfcn.h>
#include <sys/wait.h>

static struct {
    void *handle;
    __typeof__(&plugin_retire) retire;
    __typeof__(&plugin_retire_held) retire_held;
    __typeof__(&plugin_wait) wait;
    __typeof__(&plugin_pending) pending;
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
    find("plugin_retire", &plugin.retire);
    find("plugin_retire_held", &plugin.retire_held);
    find("plugin_wait", &plugin.wait);
    find("plugin_pending", &plugin.pending);
}

static void plugin_close(void)
{
    CHECK_EQ(dlclose(plugin.handle), 0);
    CHECK(!dlopen(PLUGIN, RTLD_NOLOAD | RTLD_NOW));
}

/* --- what goes on meanwhile ------------------------------------------------------------------- */

static int stop;
static struct object strangers;

static void *retire_until_stopped(void *argument)
{
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
        CHECK_EQ(hazptr_retire_ptr(malloc(16), free), 0);
    return NULL;
}

/* --- what must hold --------------------------------------------------------------------------- */

static void wait_and_unload(unsigned int round)
{
    struct hazptr_ctx ctx;
    void *held;

    plugin_open();
    /* None, a few, or more than the bound. */
    plugin.retire(round % 50 == 0 ? 5000 : round % 10);
    if (round % 10 == 0) {
        held = plugin.retire_held(&ctx);
        CHECK_EQ(plugin.wait(1000), ETIMEDOUT);
        hazptr_release(&ctx, held);
    }
    CHECK_EQ(plugin.wait(HAZPTR_FOREVER), 0);
    CHECK_EQ(plugin.pending(), 0);
    plugin_close();
}

static void is_unloaded_safely(void)
{
    unsigned int rounds = under_valgrind() ? 50 : 1000, round;
    struct hazptr_ctx ctx;
    pthread_t thread;

    hold(&ctx, &strangers);
    retire(&strangers);
    thread = check_thread(retire_until_stopped, NULL);
    for (round = 0; round < rounds; round++)
        wait_and_unload(round);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    CHECK_ERR(pthread_join(thread, NULL));
    CHECK_EQ(times_reclaimed(&strangers), 0);
    hazptr_release(&ctx, &strangers);
    CHECK_EQ(hazptr_barrier(), 0);
    CHECK_EQ(times_reclaimed(&strangers), 1);
    CHECK_EQ(check_stats().pending, 0);
}

/* Jumps to where the callback was. */
static void unload_without_waiting(void)
{
    struct hazptr_ctx ctx;
    void *held;

    plugin_open();
    held = plugin.retire_held(&ctx);
    plugin_close();
    hazptr_release(&ctx, held);
    hazptr_barrier();
}

static void unloading_without_waiting_is_fatal(void)
{
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (child == 0) {
        /* Sanitizers would have an end of their own for it. */
        CHECK(signal(SIGSEGV, SIG_DFL) != SIG_ERR);
        unload_without_waiting();
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

int main(void)
{
    check_mode();
    is_unloaded_safely();
    /* memcheck has an end of its own for it. */
    if (!under_valgrind())
        unloading_without_waiting_is_fatal();
    return 0;
}
