/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Every macro of the headers does what its comment says: HAZPTR_ACQUIRE has exactly the pointer's
 * type and evaluates its arguments once; HAZPTR_SCOPED releases however its scope is left.
 */
#include "check.h"

struct thing {
    int value;
};

struct opaque;

#ifdef __cplusplus
#include <type_traits>
#define HOLDS(condition) static_assert(condition, #condition)
#define IS(expression, type) (std::is_same<decltype(expression), type>::value)
typedef std::atomic<struct thing *> atomic_thing;
typedef std::atomic<const struct thing *> atomic_const_thing;
typedef std::atomic<volatile struct thing *> atomic_volatile_thing;
#else
#define HOLDS(condition) _Static_assert(condition, #condition)
/* By way of a pointer, which keeps the qualifiers that a value loses. */
#define IS(expression, type) _Generic((__typeof__(expression) *)0, type * : 1, default : 0)
typedef struct thing *_Atomic atomic_thing;
typedef const struct thing *_Atomic atomic_const_thing;
typedef volatile struct thing *_Atomic atomic_volatile_thing;
#endif

static struct thing thing = {42};
static struct thing *plain = &thing;
static struct thing *const constant = &thing;
static struct thing *volatile changing = &thing;
static const struct thing *to_const = &thing;
static const struct thing *const volatile to_const_changing = &thing;
static volatile struct thing *to_volatile = &thing;
static void *untyped = &thing;
static struct opaque *incomplete;
static struct thing *table[2] = {&thing, &thing};
static atomic_thing atomic;
static atomic_const_thing atomic_to_const;
static atomic_volatile_thing atomic_to_volatile;
static struct thing *null;

static struct hazptr_ctx ctx = HAZPTR_CTX_INIT;

HOLDS(IS(HAZPTR_ACQUIRE(&ctx, &plain), struct thing *));
HOLDS(IS(HAZPTR_ACQUIRE(&ctx, &constant), struct thing *));
HOLDS(IS(HAZPTR_ACQUIRE(&ctx, &changing), struct thing *));
HOLDS(IS(HAZPTR_ACQUIRE(&ctx, &to_const), const struct thing *));
HOLDS(IS(HAZPTR_ACQUIRE(&ctx, &to_const_changing), const struct thing *));
HOLDS(IS(HAZPTR_ACQUIRE(&ctx, &to_volatile), volatile struct thing *));
HOLDS(IS(HAZPTR_ACQUIRE(&ctx, &untyped), void *));
HOLDS(IS(HAZPTR_ACQUIRE(&ctx, &incomplete), struct opaque *));
HOLDS(IS(HAZPTR_ACQUIRE(&ctx, table), struct thing *));
HOLDS(IS(HAZPTR_ACQUIRE(&ctx, &atomic), struct thing *));
HOLDS(IS(HAZPTR_ACQUIRE(&ctx, &atomic_to_const), const struct thing *));
HOLDS(IS(HAZPTR_ACQUIRE(&ctx, &atomic_to_volatile), volatile struct thing *));

#if !HAZPTR_HAS_SYNCHRONIZE || !HAZPTR_HAS_STATS || !HAZPTR_HAS_SCOPED
#error "this header offers them"
#endif
HOLDS(HAZPTR_VERSION ==
      HAZPTR_VERSION_MAJOR * 65536 + HAZPTR_VERSION_MINOR * 256 + HAZPTR_VERSION_PATCH);

static unsigned long held(void)
{
    return check_stats().held;
}

#define ACQUIRES(pp)                                                                               \
    do {                                                                                           \
        CHECK(HAZPTR_ACQUIRE(&ctx, (pp)) == &thing);                                               \
        CHECK_EQ(held(), 1);                                                                       \
        hazptr_release(&ctx, &thing);                                                              \
        CHECK_EQ(held(), 0);                                                                       \
    } while (0)

static void acquire_takes_every_kind_of_pointer(void)
{
    atomic = &thing;
    atomic_to_const = &thing;
    atomic_to_volatile = &thing;
    ACQUIRES(&plain);
    ACQUIRES(&constant);
    ACQUIRES(&changing);
    ACQUIRES(&to_const);
    ACQUIRES(&to_const_changing);
    ACQUIRES(&to_volatile);
    ACQUIRES(&untyped);
    ACQUIRES(table + 1);
    ACQUIRES(&atomic);
    ACQUIRES(&atomic_to_const);
    ACQUIRES(&atomic_to_volatile);
    CHECK(!HAZPTR_ACQUIRE(&ctx, &incomplete));
}

