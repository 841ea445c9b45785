/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A table of services, parsed from text in the format of services(5). It is read-only from its
 * making until table_poison().
 */
#ifndef SERVICES_H
#define SERVICES_H

#include <stddef.h>
#include <stdint.h>

/* Sizes with the final NUL. */
#define SERVICE_NAME 32
#define SERVICE_PROTOCOL 12

struct service {
    char name[SERVICE_NAME];
    char protocol[SERVICE_PROTOCOL];
    uint32_t port;
};

/*
 * An aliased name is a service of its own. An index of table->count or more means "none".
 *
 * table_poison() overwrites the serial number and all that answers come from, but not where that
 * is and how much: so a reader that was not waited for gets wrong answers instead of a crash.
 */
struct table {
    _Atomic uint64_t serial; /* no two tables of a process have the same */
    const struct expected *expected;
    uint32_t count;
    uint32_t mask; /* of the hash */
    uint32_t *by_name;
    uint32_t *by_port;
    struct service services[];
};

#define POISON 0xdf
#define POISONED_SERIAL 0xdfdfdfdfdfdfdfdfu

/* Where a text is wrong, and how. */
struct complaint {
    unsigned int line;
    const char *what;
};

/* @text is @length characters and a NUL. Returns NULL if something is wrong with it. */
struct table *table_parse(const char *text, size_t length, struct complaint *complaint);

/* As getservbyname() and getservbyport(): the first in the file. NULL if there is none. */
const struct service *table_by_name(const struct table *table, const char *name,
                                    const char *protocol);
const struct service *table_by_port(const struct table *table, unsigned int port,
                                    const char *protocol);

void table_poison(struct table *table);

#endif /* SERVICES_H */
