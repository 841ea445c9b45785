// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Hazard pointers for C++17 and later, over the C interface: what C++26 has in [saferecl.hp], here in
 * namespace hazptr, and what the library has beyond that. Nothing to link but libhazptr. Nothing here
 * needs exceptions or RTTI; with HAZPTR_INLINE defined before the first #include, the fast paths are
 * inlined.
 *
 * From C++26: hazard_pointer, make_hazard_pointer, hazard_pointer_obj_base; and from P3428, for C++20
 * and later, make_hazard_pointer_batch and clear_hazard_pointer_batch. <hazptr/std.hpp> puts them into
 * std where the standard library has none.
 *
 * Beyond: guard, local, cohort, retire, synchronize, barrier.
 *
 * Define HAZPTR_INLINE in all files of a program, or in none: to the language these are two definitions.
 *
 * Threads: a hazard_pointer, guard or local is used by one thread at a time, and may go from one to
 * another. There is no thread-local state: they may be thread_local, and be used by destructors of
 * thread-specific data; objects may be retired by destructors of static objects. Deleters run in a thread
 * that nobody joins: if they use static objects, call barrier() before main() ends.
 * Signal handlers, fork: as the functions of <hazptr.h> that are named here.
 */
#ifndef HAZPTR_HPP
#define HAZPTR_HPP

#include <hazptr.h>

#if __cplusplus < 201703L
#error "hazptr.hpp needs C++17; <hazptr.h> serves C++11"
#endif

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>
#if __cplusplus >= 202002L
#include <span>
#endif

namespace hazptr
{

template <class T, class D = std::default_delete<T>>
class hazard_pointer_obj_base;
class cohort;

namespace detail
{

/** What a class derives from, if that is one hazard_pointer_obj_base, public. */
template <class T, class D>
struct base_found {
    using object = T;
    using base = hazard_pointer_obj_base<T, D>;
};

template <class T, class D>
base_found<T, D> find_base(const volatile hazard_pointer_obj_base<T, D> *);

template <class T, class = void>
struct is_hazard_protectable : std::false_type {
};

/** ...and it is its own, and not virtual. */
template <class T>
struct is_hazard_protectable<
    T, std::void_t<decltype(static_cast<T *>(
           std::declval<typename decltype(detail::find_base(std::declval<T *>()))::base *>()))>>
    : std::is_same<typename decltype(detail::find_base(std::declval<T *>()))::object, T> {
};

/** A deleter that takes no room if it needs none. */
template <class D, bool = std::is_empty_v<D> && !std::is_final_v<D>>
class deleter_box : private D
{
public:
    D &get() noexcept { return *this; }
};

template <class D>
class deleter_box<D, false>
{
public:
    D &get() noexcept { return deleter_; }

private:
    D deleter_{};
};

/** The links of an object and its deleter. A copy of the object has its own: a reader may copy an object
 *  that is being retired. */
template <class D>
class links : public deleter_box<D>
{
public:
    constexpr links() = default;
    constexpr links(const links &) noexcept : deleter_box<D>() {}
    constexpr links &operator=(const links &) noexcept { return *this; }

    ::hazptr_head head;
};

/** Of an object without a base of ours, while it is retired. */
template <class T, class D>
struct retired_object {
    ::hazptr_head head;
    T *object;
    D deleter;

    static void reclaim(::hazptr_head *head) noexcept
    {
        std::unique_ptr<retired_object> self(reinterpret_cast<retired_object *>(head));

        self->deleter(self->object);
    }
};

} // namespace detail

/** Whether hazard pointers protect objects of this class: see hazard_pointer_obj_base. */
template <class T>
inline constexpr bool is_hazard_protectable_v =
    detail::is_hazard_protectable<std::remove_cv_t<T>>::value;

/**
 * A hazard pointer, or none. [saferecl.hp.holder]
 *
 * 64 bytes. Making one, moving one and destroying one cost about a nanosecond each: hazptr_hold(),
 * hazptr_move(), hazptr_release().
 */
class hazard_pointer
{
public:
    /** Empty: owns none. */
    hazard_pointer() noexcept { ctx_.slot = nullptr; }