static int contexts_asked, pointers_asked;

static struct hazptr_ctx *a_context(void)
{
    contexts_asked++;
    return &ctx;
}

static struct thing **a_pointer(void)
{
    pointers_asked++;
    return &plain;
}

static void arguments_are_evaluated_once(void)
{
    CHECK(HAZPTR_ACQUIRE(a_context(), a_pointer()) == &thing);
    CHECK_EQ(contexts_asked, 1);
    CHECK_EQ(pointers_asked, 1);
    hazptr_release(&ctx, &thing);
    {
        HAZPTR_SCOPED(t, a_pointer());
        CHECK(t == &thing);
        CHECK_EQ(pointers_asked, 2);
    }
    CHECK_EQ(held(), 0);
}

static void initialised_context_may_be_released(void)
{
    struct hazptr_ctx fresh = HAZPTR_CTX_INIT;
    static const struct hazptr_ctx zero = HAZPTR_CTX_INIT;
    const unsigned char *bytes = (const unsigned char *)&zero;
    size_t i;

    hazptr_release(&fresh, NULL);
    for (i = 0; i < sizeof(zero); i++)
        CHECK_EQ(bytes[i], 0);
}

static int left_by_return(void)
{
    HAZPTR_SCOPED(t, &plain);

    CHECK_EQ(held(), 1);
    return t->value;
}

static void left_by_loops(void)
{
    int i;

    for (i = 0; i < 3; i++) {
        HAZPTR_SCOPED(t, &to_const);

        CHECK_EQ(held(), 1);
        if (i == 0)
            continue;
        CHECK_EQ(t->value, 42);
        break;
    }
    CHECK_EQ(held(), 0);
}

static void left_by_goto(void)
{
    int again = 2;

repeat:
    CHECK_EQ(held(), 0);
    {
        HAZPTR_SCOPED(t, &changing);

        CHECK_EQ(t->value, 42);
        CHECK_EQ(held(), 1);
        if (again-- > 0)
            goto repeat;
        goto out;
    }
out:
    CHECK_EQ(held(), 0);
}

static void nested_and_side_by_side(void)
{
    HAZPTR_SCOPED(outer, &plain);

    CHECK_EQ(held(), 1);
    {
        HAZPTR_SCOPED(first, &atomic);
        HAZPTR_SCOPED(second, &to_const_changing);

        CHECK_EQ(held(), 3);
        CHECK(first == second && first == outer);
        if (first) {
            HAZPTR_SCOPED(innermost, table);

            CHECK(innermost == outer);
            CHECK_EQ(held(), 4);
        }
        CHECK_EQ(held(), 3);
    }
    CHECK_EQ(held(), 1);
}

static void of_null(void)
{
    HAZPTR_SCOPED(t, &null);

    CHECK(!t);
    CHECK_EQ(held(), 0);
}

#ifdef __cplusplus
static void throw_out_of_scope()
{
    HAZPTR_SCOPED(t, &plain);

    CHECK_EQ(held(), 1);
    throw t->value;
}

static void left_by_exception()
{
    try {
        throw_out_of_scope();
        CHECK(!"reached");
    } catch (int value) {
        CHECK_EQ(value, 42);
    }
    CHECK_EQ(held(), 0);
}

static struct thing *const *no_such_thing()
{
    throw 43;
}

static void try_to_acquire()
{
    HAZPTR_SCOPED(t, no_such_thing());

    CHECK(!t);
}

/* What the next call finds in place of a context that was never initialised. */
static void soil_the_stack(void *victim)
{
    void *volatile words[64];
    unsigned int i;

    for (i = 0; i < 64; i++)
        words[i] = victim;
    (void)words;
}

static void not_entered_for_an_exception()
{
    long victim = 42;

    try {
        soil_the_stack(&victim);
        try_to_acquire();
        CHECK(!"reached");
    } catch (int value) {
        CHECK_EQ(value, 43);
    }
    CHECK_EQ(victim, 42);
    CHECK_EQ(held(), 0);
}
#else
static void left_by_exception(void)
{
}

static void not_entered_for_an_exception(void)
{
}
#endif

int main(void)
{
    check_mode();
    acquire_takes_every_kind_of_pointer();
    arguments_are_evaluated_once();
    initialised_context_may_be_released();
    CHECK_EQ(left_by_return(), 42);
    CHECK_EQ(held(), 0);
    left_by_loops();
    left_by_goto();
    nested_and_side_by_side();
    CHECK_EQ(held(), 0);
    of_null();
    left_by_exception();
    not_entered_for_an_exception();
    return 0;
}
