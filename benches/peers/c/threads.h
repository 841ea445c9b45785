/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The threads of a measurement: where they are, when they begin, and when they end.
 */
#ifndef THREADS_H
#define THREADS_H

#include <pthread.h>

/* Who is being measured, for messages; finds the CPUs. Before all others here. */
void threads_init(const char *subject);

/* Ends the program with status 1: the machine, or the library, refuses. */
void fail(const char *what, int error) __attribute__((noreturn));

int nr_cpus(void);

/* On the CPU of thread @number, round and round, or on any if that is negative. */
void thread_start(pthread_t *id, void *(*role)(void *), void *argument, int number);

/* Keep the calling thread on the CPU of thread @number. */
void thread_pin(int number);

/* Say that one more is ready; wait until @threads are. */
void arrive(void);
void await(unsigned int threads);

/* Whether the threads that go on until told so are to end. */
int stopped(void);
void stop_all(void);

#endif /* THREADS_H */
