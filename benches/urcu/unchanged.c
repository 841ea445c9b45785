/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See unchanged_side(). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "side.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static void (*lock)(void), (*unlock)(void);

static void read_sections(unsigned long count)
{
    for (; count; count--) {
        lock();
        unlock();
    }
}

static void nest(unsigned long count)
{
    for (; count; count--) {
        lock();
        lock();
        unlock();
        unlock();
    }
}

const struct side *unchanged_side(const char *path)
{
    static struct side side = {.name = "unchanged", .read = read_sections, .nest = nest};
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct {
        const char *name;
        void **function;
    } wanted[] = {
        {"urcu_memb_read_lock", (void **)&lock},
        {"urcu_memb_read_unlock", (void **)&unlock},
        {"urcu_memb_register_thread", (void **)&side.begin_thread},
        {"urcu_memb_unregister_thread", (void **)&side.end_thread},
        {"urcu_memb_synchronize_rcu", (void **)&side.synchronize},
        {"urcu_memb_call_rcu", (void **)&side.call},
        {"urcu_memb_barrier", (void **)&side.barrier},
    };
    unsigned int i;

    for (i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
        if (!library || !(*wanted[i].function = dlsym(library, wanted[i].name))) {
            fprintf(stderr, "urcubench: %s\n", dlerror());
            exit(1);
        }
    }
    return &side;
}
