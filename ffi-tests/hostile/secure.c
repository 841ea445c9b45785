/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A program that runs with rights that its caller does not have ignores the caller's HAZPTR_
 * variables. A copy of this program is made set-uid or, if we are not root, set-gid of another of
 * our groups, and started with both variables set; without the mode bit the same copy obeys them.
 */
#include "child.h"
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* Of no particular user. */
#define NOBODY 65534
#define MOST_GROUPS 64

static int skip(const char *why)
{
    printf("skipped: %s\n", why);
    return EXIT_SKIP;
}

/* --- the copy --------------------------------------------------------------------------------- */

/* Says with its status what it did about the environment. */
enum { OBEYS = 10, IGNORES, MIXED, NOT_SECURE };

static int started_with_variables(int as_secure)
{
    static int object;
    void *pointer = &object;
    struct hazptr_ctx ctx;
    int is_fenced, has_no_lines;

    if ((getauxval(AT_SECURE) != 0) != as_secure)
        return NOT_SECURE;
    CHECK(hazptr_acquire(&ctx, &pointer) == &object);
    hazptr_release(&ctx, &object);
    is_fenced = hazptr_mode() == HAZPTR_MODE_FENCE;
    has_no_lines = check_stats().acquire_backup != 0;
    if (is_fenced && has_no_lines)
        return OBEYS;
    return is_fenced || has_no_lines ? MIXED : IGNORES;
}

static int run_copy(int copy, const char *as)
{
    const char *arguments[] = {"copy", as, NULL};
    pid_t child = fork();
    int status;

    if (child == 0) {
        CHECK_EQ(setenv("HAZPTR_MODE", "fence", 1), 0);
        CHECK_EQ(setenv("HAZPTR_MAX_LINES", "0", 1), 0);
        fexecve(copy, (char *const *)arguments, environ);
        _exit(127);
    }
    status = child_status(child);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void write_copy(int to)
{
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    char block[65536];
    ssize_t length;

    CHECK(from >= 0);
    while ((length = read(from, block, sizeof(block))) > 0)
        CHECK_EQ(write(to, block, (size_t)length), length);
    CHECK_EQ(length, 0);
    CHECK_EQ(close(from), 0);
}

/* A descriptor of a copy beside this program, @program, that has no name any more. */
static int make_copy(const char *program)
{
    char path[4096];
    int to, copy;

    snprintf(path, sizeof(path), "%s.XXXXXX", program);
    to = mkostemp(path, O_CLOEXEC);
    CHECK(to >= 0);
    copy = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(copy >= 0);
    CHECK_EQ(unlink(path), 0);
    write_copy(to);
    CHECK_EQ(fchmod(to, 0755), 0);
    /* What is open for writing is not run. */
    CHECK_EQ(close(to), 0);
    return copy;
}

/* --- its rights ------------------------------------------------------------------------------- */

/* A group of ours that is not the one we run as, or ours. */
static gid_t other_group(void)
{
    gid_t groups[MOST_GROUPS];
    int count = getgroups(MOST_GROUPS, groups);

    while (count-- > 0)
        if (groups[count] != getgid())
            return groups[count];
    return getgid();
}

/* What keeps us from it, or NULL. */
static const char *give_rights(int copy)
{
    struct statvfs file_system;

    CHECK_EQ(fstatvfs(copy, &file_system), 0);
    if (file_system.f_flag & ST_NOSUID)
        return "the build directory is mounted nosuid";
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        return "we run with no_new_privs";
    if (geteuid() != 0 && other_group() == getgid())
        return "we are not root, and have no second group";
    if (geteuid() == 0) {
        if (fchown(copy, NOBODY, (gid_t)-1) != 0)
            return "no right to give a file away";
        CHECK_EQ(fchmod(copy, 04755), 0);
    } else {
        CHECK_EQ(fchown(copy, (uid_t)-1, other_group()), 0);
        CHECK_EQ(fchmod(copy, 02755), 0);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const char *obstacle;
    int copy, status;

    if (argc > 1)
        return started_with_variables(strcmp(argv[1], "secure") == 0);
    check_mode();
    copy = make_copy(argv[0]);
    CHECK_EQ(run_copy(copy, "plain"), OBEYS);
    obstacle = give_rights(copy);
    if (obstacle)
        return skip(obstacle);
    status = run_copy(copy, "secure");
    /* A mapping of user ids, for one, can have this effect. */
    if (status == NOT_SECURE)
        return skip("the system gives no rights to programs here");
    CHECK_EQ(status, IGNORES);
    return 0;
}
