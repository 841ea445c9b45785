/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* For a negative control: a wait that never ends. The torture must end all the same, and tell. */
#include <hazptr.h>
#include <unistd.h>

void hazptr_synchronize(const void *addr)
{
    (void)addr;
    for (;;)
        pause();
}
