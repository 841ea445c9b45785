// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What <hazptr/hazptr.hpp> has beyond the standard, and where C++ programs use it: thread_local
 * variables, destructors of thread-specific data and of static objects.
 */
#include "check.h"
#include <chrono>
#include <hazptr/hazptr.hpp>
#include <memory>
#include <thread>

#define HOLDS(...) static_assert((__VA_ARGS__), #__VA_ARGS__)

using std::chrono::milliseconds;

/* --- objects of classes that know nothing of us ------------------------------------------------ */

static std::atomic<int> ended;

struct plain {
    int value = 42;

    ~plain()
    {
        value = -1;
        ended++;
    }
};

static void any_class_is_retired_by_any_deleter()
{
    int by_lambda = 0;
    const int before = ended;

    hazptr::retire(new plain);
    hazptr::retire(static_cast<const plain *>(new plain));
    hazptr::retire(static_cast<plain *>(nullptr));
    hazptr::retire(new plain, [&by_lambda](plain *ptr) {
        by_lambda++;
        delete ptr;
    });
    /* A deleter that can only be moved. */
    hazptr::retire(new plain, [held = std::make_unique<int>(7), &by_lambda](plain *ptr) {
        by_lambda += *held;
        delete ptr;
    });
    CHECK(hazptr::barrier());
    CHECK_EQ(ended - before, 4);
    CHECK_EQ(by_lambda, 8);
}

/* Functions of a program that are named as ours are, and know nothing of hazard pointers. */
namespace user
{
struct object : hazptr::hazard_pointer_obj_base<object> {
};

static int calls;

static void retire(const void *)
{
    calls++;
}

template <class T>
static void synchronize(T *)
{
    calls++;
}

template <class T>
static int find_base(T *)
{
    return 0;
}

static void call()
{
    object own;

    retire(&own);
    synchronize(&own);
    find_base(&own);
    CHECK_EQ(calls, 2);
    (new object)->retire();
}
} // namespace user

static void void_is_guarded_and_retired_as_any()
{
    std::atomic<void *> source{std::malloc(1)};
    hazptr::guard<void> guard(source);

    CHECK(guard.get() == source);
    hazptr::retire(source.exchange(nullptr), std::free);
    ::hazptr_ctx ctx;
    hazptr_hold(&ctx);
    /* A comma that is no macro's. */
    hazptr_publish(&ctx, static_cast<std::pair<int, int> *>(guard.get()));
    hazptr_release(&ctx, nullptr);
}

static void a_guard_protects_to_the_end_of_its_scope()
{
    std::atomic<plain *> source{new plain}, null{nullptr};
    const int before = ended;

    HOLDS(!std::is_copy_constructible_v<hazptr::guard<plain>>);
    HOLDS(std::is_nothrow_move_constructible_v<hazptr::guard<plain>>);
    {
        hazptr::guard<plain> guard(source), none(null);

        CHECK(guard && guard.get() == source && guard->value == 42 && (*guard).value == 42);
        CHECK(!none && !none.get());
        hazptr::retire(source.load());
        ::hazptr_reclaim_here();
        CHECK_EQ(ended, before);
        hazptr::guard<plain> moved(std::move(guard));
        CHECK(!guard && moved->value == 42);
        none = std::move(moved);
        ::hazptr_reclaim_here();
        CHECK_EQ(none->value, 42);
        CHECK_EQ(ended, before);
    }
    CHECK(hazptr::barrier());
    CHECK_EQ(ended, before + 1);
    hazptr::synchronize(source.load());
}

struct object : hazptr::hazard_pointer_obj_base<object> {
    ~object() { ended++; }
};

static void local_ones_are_hazard_pointers()
{
    std::atomic<object *> source{new object};
    const int before = ended;
    {
        hazptr::local<3> pointers;

        HOLDS(pointers.size() == 3);
        for (std::size_t i = 0; i < pointers.size(); i++)
            CHECK(pointers[i].protect(source) == source);
        source.load()->retire();
        ::hazptr_reclaim_here();
        CHECK_EQ(ended, before);
        ::hazptr_publish(pointers[0].native_handle(), nullptr);
    }
    CHECK(hazptr::barrier());
    CHECK_EQ(ended, before + 1);
}

/* --- cohorts ----------------------------------------------------------------------------------- */

