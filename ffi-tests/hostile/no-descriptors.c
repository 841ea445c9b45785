/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * With no free file descriptor everything works, initialisation included. So it does when
 * membarrier is then withdrawn: the sweep that takes its place would like to read /proc, and does
 * without.
 */
#include "child.h"
#include "filter.h"
#include "interface.h"
#include <sys/resource.h>

#define LIMIT 64

/* Open ones stay open. */
static void permit(rlim_t descriptors)
{
    const struct rlimit limit = {descriptors, descriptors};

    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void check_there_is_none(void)
{
    CHECK(dup(STDERR_FILENO) < 0);
    CHECK_EQ(errno, EMFILE);
}

static void use_it(unsigned int mode)
{
    check_there_is_none();
    CHECK_EQ(hazptr_mode(), mode);
    use_the_interface(NULL);
}

static unsigned int mode_at_start;

/* A child initialises when it first calls. */
static void none_is_permitted(void)
{
    permit(0);
    use_it(mode_at_start);
}

static void all_are_used(void)
{
    permit(LIMIT);
    while (dup(STDERR_FILENO) >= 0)
        ;
    use_it(mode_at_start);
}

static void membarrier_is_withdrawn(void)
{
    permit(0);
    use_it(mode_at_start);
    filter_refuse(SYS_membarrier, ANY_ARGUMENT, EPERM);
    use_the_interface(NULL);
    use_it(HAZPTR_MODE_FENCE);
}

int main(void)
{
    check_mode();
    mode_at_start = hazptr_mode();
    in_a_child(none_is_permitted);
    in_a_child(all_are_used);
    in_a_child(membarrier_is_withdrawn);
    return 0;
}
