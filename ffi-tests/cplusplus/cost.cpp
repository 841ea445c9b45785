// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The same deeds by the C interface and by the C++ one, for cost.sh, which counts instructions.
 * usage: cost kept|pair|made c|c++ TIMES
 */
#include <cstdlib>
#include <cstring>
#include <hazptr/hazptr.hpp>

struct object : hazptr::hazard_pointer_obj_base<object> {
    int field = 1;
};

static std::atomic<object *> source{new object};
static volatile int sink;

static void kept_by_c(long times)
{
    ::hazptr_ctx ctx;

    hazptr_hold(&ctx);
    while (times-- > 0) {
        sink = HAZPTR_PROTECT(&ctx, &source)->field;
        hazptr_reset(&ctx);
    }
    hazptr_release(&ctx, nullptr);
}

static void kept_by_cxx(long times)
{
    hazptr::hazard_pointer pointer = hazptr::make_hazard_pointer();

    while (times-- > 0) {
        sink = pointer.protect(source)->field;
        pointer.reset_protection();
    }
}

static void pair_by_c(long times)
{
    while (times-- > 0) {
        ::hazptr_ctx ctx;
        object *const held = HAZPTR_ACQUIRE(&ctx, &source);

        sink = held->field;
        hazptr_release(&ctx, held);
    }
}

static void pair_by_cxx(long times)
{
    while (times-- > 0) {
        hazptr::guard<object> guard(source);

        sink = guard->field;
    }
}

static void made_by_c(long times)
{
    while (times-- > 0) {
        ::hazptr_ctx ctx;

        hazptr_hold(&ctx);
        sink = HAZPTR_PROTECT(&ctx, &source)->field;
        hazptr_release(&ctx, nullptr);
    }
}

static void made_by_cxx(long times)
{
    while (times-- > 0) {
        hazptr::hazard_pointer pointer = hazptr::make_hazard_pointer();

        sink = pointer.protect(source)->field;
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *what;
        void (*by_c)(long), (*by_cxx)(long);
    } all[] = {{"kept", kept_by_c, kept_by_cxx},
               {"pair", pair_by_c, pair_by_cxx},
               {"made", made_by_c, made_by_cxx}};

    if (argc != 4)
        return 2;
    for (const auto &each : all) {
        if (std::strcmp(argv[1], each.what) == 0) {
            (std::strcmp(argv[2], "c") == 0 ? each.by_c : each.by_cxx)(std::atol(argv[3]));
            return 0;
        }
    }
    return 2;
}