static void a_cohort_is_waited_for_apart_from_all_others()
{
    std::atomic<object *> strangers{new object}, ours{new object};
    const int before = ended;
    hazptr::hazard_pointer reader = hazptr::make_hazard_pointer();
    {
        hazptr::cohort cohort;

        HOLDS(!std::is_copy_constructible_v<hazptr::cohort>);
        reader.protect(strangers)->retire();
        hazptr::retire(cohort, new plain);
        (new object)->retire(cohort);
        CHECK(cohort.wait());
        CHECK_EQ(ended - before, 2);
        {
            hazptr::guard<object> guard(ours);

            guard->retire(cohort);
            CHECK(!cohort.wait_for(milliseconds(5)));
            CHECK(!cohort.wait_for(milliseconds(-5)));
        }
        CHECK(cohort.wait_for(std::chrono::hours(1)));
        (new object)->retire(cohort);
        CHECK(cohort.wait_for(milliseconds::max()));
        CHECK(cohort.wait_for(std::chrono::duration<double>(1e300)));
        (new object)->retire(cohort);
    }
    CHECK_EQ(ended - before, 5);
    reader.reset_protection();
    CHECK(hazptr::barrier());
    CHECK_EQ(ended - before, 6);
}

static void a_deleter_cannot_wait()
{
    static hazptr::cohort cohort;
    static int waits = 2;

    hazptr::retire(cohort, new plain, [](plain *ptr) {
        waits = hazptr::barrier() + cohort.wait();
        delete ptr;
    });
    CHECK(cohort.wait());
    CHECK_EQ(waits, 0);
}

/* --- where a program has them ------------------------------------------------------------------ */

static std::atomic<object *> published;
static thread_local hazptr::hazard_pointer of_thread = hazptr::make_hazard_pointer();
static pthread_key_t key;

static void protects_in_a_key_destructor(void *value)
{
    auto *const pointer = static_cast<hazptr::hazard_pointer *>(value);
    hazptr::hazard_pointer another = hazptr::make_hazard_pointer();

    CHECK(another.protect(published) == published);
    CHECK(pointer->protect(published) == published);
    delete pointer;
    (new object)->retire();
}

static void threads_have_their_own_and_leave_nothing()
{
    const uint64_t held = check_stats().held;
    const int before = ended;

    published = new object;
    CHECK_ERR(pthread_key_create(&key, protects_in_a_key_destructor));
    for (int i = 0; i < 20; i++) {
        std::thread([] {
            CHECK(of_thread.protect(published) == published);
            CHECK_ERR(pthread_setspecific(
                key, new hazptr::hazard_pointer(hazptr::make_hazard_pointer())));
        }).join();
    }
    CHECK_EQ(check_stats().held, held);
    published.exchange(nullptr)->retire();
    CHECK(hazptr::barrier());
    CHECK_EQ(ended - before, 21);
}

/* Constructed first, so destroyed last; what it retires is pending when the process ends, or not. */
static struct retires_at_exit {
    hazptr::hazard_pointer pointer = hazptr::make_hazard_pointer();

    ~retires_at_exit()
    {
        std::atomic<object *> source{new object}, null{nullptr};
        hazptr::guard<object> guard(source);

        pointer.protect(source);
        (new object)->retire();
        guard->retire();
        pointer.reset_protection();
        guard = hazptr::guard<object>(null);
        if (!hazptr::barrier())
            _exit(1);
    }
} retires_at_exit;

/* Debug mode would take it for a wait that never ends. */
static void what_is_detached_is_released_by_another_while_its_maker_waits()
{
    std::atomic<object *> cell(new object);
    object *const ptr = cell;
    const std::uint64_t sleeps = check_stats().sleeps;
    hazptr::hazard_pointer hazard = hazptr::make_hazard_pointer();
    hazptr::guard<object> guard(cell);

    CHECK(hazard.protect(cell) == ptr);
    hazard.detach();
    guard.detach();
    cell = nullptr;
    std::thread other([sleeps, hazard = std::move(hazard), guard = std::move(guard)]() mutable {
        while (check_stats().sleeps == sleeps)
            std::this_thread::sleep_for(milliseconds(1));
        CHECK(guard.get());
    });
    hazptr_synchronize(ptr);
    delete ptr;
    other.join();
}

int main()
{
    check_mode();
    what_is_detached_is_released_by_another_while_its_maker_waits();
    any_class_is_retired_by_any_deleter();
    user::call();
    void_is_guarded_and_retired_as_any();
    a_guard_protects_to_the_end_of_its_scope();
    local_ones_are_hazard_pointers();
    a_cohort_is_waited_for_apart_from_all_others();
    a_deleter_cannot_wait();
    threads_have_their_own_and_leave_nothing();
    return 0;
}
