/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * seccomp filters that withdraw one system call from the running process, or hand it to a
 * supervising thread of the same process, which answers it as it likes.
 */
#ifndef FILTER_H
#define FILTER_H

#include "check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Commands of membarrier(2). */
#define MEMBARRIER_FENCE 8u    /* PRIVATE_EXPEDITED */
#define MEMBARRIER_RSEQ 128u   /* PRIVATE_EXPEDITED_RSEQ */

/* For filter_install(): whatever the first argument. */
#define ANY_ARGUMENT UINT32_MAX

/* What a filter does with the call: fails with an error. */
#define FILTER_REFUSE(error) (SECCOMP_RET_ERRNO | (uint32_t)(error))

/*
 * From now on system call @number, if its first argument is @argument, has @action. All other
 * calls go through the filters that there are. Returns what seccomp(2) does; the test is skipped
 * if there are no filters here.
 */
static inline int filter_install(unsigned int flags, uint32_t number, uint32_t argument,
                                 uint32_t action)
{
    const uint32_t first = argument == ANY_ARGUMENT ? 0 : argument;
    const uint32_t mask = argument == ANY_ARGUMENT ? 0 : UINT32_MAX;
    /* The numbers are of this test's own architecture, which is all that it calls by. */
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program;
    long result;

    program.len = sizeof(code) / sizeof(*code);
    program.filter = code;
    CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    if (result < 0) {
        printf("skipped: no seccomp filter here: %s\n", strerror(errno));
        fflush(stdout);
        _exit(EXIT_SKIP);
    }
    return (int)result;
}

/* The same call, withdrawn from every thread of this process. */
static inline void filter_refuse(long number, uint32_t argument, int error)
{
    CHECK_EQ(filter_install(SECCOMP_FILTER_FLAG_TSYNC, (uint32_t)number, argument,
                            FILTER_REFUSE(error)),
             0);
}

/*
 * From now on system call @number, made by this thread or by one that it starts later, waits for an
 * answer. Returns the descriptor to answer through.
 */
static inline int filter_supervise(long number)
{
    return filter_install(SECCOMP_FILTER_FLAG_NEW_LISTENER, (uint32_t)number, ANY_ARGUMENT,
                          SECCOMP_RET_USER_NOTIF);
}

/* The next call that waits for an answer. */
static inline struct seccomp_notif filter_receive(int listener)
{
    struct seccomp_notif call;
    int result;

    do {
        memset(&call, 0, sizeof(call));
        result = ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call);
        /* ENOENT: the caller was interrupted and will call again. */
    } while (result < 0 && (errno == EINTR || errno == ENOENT));
    CHECK_EQ(result, 0);
    return call;
}

/* Lets the call fail with @error, or happen if that is 0. */
static inline void filter_answer(int listener, const struct seccomp_notif *call, int error)
{
    struct seccomp_notif_resp answer;

    memset(&answer, 0, sizeof(answer));
    answer.id = call->id;
    answer.error = -error;
    answer.flags = error ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    /* ENOENT: as above. */
    CHECK(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0 || errno == ENOENT);
}

#endif /* FILTER_H */
