// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * [saferecl.hp] of C++26 as <hazptr/hazptr.hpp> has it, paragraph by paragraph; each function is named
 * after the clause whose sentences it checks. With HAZPTR_STD_NAMES the names are those of std.
 */
#include "check.h"
#ifdef HAZPTR_STD_NAMES
#include <hazptr/std.hpp>
namespace hp = std;
#else
#include <hazptr/hazptr.hpp>
namespace hp = hazptr;
#endif
#include <thread>
#include <vector>

#define HOLDS(...) static_assert((__VA_ARGS__), #__VA_ARGS__)

/* --- objects that count their ends ------------------------------------------------------------- */

static std::atomic<int> ended;

struct object : hp::hazard_pointer_obj_base<object> {
    int value = 42;

    ~object()
    {
        value = -1;
        ended++;
    }
};

/* Whether @count more objects have ended once all that nobody protects is reclaimed. */
static bool have_ended(int count)
{
    const int before = ended;

    for (int i = 0; i < 3; i++)
        ::hazptr_reclaim_here();
    return ended - before == count;
}

static bool all_have_ended(int count)
{
    const int before = ended;

    CHECK(hazptr::barrier());
    return ended - before == count;
}

/* Retires @object, which @pointer protects, and sees it end when @let_go is called, and not before. */
template <class F>
static void is_protected_until(object *object, F let_go)
{
    const int before = ended;

    object->retire();
    CHECK(have_ended(0));
    CHECK_EQ(object->value, 42);
    let_go();
    CHECK(hazptr::barrier());
    CHECK_EQ(ended - before, 1);
}

/* --- [saferecl.hp.general] --------------------------------------------------------------------- */

struct derived : object {
};
struct not_public : private hp::hazard_pointer_obj_base<not_public> {
};
struct is_virtual : virtual hp::hazard_pointer_obj_base<is_virtual> {
};
struct others : hp::hazard_pointer_obj_base<object> {
};
struct two : hp::hazard_pointer_obj_base<two>, hp::hazard_pointer_obj_base<object> {
};
struct two_deleters : hp::hazard_pointer_obj_base<two_deleters>,
                      hp::hazard_pointer_obj_base<two_deleters, void (*)(two_deleters *)> {
};
struct something {
    int i;
};
struct second : something, hp::hazard_pointer_obj_base<second> {
    ~second() { ended++; }
};

static void general_2_a_class_is_protectable_by_one_public_base_of_its_own()
{
    HOLDS(hazptr::is_hazard_protectable_v<object>);
    HOLDS(hazptr::is_hazard_protectable_v<const object>);
    HOLDS(hazptr::is_hazard_protectable_v<second>);
    HOLDS(!hazptr::is_hazard_protectable_v<derived>);
    HOLDS(!hazptr::is_hazard_protectable_v<not_public>);
    HOLDS(!hazptr::is_hazard_protectable_v<is_virtual>);
    HOLDS(!hazptr::is_hazard_protectable_v<others>);
    HOLDS(!hazptr::is_hazard_protectable_v<two>);
    HOLDS(!hazptr::is_hazard_protectable_v<two_deleters>);
    HOLDS(!hazptr::is_hazard_protectable_v<something>);
    HOLDS(!hazptr::is_hazard_protectable_v<int>);
}

static void general_3_an_epoch_ends_where_the_next_association_begins()
{
    hp::hazard_pointer pointer = hp::make_hazard_pointer();
    std::atomic<object *> first{new object}, next{new object};
    object *const a = pointer.protect(first);

    is_protected_until(a, [&] { pointer.protect(next); });
    is_protected_until(next, [&] { pointer.reset_protection(); });
}

static void general_5_an_object_ends_once_though_many_have_protected_it()
{
    std::vector<hp::hazard_pointer> pointers;
    std::atomic<object *> source{new object};

    for (int i = 0; i < 100; i++) {
        pointers.push_back(hp::make_hazard_pointer());
        CHECK(pointers.back().protect(source) == source);
    }
    is_protected_until(source, [&] {
        while (pointers.size() > 1) {
            pointers.pop_back();
            if (pointers.size() % 10 == 0)
                CHECK(have_ended(0));
        }
        pointers.clear();
    });
}

