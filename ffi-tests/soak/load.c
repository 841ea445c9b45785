/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Plug-ins that are loaded, used and unloaded, while their callbacks are run by whoever comes by: once
 * their cohort is empty none may run any more, nor may a sequence of theirs be under way. Whatever
 * jumps into unmapped code ends the program.
 */
#include "plugin.h"
#include "roles.h"
#include <dlfcn.h>

#define NEST 24
#define FEW 20
/* More than the usual bound. */
#define MANY 2000
#define MANY_ODDS 32

struct plugin {
    void *handle;
    __typeof__(&plugin_acquire) acquire;
    __typeof__(&plugin_release) release;
    __typeof__(&plugin_retire) retire;
    __typeof__(&plugin_called) called;
    __typeof__(&plugin_wait) wait;
};

static void find(const struct plugin *plugin, const char *name, void *function)
{
    void *found = dlsym(plugin->handle, name);

    CHECK(found);
    memcpy(function, &found, sizeof(found));
}

static void open_plugin(struct plugin *plugin, const char *path)
{
    plugin->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!plugin->handle)
        fprintf(stderr, "%s\n", dlerror());
    CHECK(plugin->handle);
    find(plugin, "plugin_acquire", &plugin->acquire);
    find(plugin, "plugin_release", &plugin->release);
    find(plugin, "plugin_retire", &plugin->retire);
    find(plugin, "plugin_called", &plugin->called);
    find(plugin, "plugin_wait", &plugin->wait);
}

static void close_plugin(struct plugin *plugin, const char *path)
{
    CHECK_EQ(dlclose(plugin->handle), 0);
    if (dlopen(path, RTLD_NOLOAD | RTLD_NOW))
        complain("a plug-in is still loaded: %s", path);
}

static void read_by(struct thread *me, const struct plugin *plugin)
{
    unsigned int count = 1 + draw(me, NEST), i;
    struct hazptr_ctx ctx[NEST];
    struct view views[NEST];

    for (i = 0; i < count; i++)
        views[i] = view_of(plugin->acquire(&ctx[i],
                           cell_address(cell_any(draw(me, CELLS))), TAGS));
    for (i = 0; i < count; i++) {
        view_check(&views[i], "by a plug-in");
        plugin->release(&ctx[i]);
    }
    count_many(me, ACQUIRED, count);
}

static void retire_by(struct thread *me, const struct plugin *plugin)
{
    unsigned int count = one_in(me, MANY_ODDS) ? MANY : draw(me, FEW), called;

    count_many(me, RETIRED, count);
    plugin->retire(count);
    read_by(me, plugin);
    CHECK_EQ(plugin->wait(), 0);
    called = plugin->called();
    count_many(me, CALLED_BACK, called);
    if (called != count)
        complain("a plug-in retires %u, and %u come back", count, called);
}

static void load_once(struct thread *me)
{
    const char *path = one_in(me, 2) ? SOAK_PLUGIN : SOAK_PLUGIN_INLINED;
    struct plugin plugin;

    me->doing = "dlopen()";
    open_plugin(&plugin, path);
    me->doing = "a plug-in";
    read_by(me, &plugin);
    retire_by(me, &plugin);
    me->doing = "dlclose()";
    close_plugin(&plugin, path);
    count_one(me, LOADED);
    sleep_us(draw(me, 2000));
}

const struct role loader = {.name = "loader", .phase = DISTURBING, .turn = load_once};
