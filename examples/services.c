/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The table: a tokenizer, an array, and two hashes of indices into it. */
#include "services.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* --- looking up ------------------------------------------------------------------------------- */

static uint32_t hash(uint32_t seed, const char *text)
{
    for (; *text; text++)
        seed = (seed ^ (unsigned char)*text) * 16777619u; /* FNV-1a */
    return seed;
}

static uint32_t hash_name(const char *name, const char *protocol)
{
    return hash(hash(2166136261u, name), protocol);
}

static uint32_t hash_port(unsigned int port, const char *protocol)
{
    return hash(2166136261u ^ port, protocol) * 2654435769u >> 8;
}

static int same(const char *a, const char *b, size_t size)
{
    return strncmp(a, b, size) == 0;
}

const struct service *table_by_name(const struct table *table, const char *name,
                                    const char *protocol)
{
    uint32_t h = hash_name(name, protocol), i;

    for (; (i = table->by_name[h & table->mask]) < table->count; h++) {
        const struct service *s = &table->services[i];

        if (same(s->name, name, SERVICE_NAME) && same(s->protocol, protocol, SERVICE_PROTOCOL))
            return s;
    }
    return NULL;
}

const struct service *table_by_port(const struct table *table, unsigned int port,
                                    const char *protocol)
{
    uint32_t h = hash_port(port, protocol), i;

    for (; (i = table->by_port[h & table->mask]) < table->count; h++) {
        const struct service *s = &table->services[i];

        if (s->port == port && same(s->protocol, protocol, SERVICE_PROTOCOL))
            return s;
    }
    return NULL;
}

/* --- parsing ---------------------------------------------------------------------------------- */

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static int ends_line(char c)
{
    return c == '\0' || c == '\n' || c == '#';
}

/* Skips blanks, then a word, which is put into @word. Returns its length, 0 where the line ends. */
static size_t next_word(const char **at, const char **word)
{
    while (is_blank(**at))
        ++*at;
    for (*word = *at; !is_blank(**at) && !ends_line(**at); ++*at)
        ;
    return *at - *word;
}

/* "80/tcp". Returns what is wrong with it, or NULL. */
static const char *parse_port(const char *word, size_t length, struct service *service)
{
    const char *end = word + length, *slash;
    unsigned int port = 0;

    for (slash = word; slash < end && *slash >= '0' && *slash <= '9'; slash++) {
        port = port * 10 + (*slash - '0');
        if (port > 65535)
            return "port above 65535";
    }
    if (slash == word || slash == end || *slash != '/' || slash + 1 == end)
        return "port/protocol expected after the name, as in 80/tcp";
    if (end - slash > SERVICE_PROTOCOL)
        return "protocol longer than 11 characters";
    memset(service->protocol, 0, SERVICE_PROTOCOL);
    memcpy(service->protocol, slash + 1, end - slash - 1);
    service->port = port;
    return NULL;
}

/* The first in the file wins. */
static void insert(struct table *table, const struct service *service)
{
    uint32_t h = hash_name(service->name, service->protocol);

    table->services[table->count] = *service;
    if (!table_by_name(table, service->name, service->protocol)) {
        while (table->by_name[h & table->mask] < table->count)
            h++;
        table->by_name[h & table->mask] = table->count;
    }
    h = hash_port(service->port, service->protocol);
    if (!table_by_port(table, service->port, service->protocol)) {
        while (table->by_port[h & table->mask] < table->count)
            h++;
        table->by_port[h & table->mask] = table->count;
    }
    table->count++;
}

/* One line: "name port/protocol alias ...". Returns what is wrong with it, or NULL. */
static const char *parse_line(const char **at, struct table *table, uint32_t *count)
{
    struct service service;
    const char *word, *port, *wrong;
    size_t length = next_word(at, &word), port_length;

    if (length == 0)
        return NULL;
    port_length = next_word(at, &port);
    wrong = parse_port(port, port_length, &service);
    if (wrong)
        return wrong;
    for (; length > 0; length = next_word(at, &word)) {
        if (length >= SERVICE_NAME)
            return "name longer than 31 characters";
        memset(service.name, 0, SERVICE_NAME);
        memcpy(service.name, word, length);
        if (table)
            insert(table, &service);
        ++*count;
    }
    return NULL;
}

/* Fills @table, or without one only counts and looks for what is wrong. */
static uint32_t parse(const char *text, size_t length, struct table *table,
                      struct complaint *complaint)
{
    const char *end = text + length;
    uint32_t count = 0;

    for (complaint->line = 1; text < end; complaint->line++) {
        complaint->what = parse_line(&text, table, &count);
        text += strcspn(text, "\n");
        if (text < end && *text++ == '\0')
            complaint->what = "a NUL character";
        if (complaint->what)
            return 0;
    }
    if (count == 0)
        complaint->what = "no service in it";
    return count;
}

static size_t size_of_services(uint32_t count, uint32_t mask)
{
    return count * sizeof(struct service) + 2 * sizeof(uint32_t) * ((size_t)mask + 1);
}

static struct table *table_new(uint32_t count)
{
    static uint64_t last_serial;
    struct table *table;
    uint32_t mask = 1;

    while (mask < 2 * count)
        mask = 2 * mask + 1;
    table = malloc(sizeof(*table) + size_of_services(count, mask));
    if (!table)
        return NULL;
    memset(table->services, 0xff, size_of_services(count, mask)); /* every index: none */
    atomic_init(&table->serial, ++last_serial);
    table->expected = NULL;
    table->count = 0;
    table->mask = mask;
    table->by_name = (uint32_t *)(table->services + count);
    table->by_port = table->by_name + mask + 1;
    return table;
}

struct table *table_parse(const char *text, size_t length, struct complaint *complaint)
{
    uint32_t count = parse(text, length, NULL, complaint);
    struct table *table;

    if (count == 0)
        return NULL;
    table = table_new(count);
    if (table)
        parse(text, length, table, complaint);
    else
        complaint->what = "out of memory";
    return table;
}

void table_poison(struct table *table)
{
    atomic_store(&table->serial, POISONED_SERIAL);
    memset(table->services, POISON, size_of_services(table->count, table->mask));
    /* Or the compiler may leave out what nobody seems to read any more. */
    __asm__ volatile("" : : "r"(table) : "memory");
}
