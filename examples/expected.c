/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The expectations, by sscanf() and qsort(): slow, simple, and nothing shared with services.c. */
#define _GNU_SOURCE
#include "expected.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_protocol(const struct question *a, const struct question *b)
{
    int difference = strcmp(a->protocol, b->protocol);

    return difference ? difference : a->order - b->order;
}

static int by_port(const void *a, const void *b)
{
    int difference = ((const struct question *)a)->port - ((const struct question *)b)->port;

    return difference ? difference : by_protocol(a, b);
}

static int by_name(const void *a, const void *b)
{
    int difference = strcmp(((const struct question *)a)->name, ((const struct question *)b)->name);

    return difference ? difference : by_protocol(a, b);
}

static int add(struct expected *e, struct question question)
{
    struct question *grown = realloc(e->questions, (e->count + 1) * sizeof(*grown));

    if (!grown)
        return -1;
    e->questions = grown;
    question.order = e->count;
    e->questions[e->count++] = question;
    return 0;
}

static int add_line(struct expected *e, char *line)
{
    struct question q = {0};
    int at;

    line[strcspn(line, "#")] = '\0';
    if (sscanf(line, "%31s %d/%11s%n", q.name, &q.port, q.protocol, &at) != 3)
        return 0;
    do {
        if (add(e, q))
            return -1;
    } while (sscanf(line += at, "%31s%n", q.name, &at) == 1);
    return 0;
}

static int add_lines(struct expected *e)
{
    static const struct question absent = {"no-such-service", "tcp", -1, "", 0};
    char *text = strdup(e->text), *line, *rest = text;
    int failed = text == NULL;

    while (!failed && (line = strsep(&rest, "\n")))
        failed = add_line(e, line);
    free(text);
    return failed || add(e, absent);
}

/* Of several with one name, or one port, the first in the text is the answer. */
static void settle(struct expected *e)
{
    struct question *q = e->questions;
    size_t i, kept = 0;

    qsort(q, e->count, sizeof(*q), by_port);
    for (i = 0; i < e->count; i++) {
        int again = i > 0 && q[i].port == q[i - 1].port
                    && strcmp(q[i].protocol, q[i - 1].protocol) == 0;

        strcpy(q[i].official, again ? q[i - 1].official : q[i].name);
    }
    qsort(q, e->count, sizeof(*q), by_name);
    for (i = 0; i < e->count; i++)
        if (!kept || strcmp(q[i].name, q[kept - 1].name)
            || strcmp(q[i].protocol, q[kept - 1].protocol))
            q[kept++] = q[i];
    e->count = kept;
}

const struct expected *expected_for(struct expected **newest, const char *text)
{
    struct expected *e;

    for (e = *newest; e; e = e->older)
        if (strcmp(e->text, text) == 0)
            return e;
    e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->text = strdup(text);
    if (!e->text || add_lines(e)) {
        expected_free(e);
        return NULL;
    }
    settle(e);
    e->older = *newest;
    *newest = e;
    return e;
}

void expected_free(struct expected *newest)
{
    while (newest) {
        struct expected *older = newest->older;

        free(newest->questions);
        free(newest->text);
        free(newest);
        newest = older;
    }
}
