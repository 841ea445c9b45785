/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What C++11 can express; in C++23 it means the same. */
#include <hazptr.h>
#include <hazptr/control.h>
#include <atomic>
#include <cstdio>
#include <memory>

namespace
{

struct config {
    int port;
};
std::atomic<config *> current;

int reader()
{
    HAZPTR_SCOPED(config, &current);

    return config ? config->port : 0;
}

// A hazard as a member, held longer than any scope.
class held
{
public:
    explicit held(const std::atomic<config *> &from) : config_(HAZPTR_ACQUIRE(&ctx_, &from)) {}
    held(const held &) = delete;
    held &operator=(const held &) = delete;
    ~held() { hazptr_release(&ctx_, config_); }
    int port() const { return config_->port; }

private:
    struct hazptr_ctx ctx_ = HAZPTR_CTX_INIT;
    const config *config_;
};

void update(std::unique_ptr<config> next)
{
    std::unique_ptr<config> old(current.exchange(next.release()));

    hazptr_synchronize(old.get());
}

} // namespace

int main()
{
    update(std::unique_ptr<config>(new config{80}));
    update(std::unique_ptr<config>(new config{8080}));
    const int port = held(current).port();

    std::printf("port %d\n", reader());
    update(nullptr);
    return port != 8080 || reader() != 0 ||
           hazptr_control_block()->magic != HAZPTR_CONTROL_MAGIC;
}