/* --- [saferecl.hp.base] ------------------------------------------------------------------------ */

static std::atomic<int> deleted_by[2];

struct stateful {
    int by = 0;

    template <class T>
    void operator()(T *ptr) const
    {
        deleted_by[by]++;
        delete ptr;
    }
};

struct with_state : hp::hazard_pointer_obj_base<with_state, stateful> {
};

/* Neither copyable, nor move-constructible. */
struct barely {
    barely() = default;
    barely(barely &&) = delete;
    barely &operator=(barely &&) = default;
    void operator()(struct by_barely *ptr) const;
};

struct by_barely : hp::hazard_pointer_obj_base<by_barely, barely> {
};

void barely::operator()(by_barely *ptr) const
{
    deleted_by[0]++;
    delete ptr;
}

struct by_function : hp::hazard_pointer_obj_base<by_function, void (*)(by_function *)> {
};

static void base_1_the_deleter_that_is_given_is_called_with_the_object()
{
    const int before = deleted_by[1];

    (new with_state)->retire(stateful{1});
    CHECK(hazptr::barrier());
    CHECK_EQ(deleted_by[1], before + 1);

    static by_function *seen;
    auto *const object = new by_function;
    object->retire([](by_function *ptr) {
        seen = ptr;
        delete ptr;
    });
    CHECK(hazptr::barrier());
    CHECK(seen == object);
}

static void base_3_a_deleter_is_made_by_default_and_move_assigned()
{
    const int before = deleted_by[0];

    (new with_state)->retire();
    CHECK(hazptr::barrier());
    CHECK_EQ(deleted_by[0], before + 1);
    HOLDS(!std::is_move_constructible_v<barely>);
    HOLDS(hazptr::is_hazard_protectable_v<by_barely>);
}

struct incomplete;
struct points_to_incomplete : hp::hazard_pointer_obj_base<points_to_incomplete> {
    std::atomic<incomplete *> next;
};
HOLDS(sizeof(hp::hazard_pointer_obj_base<incomplete>) > 0);
struct incomplete : hp::hazard_pointer_obj_base<incomplete> {
};

static void base_4_the_class_may_be_incomplete()
{
    HOLDS(hazptr::is_hazard_protectable_v<incomplete>);
}

static void base_its_special_members_are_for_derived_classes()
{
    using base = hp::hazard_pointer_obj_base<object>;

    HOLDS(!std::is_default_constructible_v<base> && !std::is_destructible_v<base>);
    HOLDS(std::is_nothrow_default_constructible_v<incomplete>);
    HOLDS(std::is_copy_constructible_v<incomplete> && std::is_copy_assignable_v<incomplete>);
    HOLDS(std::is_move_constructible_v<incomplete> && std::is_move_assignable_v<incomplete>);
    HOLDS(noexcept(std::declval<object &>().retire()));
    HOLDS(sizeof(incomplete) == sizeof(::hazptr_head));
}

static void base_a_copy_of_a_retired_object_is_not_retired()
{
    hp::hazard_pointer pointer = hp::make_hazard_pointer();
    std::atomic<object *> source{new object};
    object *const original = pointer.protect(source);

    is_protected_until(original, [&] {
        object *const copy = new object(*original);
        object assigned;

        assigned = *original;
        CHECK_EQ(copy->value + assigned.value, 84);
        copy->retire();
        CHECK(have_ended(1));
        ended -= 2; /* The copy and the local one. */
        pointer = hp::hazard_pointer();
    });
    CHECK(true);
}

static void base_retire_works_where_the_base_is_not_first()
{
    hp::hazard_pointer pointer = hp::make_hazard_pointer();
    std::atomic<second *> source{new second};

    pointer.protect(source)->retire();
    CHECK(have_ended(0));
    pointer.reset_protection();
    CHECK(all_have_ended(1));
}

/* The deleter retires the next one. */
struct chained;
struct chain_deleter {
    void operator()(chained *ptr) const;
};
struct chained : hp::hazard_pointer_obj_base<chained, chain_deleter> {
    std::atomic<chained *> next{nullptr};
};

