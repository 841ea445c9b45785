// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The containers of examples/ordered_map.hpp, used by many threads at once: of each key, what was
 * inserted is what was erased and what is there, and no value that is read has ended. All end once.
 */
#include "check.h"
#include "ordered_map.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

static const int KEYS = 16, THREADS = 6;
static std::atomic<long> made, ended, errors;

/* For longer than what is retired waits, now and then. */
static void be_late()
{
    static thread_local unsigned int calls;

    if (++calls % 4096 == 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(25));
}

/* Counts what is in containers, and in copies of that. */
struct value {
    static const std::uint64_t SALT = 0x9e3779b97f4a7c15u;
    std::uint64_t key, check;

    explicit value(std::uint64_t k) : key(k), check(k ^ SALT) { made++; }
    value(const value &other) : key(other.key), check(key ^ SALT)
    {
        made++;
        be_late();
        if (other.check != (key ^ SALT))
            errors++;
    }
    ~value()
    {
        ended++;
        /* A plain store to what ends is none. */
        *const_cast<volatile std::uint64_t *>(&check) = 0;
    }
};

struct tally {
    std::atomic<long> inserted{0}, erased{0};
};

template <class Map>
static void use(Map &map, tally *tallies, unsigned int seed, const std::atomic<bool> &stop)
{
    while (!stop && !errors) {
        const int key = rand_r(&seed) % KEYS;

        switch (rand_r(&seed) / 16 % 4) {
        case 0:
            if (map.insert(key, value(static_cast<std::uint64_t>(key))))
                tallies[key].inserted++;
            break;
        case 1:
            if (map.erase(key))
                tallies[key].erased++;
            break;
        default:
            if (std::optional<value> found = map.get(key)) {
                if (found->key != static_cast<std::uint64_t>(key))
                    errors++;
            }
        }
        /* So that others get in between, also where there are few CPUs. */
        if (rand_r(&seed) / 64 % 32 == 0)
            std::this_thread::yield();
    }
}

template <class Map>
static void try_out(Map &map, std::chrono::milliseconds span)
{
    tally tallies[KEYS];
    std::vector<std::thread> threads;
    std::atomic<bool> stop{false};
    long operations = 0;

    for (int i = 0; i < THREADS; i++)
        threads.emplace_back([&, i] { use(map, tallies, 77u + static_cast<unsigned int>(i), stop); });
    for (auto end = std::chrono::steady_clock::now() + span;
         !errors && std::chrono::steady_clock::now() < end;)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    stop = true;
    for (std::thread &each : threads)
        each.join();
    for (int key = 0; key < KEYS; key++) {
        const long there = tallies[key].inserted - tallies[key].erased;

        operations += tallies[key].inserted;
        if (there != (map.get(key) ? 1 : 0))
            errors++;
    }
    printf("%ld inserted, %ld errors\n", operations, errors.load());
    CHECK(errors || operations > 100);
}

int main(int argc, char **argv)
{
    const bool expect_error = argc > 1 && strcmp(argv[1], "--expect-error") == 0;
    const std::chrono::milliseconds span(expect_error ? 10000 : 700);

    check_mode();
    {
        example::ordered_map<int, value> list;
        example::hash_map<int, value> hashed(4);

        try_out(list, span);
        if (!errors)
            try_out(hashed, span);
    }
    if (expect_error)
        _exit(errors ? 0 : 1);
    CHECK(hazptr::barrier());
    CHECK_EQ(errors, 0);
    CHECK_EQ(made, ended);
    return 0;
}
