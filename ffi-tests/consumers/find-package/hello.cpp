/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <hazptr.h>
#include <atomic>
#include <iostream>

struct config {
    int port;
};
static std::atomic<config *> current;

static int reader()
{
    HAZPTR_SCOPED(config, &current); // protected to the end of the scope

    return config->port;
}

static void update(int port)
{
    config *old = current.exchange(new config{port});

    hazptr_synchronize(old);
    delete old;
}

int main()
{
    update(80);
    update(8080);
    std::cout << "port " << reader() << '\n';
}