void chain_deleter::operator()(chained *ptr) const
{
    hp::hazard_pointer pointer = hp::make_hazard_pointer();
    chained *const next = pointer.protect(ptr->next);

    ended++;
    delete ptr;
    if (next)
        next->retire();
}

static void base_deleters_may_retire_and_make_and_use_hazard_pointers()
{
    chained *first = nullptr;

    for (int i = 0; i < 20000; i++) {
        auto *const one = new chained;
        one->next = first;
        first = one;
    }
    const int before = ended;
    first->retire();
    while (ended - before < 20000)
        CHECK(hazptr::barrier());
}

/* --- [saferecl.hp.holder.ctor] ----------------------------------------------------------------- */

static void holder_ctor_1_a_default_constructed_one_is_empty()
{
    HOLDS(std::is_nothrow_default_constructible_v<hp::hazard_pointer>);
    HOLDS(!std::is_copy_constructible_v<hp::hazard_pointer>);
    HOLDS(!std::is_copy_assignable_v<hp::hazard_pointer>);
    CHECK(hp::hazard_pointer().empty());
}

static void holder_ctor_2_the_new_one_owns_what_the_other_did()
{
    std::atomic<object *> source{new object};
    hp::hazard_pointer from = hp::make_hazard_pointer(), empty;
    object *const protect = from.protect(source);
    hp::hazard_pointer to(std::move(from));

    HOLDS(std::is_nothrow_move_constructible_v<hp::hazard_pointer>);
    CHECK(from.empty() && !to.empty());
    is_protected_until(protect, [&] { to.reset_protection(); });

    hp::hazard_pointer nothing(std::move(empty));
    CHECK(empty.empty() && nothing.empty());
}

static void holder_ctor_3_the_end_of_its_life_is_the_end_of_the_epoch()
{
    std::atomic<object *> source{new object};
    auto *const pointer = new hp::hazard_pointer(hp::make_hazard_pointer());

    pointer->protect(source);
    is_protected_until(source, [&] { delete pointer; });
}

static void holder_ctor_4_assignment_ends_one_epoch_and_hands_over_the_other()
{
    std::atomic<object *> a{new object}, b{new object};
    hp::hazard_pointer to = hp::make_hazard_pointer(), from = hp::make_hazard_pointer();
    hp::hazard_pointer &same = to;

    HOLDS(std::is_nothrow_move_assignable_v<hp::hazard_pointer>);
    to.protect(a);
    from.protect(b);
    CHECK(&(to = std::move(same)) == &to);
    CHECK(!to.empty());
    is_protected_until(a, [&] { to = std::move(from); });
    CHECK(from.empty() && !to.empty());
    is_protected_until(b, [&] { to = std::move(from); });
    CHECK(from.empty() && to.empty());
    to = hp::make_hazard_pointer();
    CHECK(!to.empty());
}

/* --- [saferecl.hp.holder.mem] ------------------------------------------------------------------ */

static void holder_mem_protect_returns_and_protects_what_it_loads()
{
    std::atomic<object *> source{new object}, null{nullptr};
    hp::hazard_pointer pointer = hp::make_hazard_pointer();
    std::atomic<const object *> to_const{source.load()};

    HOLDS(noexcept(pointer.protect(source)));
    HOLDS(std::is_same_v<decltype(pointer.protect(source)), object *>);
    CHECK(pointer.protect(null) == nullptr);
    CHECK(pointer.protect(to_const) == source);
    CHECK(pointer.protect(source) == source);
    is_protected_until(source, [&] { CHECK(pointer.protect(null) == nullptr); });
    CHECK(!pointer.empty());
}

static void holder_mem_try_protect_protects_what_is_still_there()
{
    std::atomic<object *> source{new object}, null{nullptr};
    hp::hazard_pointer pointer = hp::make_hazard_pointer();
    object *ptr = source;

    HOLDS(noexcept(pointer.try_protect(ptr, source)));
    CHECK(pointer.try_protect(ptr, source) && ptr == source);
    is_protected_until(source, [&] {
        CHECK(!pointer.try_protect(ptr, null) && !ptr);
        CHECK(pointer.try_protect(ptr, null) && !ptr);
    });
    source = new object;
    CHECK(!pointer.try_protect(ptr, source) && ptr == source);
    ptr->retire();
    CHECK(all_have_ended(1)); /* It did not protect it. */
}

