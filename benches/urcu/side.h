/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One of the libraries to be compared, in one of the ways to use it: side.c, compiled once for each. */
#ifndef SIDE_H
#define SIDE_H

struct side {
    const char *name;
    void (*begin_thread)(void);
    void (*end_thread)(void);
    /* So many sections with nothing in them; each with another one in it. */
    void (*read)(unsigned long count);
    void (*nest)(unsigned long count);
    void (*synchronize)(void);
    /* @head has room for a struct rcu_head and stands first in what @func gets. */
    void (*call)(void *head, void (*func)(void *head));
    void (*barrier)(void);
};

extern const struct side stock_calls, stock_inlined, ours_calls, ours_inlined;

/* liburcu.so.8 as unchanged programs load it, from @path; dies if it is not there. */
const struct side *unchanged_side(const char *path);

#endif /* SIDE_H */
