/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <settings.h>
#include <stdio.h>

int main(void)
{
    const struct settings http = {80}, other = {8080};

    settings_replace(&http);
    settings_replace(&other);
    printf("port %d\n", settings_port());
    return 0;
}