static void holder_mem_reset_protection_associates_with_an_object()
{
    object *const a = new object, *const b = new object;
    hp::hazard_pointer pointer = hp::make_hazard_pointer();

    HOLDS(noexcept(pointer.reset_protection(a)) && noexcept(pointer.reset_protection()));
    pointer.reset_protection(a);
    is_protected_until(a, [&] { pointer.reset_protection(b); });
    is_protected_until(b, [&] { pointer.reset_protection(static_cast<object *>(nullptr)); });
    CHECK(!pointer.empty());
    pointer.reset_protection(nullptr);
    pointer.reset_protection(static_cast<const object *>(nullptr));
}

static void holder_mem_swap_ends_no_epoch()
{
    std::atomic<object *> a{new object}, b{new object};
    hp::hazard_pointer first = hp::make_hazard_pointer(), other = hp::make_hazard_pointer(), empty;

    HOLDS(noexcept(first.swap(other)) && noexcept(swap(first, other)));
    first.protect(a);
    other.protect(b);
    first.swap(other);
    is_protected_until(b, [&] { first.reset_protection(); });
    swap(first, other);
    is_protected_until(a, [&] { first.reset_protection(); });
    first.swap(first);
    CHECK(!first.empty());
    first.swap(empty);
    CHECK(first.empty() && !empty.empty());
}

/* --- [saferecl.hp.holder.nonmem], P3428 -------------------------------------------------------- */

static void holder_nonmem_each_one_made_is_another()
{
    std::atomic<object *> a{new object}, b{new object};
    hp::hazard_pointer first = hp::make_hazard_pointer(), other = hp::make_hazard_pointer();

    CHECK(!first.empty() && !other.empty());
    first.protect(a);
    other.protect(b);
    is_protected_until(a, [&] { first = hp::hazard_pointer(); });
    is_protected_until(b, [&] { other = hp::hazard_pointer(); });
}

static void batches_fill_what_is_empty_and_clear_all()
{
#if __cplusplus >= 202002L
    std::atomic<object *> source{new object};
    hp::hazard_pointer batch[5];

    HOLDS(noexcept(hp::clear_hazard_pointer_batch(batch)));
    batch[2] = hp::make_hazard_pointer();
    batch[2].protect(source);
    hp::make_hazard_pointer_batch(batch);
    for (hp::hazard_pointer &each : batch)
        CHECK(!each.empty());
    is_protected_until(source, [&] { hp::clear_hazard_pointer_batch(batch); });
    for (hp::hazard_pointer &each : batch)
        CHECK(each.empty());
    hp::clear_hazard_pointer_batch(batch);
    hp::make_hazard_pointer_batch({});
#endif
}

int main()
{
    check_mode();
    general_2_a_class_is_protectable_by_one_public_base_of_its_own();
    general_3_an_epoch_ends_where_the_next_association_begins();
    general_5_an_object_ends_once_though_many_have_protected_it();
    base_1_the_deleter_that_is_given_is_called_with_the_object();
    base_3_a_deleter_is_made_by_default_and_move_assigned();
    base_4_the_class_may_be_incomplete();
    base_its_special_members_are_for_derived_classes();
    base_a_copy_of_a_retired_object_is_not_retired();
    base_retire_works_where_the_base_is_not_first();
    base_deleters_may_retire_and_make_and_use_hazard_pointers();
    holder_ctor_1_a_default_constructed_one_is_empty();
    holder_ctor_2_the_new_one_owns_what_the_other_did();
    holder_ctor_3_the_end_of_its_life_is_the_end_of_the_epoch();
    holder_ctor_4_assignment_ends_one_epoch_and_hands_over_the_other();
    holder_mem_protect_returns_and_protects_what_it_loads();
    holder_mem_try_protect_protects_what_is_still_there();
    holder_mem_reset_protection_associates_with_an_object();
    holder_mem_swap_ends_no_epoch();
    holder_nonmem_each_one_made_is_another();
    batches_fill_what_is_empty_and_clear_all();
    return 0;
}