    /** Takes over what @other owns, protection included; @other is empty then. */
    hazard_pointer(hazard_pointer &&other) noexcept
    {
        ctx_.slot = nullptr;
        take(other);
    }

    /** The same; what it owned before is destroyed. */
    hazard_pointer &operator=(hazard_pointer &&other) noexcept
    {
        if (this != &other) {
            hazptr_release(&ctx_, nullptr);
            ctx_.slot = nullptr;
            take(other);
        }
        return *this;
    }

    /** Protects nothing any more. */
    ~hazard_pointer() { hazptr_release(&ctx_, nullptr); }

    /** Whether it owns none. */
    [[nodiscard]] bool empty() const noexcept { return !ctx_.slot; }

    /** Loads @src, with acquire ordering, and protects what it points to. Requires: not empty. */
    template <class T>
    T *protect(const std::atomic<T *> &src) noexcept
    {
        require_protectable<T>();
        return hazptr_detail::protect(&ctx_, &src);
    }

    /** Protects what @ptr points to, if @src does so too; otherwise nothing, and @ptr is what @src is.
     *  Requires: not empty. */
    template <class T>
    bool try_protect(T *&ptr, const std::atomic<T *> &src) noexcept
    {
        T *const old = ptr;

        reset_protection(old);
        ptr = src.load(std::memory_order_acquire);
        if (old == ptr)
            return true;
        reset_protection();
        return false;
    }

    /** Protects what @ptr points to, from now on: that is, if it is retired only later, which is the
     *  caller's business to know. Then it sees @src unchanged in a load that comes after this call.
     *  Requires: not empty. */
    template <class T>
    void reset_protection(const T *ptr) noexcept
    {
        require_protectable<T>();
        hazptr_publish(&ctx_, ptr);
    }

    /** Protects nothing any more, and goes on owning its hazard pointer. Requires: not empty. */
    void reset_protection(std::nullptr_t = nullptr) noexcept { hazptr_reset(&ctx_); }

    /** What each protects, it protects on. */
    void swap(hazard_pointer &other) noexcept
    {
        hazard_pointer third(std::move(other));

        other = std::move(*this);
        *this = std::move(third);
    }

    /** Another thread, or a handler, will destroy what it owns: hazptr_detach(). For debug mode. */
    void detach() noexcept { hazptr_detach(&ctx_); }

    /** The context, for functions of <hazptr.h>. */
    ::hazptr_ctx *native_handle() noexcept { return &ctx_; }

private:
    friend hazard_pointer make_hazard_pointer() noexcept;
#if __cplusplus >= 202002L
    friend void make_hazard_pointer_batch(std::span<hazard_pointer>) noexcept;
#endif
    template <std::size_t N>
    friend class local;

    template <class T>
    static void require_protectable() noexcept
    {
        static_assert(is_hazard_protectable_v<T>,
                      "derive T from hazard_pointer_obj_base<T>, publicly and once");
    }

    /* Owns none before. */
    void take(hazard_pointer &other) noexcept
    {
        if (!other.empty())
            hazptr_move(&ctx_, &other.ctx_);
    }

    enum making { made };
    explicit hazard_pointer(making) noexcept { make(); }
    void make() noexcept { hazptr_hold(&ctx_); }

    ::hazptr_ctx ctx_;
};

/** A hazard pointer that protects nothing. Never fails. [saferecl.hp.holder.nonmem] */
[[nodiscard]] inline hazard_pointer make_hazard_pointer() noexcept
{
    return hazard_pointer(hazard_pointer::made);
}

inline void swap(hazard_pointer &a, hazard_pointer &b) noexcept
{
    a.swap(b);
}

#if __cplusplus >= 202002L

/** Gives every empty one a hazard pointer. Never fails. [P3428] */
inline void make_hazard_pointer_batch(std::span<hazard_pointer> batch) noexcept
{
    for (hazard_pointer &each : batch) {
        if (each.empty())
            each.make();
    }
}

/** Makes all of them empty. [P3428] */
inline void clear_hazard_pointer_batch(std::span<hazard_pointer> batch) noexcept
{
    for (hazard_pointer &each : batch)
        each = hazard_pointer();
}

#endif

/**
 * Objects that are waited for together, and apart from all others: those of one container, or of one
 * plug-in. Must outlive the objects that were retired in it; its end waits for them.
 */
class cohort
{
public:
    cohort() = default;
    cohort(const cohort &) = delete;
    cohort &operator=(const cohort &) = delete;

