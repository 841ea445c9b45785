/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What both sides of docs/from-rcu.md are called by (main.c). The objects are each side's own, for they
 * have another head; their first member is an int that readers look at.
 */
#ifndef FROM_RCU_COMMON_H
#define FROM_RCU_COMMON_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

enum { SESSIONS = 4, NOT_THERE = -1 };

/* Poisons what nobody may read any more, and keeps it, so that who does reads that. */
void dispose(void *object);
/* What is there, and stays for a time; ends the process if it is poisoned. */
int look_at(const int *value);
int look_long_at(const int *value);

/* Loses time, once in so many calls, where a pointer was loaded and nothing was read yet. */
void dawdle(unsigned int once_in);

struct config *config_new(int value);
void config_begin(struct config *first);
void config_end(void);
void session_begin(int id, int value);
void node_add(int key);

/* From the document. */
int config_value(void);
void config_replace(struct config *now);
void config_replace_later(struct config *now);
int session_use(int id);
void session_end(int id);
bool list_has(int key);
void list_remove(int key);
void list_unload(void);

/* What a thread does first and last; all callbacks have been called. */
void thread_begins(void);
void thread_ends(void);
void all_callbacks(void);

#endif /* FROM_RCU_COMMON_H */
