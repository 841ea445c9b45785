/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One operation on a stack, a queue or a set, and what it said.
 */
#ifndef OPERATION_H
#define OPERATION_H

enum kind {
    PUT,     /* push or enqueue @argument; 1 */
    TAKE,    /* pop or dequeue; the value, or EMPTY */
    INSERT,  /* 1 if it was not there */
    REMOVE,  /* 1 if it was there */
    CONTAINS /* 1 if it is there */
};

#define EMPTY (-1)

struct operation {
    enum kind kind;
    int argument;
    int result;
    int thread;
    /* When it was called and when it had returned, by one clock that ticks at each look at it. */
    unsigned long invoked, returned;
};

#endif /* OPERATION_H */