    /** Waits until all of it is reclaimed. In a deleter that cannot be; it ends the program then. */
    ~cohort()
    {
        if (!wait())
            std::terminate();
    }

    /** Waits until all that was retired in it is reclaimed. False, at once, in a deleter. */
    [[nodiscard]] bool wait() noexcept
    {
        return ::hazptr_cohort_barrier(&cohort_, HAZPTR_FOREVER) == 0;
    }

    /** Waits for so long at most. Whether all is reclaimed. */
    template <class R, class P>
    [[nodiscard]] bool wait_for(std::chrono::duration<R, P> limit) noexcept
    {
        using std::chrono::duration, std::chrono::duration_cast, std::chrono::nanoseconds;

        /* Three centuries are no limit, and more nanoseconds than there is room for. */
        if (duration_cast<duration<double>>(limit) >= duration<double>(9e9))
            return wait();
        const auto ns = duration_cast<nanoseconds>(limit).count();
        return ::hazptr_cohort_barrier(&cohort_, ns > 0 ? static_cast<uint64_t>(ns) : 0) == 0;
    }

    /** For functions of <hazptr.h>. */
    ::hazptr_cohort *native_handle() noexcept { return &cohort_; }

private:
    ::hazptr_cohort cohort_ = HAZPTR_COHORT_INIT;
};

/**
 * What a class derives from, publicly and once, as `class T : public hazard_pointer_obj_base<T>`, so that
 * hazard pointers protect its objects. [saferecl.hp.base]
 *
 * @D can be default-constructed and move-assigned; called with a `T *` it ends the object. It may do all that
 * programs do: retire others, make and use hazard pointers. None of this may throw.
 */
template <class T, class D>
class hazard_pointer_obj_base
{
public:
    /**
     * Has the object reclaimed, by @d, when nobody protects it any more. It was made unreachable before,
     * and is retired once. Not while holding a lock that a deleter may take: it may call some, of other
     * objects. See hazptr_retire().
     */
    void retire(D d = D()) noexcept
    {
        ::hazptr_retire(&ready(std::move(d)), static_cast<T *>(this), reclaim);
    }

    /** The same, as one of @cohort. */
    void retire(cohort &of, D d = D()) noexcept
    {
        (void)::hazptr_retire_in(of.native_handle(), &ready(std::move(d)), static_cast<T *>(this),
                                 reclaim, 0);
    }

protected:
    hazard_pointer_obj_base() = default;
    hazard_pointer_obj_base(const hazard_pointer_obj_base &) = default;
    hazard_pointer_obj_base(hazard_pointer_obj_base &&) = default;
    hazard_pointer_obj_base &operator=(const hazard_pointer_obj_base &) = default;
    hazard_pointer_obj_base &operator=(hazard_pointer_obj_base &&) = default;
    ~hazard_pointer_obj_base() = default;

private:
    ::hazptr_head &ready(D &&d) noexcept
    {
        static_assert(is_hazard_protectable_v<T>,
                      "derive T from hazard_pointer_obj_base<T>, publicly and once");
        links_.get() = std::move(d);
        return links_.head;
    }

    static void reclaim(::hazptr_head *head) noexcept
    {
        T *const object = static_cast<T *>(head->addr);
        D deleter{};

        /* Out of the object, whose end it brings about. */
        deleter = std::move(static_cast<hazard_pointer_obj_base *>(object)->links_.get());
        deleter(object);
    }

