/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a table must answer: parsed from the same text as the table, by other means. One for each
 * different text that was ever read, kept until the end, so that whatever table a reader still
 * holds names the expectations that go with it.
 */
#ifndef EXPECTED_H
#define EXPECTED_H

#include "services.h"

/* What a look-up by name must find, and what one by the port that was found. */
struct question {
    char name[SERVICE_NAME];
    char protocol[SERVICE_PROTOCOL];
    int port; /* -1: there must be none */
    char official[SERVICE_NAME];
    int order; /* in the text */
};

struct expected {
    struct expected *older;
    char *text;
    size_t count;
    struct question *questions;
};

/* The one for @text, made if it is not among @newest and older. NULL: out of memory. */
const struct expected *expected_for(struct expected **newest, const char *text);

void expected_free(struct expected *newest);

#endif /* EXPECTED_H */
