// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * An ordered map as a list without locks (Harris 2001, Michael 2002), and a hash map of such lists, by
 * the hazard pointers of C++26: with the standard library's own this needs nothing but `hp = std`.
 *
 * An element is removed in two steps. First the low bit of its own link is set: from then on it is not
 * in the map, and nobody links anything behind it. Then the link to it goes past it, by whoever comes
 * first; who has done that retires it.
 */
#ifndef ORDERED_MAP_HPP
#define ORDERED_MAP_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <hazptr/hazptr.hpp>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace example
{
namespace hp = ::hazptr;

/** Any number of threads at once. Keys are compared by `<`; values are copied out. */
template <class Key, class Value>
class ordered_map
{
    struct node : hp::hazard_pointer_obj_base<node> {
        node(Key k, Value v) : key(std::move(k)), value(std::move(v)) {}

        const Key key;
        const Value value;
        std::atomic<node *> next{nullptr};
    };

    static bool is_marked(node *link) { return reinterpret_cast<std::uintptr_t>(link) & 1; }
    static node *marked(node *link)
    {
        return reinterpret_cast<node *>(reinterpret_cast<std::uintptr_t>(link) | 1);
    }
    static node *without_mark(node *link)
    {
        return reinterpret_cast<node *>(reinterpret_cast<std::uintptr_t>(link) & ~std::uintptr_t(1));
    }

    /** Where a key is, or would be. The hazards are on the element that has the link, on the one it leads
     *  to, and on the one behind that, in any order. */
    struct position {
        hp::local<3> hazards;
        std::atomic<node *> *link;
        node *at;
        node *behind;
        std::size_t of_link = 0, of_at = 1, of_behind = 2;

        /** What a link leads to, with its mark; protected without it. */
        static node *protect(hp::hazard_pointer &hazard, const std::atomic<node *> &from)
        {
            node *seen = from.load(std::memory_order_relaxed), *now;

            for (;;) {
#ifdef ORDERED_MAP_UNPROTECTED /* For the test, which must notice. */
                return seen;
#endif
                hazard.reset_protection(without_mark(seen));
                now = from.load(std::memory_order_acquire);
                if (now == seen)
                    return seen;
                seen = now;
            }
        }

        void begin(std::atomic<node *> &head)
        {
            link = &head;
            at = protect(hazards[of_at], head);
        }

        void look_behind() { behind = protect(hazards[of_behind], at->next); }

        /** Past the element, which stays. */
        void step()
        {
            link = &at->next;
            std::swap(of_link, of_at);
            step_over();
        }

        /** Past the element, which does not. */
        void step_over()
        {
            at = without_mark(behind);
            std::swap(of_at, of_behind);
        }

        /** Makes the link lead past the element, whose own is marked. False if somebody else has changed
         *  something. */
        bool unlink()
        {
            node *expected = at;

            if (!link->compare_exchange_strong(expected, without_mark(behind),
                                               std::memory_order_acq_rel,
                                               std::memory_order_relaxed))
                return false;
            at->retire();
            return true;
        }
    };

public:
    ordered_map() = default;
    ordered_map(const ordered_map &) = delete;
    ordered_map &operator=(const ordered_map &) = delete;

    /** Nobody else uses it any more. */
    ~ordered_map()
    {
        node *next;

        for (node *each = head_.load(std::memory_order_relaxed); each; each = next) {
            next = without_mark(each->next.load(std::memory_order_relaxed));
            delete each;
        }
    }

    /** False if the key is there already. */
    bool insert(Key key, Value value)
    {
        auto made = std::make_unique<node>(std::move(key), std::move(value));
        position position;

        while (!find(position, made->key)) {
            node *expected = position.at;

            made->next.store(position.at, std::memory_order_relaxed);
            if (position.link->compare_exchange_strong(expected, made.get(),
                                                       std::memory_order_release,
                                                       std::memory_order_relaxed)) {
                made.release();
                return true;
            }
        }
        return false;
    }

    /** False if the key was not there. */
    bool erase(const Key &key)
    {
        position position;

        while (find(position, key)) {
            node *expected = position.behind;

            if (!position.at->next.compare_exchange_strong(
                    expected, marked(position.behind), std::memory_order_acq_rel,
                    std::memory_order_relaxed))
                continue;
            if (!position.unlink())
                find(position, key); /* Somebody does, by now. */
            return true;
        }
        return false;
    }

    std::optional<Value> get(const Key &key)
    {
        position position;

        if (!find(position, key))
            return std::nullopt;
        return position.at->value;
    }

private:
    /** Whether the key is there. Unlinks what is marked on the way. */
    bool find(position &position, const Key &key)
    {
        for (;;) {
            position.begin(head_);
            while (position.at) {
                position.look_behind();
                if (position.link->load(std::memory_order_acquire) != position.at)
                    break;
                if (is_marked(position.behind)) {
                    if (!position.unlink())
                        break;
                    position.step_over();
                } else if (position.at->key < key) {
                    position.step();
                } else {
                    return !(key < position.at->key);
                }
            }
            if (!position.at)
                return false;
        }
    }

    std::atomic<node *> head_{nullptr};
};

/** The same, of a fixed number of such lists. */
template <class Key, class Value, class Hash = std::hash<Key>>
class hash_map
{
public:
    explicit hash_map(std::size_t lists) : lists_(lists) {}

    bool insert(Key key, Value value)
    {
        ordered_map<Key, Value> &list = of(key);

        return list.insert(std::move(key), std::move(value));
    }

    bool erase(const Key &key) { return of(key).erase(key); }
    std::optional<Value> get(const Key &key) { return of(key).get(key); }

private:
    ordered_map<Key, Value> &of(const Key &key) { return lists_[Hash()(key) % lists_.size()]; }

    std::vector<ordered_map<Key, Value>> lists_;
};

} // namespace example

#endif // ORDERED_MAP_HPP