    detail::links<D> links_;
};

/* What follows are objects, not functions, so that nobody finds them who has a function of such a name, and
 * calls it with an object whose class derives from one here. */

namespace detail
{

struct retire_function {
    template <class T, class D = std::default_delete<T>>
    void operator()(T *ptr, D d = D()) const
    {
        using node = retired_object<T, D>;

        if (ptr) {
            node *const made = new node{{}, ptr, std::move(d)};

            ::hazptr_retire(&made->head, const_cast<std::remove_cv_t<T> *>(ptr), node::reclaim);
        }
    }

    template <class T, class D = std::default_delete<T>>
    void operator()(cohort &of, T *ptr, D d = D()) const
    {
        using node = retired_object<T, D>;

        if (ptr) {
            node *const made = new node{{}, ptr, std::move(d)};

            (void)::hazptr_retire_in(of.native_handle(), &made->head,
                                     const_cast<std::remove_cv_t<T> *>(ptr), node::reclaim, 0);
        }
    }
};

struct synchronize_function {
    void operator()(const volatile void *ptr) const noexcept
    {
        ::hazptr_synchronize(const_cast<const void *>(ptr));
    }
};

struct barrier_function {
    [[nodiscard]] bool operator()() const noexcept { return ::hazptr_barrier() == 0; }
};

} // namespace detail

/**
 * retire(ptr, d = std::default_delete) has any object reclaimed, by @d, when nobody protects it any more:
 * as hazard_pointer_obj_base does, for a class that does not derive from it. It is protected by a guard,
 * or by hazptr_protect(). retire(cohort, ptr, d) does so as one of that cohort.
 *
 * Throws std::bad_alloc if there is no memory for its node, and what moving @d throws; then nothing is
 * retired. A null pointer is retired by doing nothing.
 */
inline constexpr detail::retire_function retire{};

/** synchronize(ptr) waits until nobody protects @ptr any more. See hazptr_synchronize(). */
inline constexpr detail::synchronize_function synchronize{};

/** barrier() waits until all that is retired is reclaimed. False, at once, in a deleter. */
inline constexpr detail::barrier_function barrier{};

/**
 * An object of any class, protected from here to the end of the scope: hazptr_acquire() and
 * hazptr_release(). Null if that is what was loaded.
 */
template <class T>
class guard
{
public:
    /** Loads @src, with acquire ordering, and protects what it points to. */
    explicit guard(const std::atomic<T *> &src) noexcept
        : object_(hazptr_detail::acquire(&ctx_, &src))
    {
    }

    /** Takes over what @other protects; @other is null then. */
    guard(guard &&other) noexcept
    {
        ctx_.slot = nullptr;
        take(other);
    }

    /** The same; what it protected before, it protects no more. */
    guard &operator=(guard &&other) noexcept
    {
        if (this != &other) {
            hazptr_release(&ctx_, object_);
            ctx_.slot = nullptr;
            take(other);
        }
        return *this;
    }

    ~guard() { hazptr_release(&ctx_, object_); }

    /** Another thread, or a handler, will destroy it: hazptr_detach(). For debug mode. */
    void detach() noexcept { hazptr_detach(&ctx_); }

    T *get() const noexcept { return object_; }
    std::add_lvalue_reference_t<T> operator*() const noexcept { return *object_; }
    T *operator->() const noexcept { return object_; }
    explicit operator bool() const noexcept { return object_ != nullptr; }

private:
    /* Protects nothing before. */
    void take(guard &other) noexcept
    {
        object_ = std::exchange(other.object_, nullptr);
        if (object_)
            hazptr_move(&ctx_, &other.ctx_);
    }

    ::hazptr_ctx ctx_;
    T *object_;
};

/** N hazard pointers that live and end together, usually on the stack. */
template <std::size_t N>
class local
{
    static_assert(N > 0, "at least one");

public:
    local() noexcept
    {
        for (hazard_pointer &each : all_)
            each.make();
    }

    local(const local &) = delete;
    local &operator=(const local &) = delete;

    hazard_pointer &operator[](std::size_t i) noexcept { return all_[i]; }
    static constexpr std::size_t size() noexcept { return N; }

private:
    hazard_pointer all_[N];
};

} // namespace hazptr

#endif // HAZPTR_HPP
