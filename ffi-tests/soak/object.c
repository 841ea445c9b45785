/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "object.h"

#define OBJECTS 8192
/* So many are looked at before the pool counts as empty. */
#define TRIES 512
/* One in so many times a pointer becomes NULL. */
#define NULL_ODDS 64

#define SOUND 0x600d600d600d600dul
#define POISON 0xdeadbeefdeadbeeful

static struct object objects[OBJECTS];
/* Where the next one is looked for: the one that was freed last is looked at last. */
static atomic_uint cursor;
static struct cell cells[CELLS];

static unsigned long sound_content(const struct object *object, unsigned long serial)
{
    return SOUND ^ (uintptr_t)object ^ serial << 32;
}

static const char *name(enum object_state state)
{
    static const char *const names[] = {"free", "live", "removed", "poisoned"};

    return state <= POISONED ? names[state] : "nonsense";
}

/* --- their lives ------------------------------------------------------------------------------ */

struct object *object_new(struct thread *me)
{
    enum object_state expected;
    struct object *object;
    int tries;

    for (tries = 0; tries < TRIES; tries++) {
        object = &objects[atomic_fetch_add(&cursor, 1) % OBJECTS];
        expected = FREE;
        if (!atomic_compare_exchange_strong(&object->state, &expected, LIVE))
            continue;
        object->content = sound_content(object, object->serial);
        count_one(me, ALLOCATED);
        return object;
    }
    count_one(me, POOL_EMPTY);
    return NULL;
}

static void change(struct object *object, enum object_state from, enum object_state to)
{
    enum object_state found = from;

    if (!atomic_compare_exchange_strong(&object->state, &found, to))
        complain("object %p is %s where it ought to be %s, to become %s", (void *)object,
             name(found), name(from), name(to));
}

void object_remove(struct object *object)
{
    change(object, LIVE, REMOVED);
}

void object_poison(struct object *object)
{
    change(object, REMOVED, POISONED);
    object->content = POISON;
    object->serial++;
}

void object_free(struct thread *me, struct object *object)
{
    if (object->state != POISONED)
        object_poison(object);
    count_one(me, FREED);
    change(object, POISONED, FREE);
}

unsigned int objects_in_use(void)
{
    unsigned int in_use = 0, i;

    for (i = 0; i < OBJECTS; i++)
        in_use += objects[i].state != FREE;
    return in_use;
}

/* --- pointers --------------------------------------------------------------------------------- */

struct cell *cell_any(unsigned int random)
{
    return &cells[random % CELLS];
}

bool cell_is_tagged(const struct cell *cell)
{
    return (cell - cells) % 2;
}

static struct object *cell_exchange(struct cell *cell, void *pointer)
{
    struct object *old = without_tags(atomic_exchange(&cell->pointer, pointer));

    if (old)
        object_remove(old);
    return old;
}

struct object *cell_replace(struct thread *me, struct cell *cell)
{
    struct object *object = NULL;

    if (!one_in(me, NULL_ODDS)) {
        object = object_new(me);
        if (!object)
            return NULL;
    }
    /* Tags alone are as good as NULL. */
    if (cell_is_tagged(cell))
        return cell_exchange(cell, (void *)((uintptr_t)object | draw(me, TAGS + 1)));
    return cell_exchange(cell, object);
}

struct object *cell_clear(struct cell *cell)
{
    return cell_exchange(cell, NULL);
}

/* --- looking ---------------------------------------------------------------------------------- */

struct view view_of(void *pointer)
{
    struct view view = {without_tags(pointer), 0};

    if (view.object)
        view.serial = view.object->serial;
    return view;
}

void view_check(const struct view *view, const char *where)
{
    const struct object *object = view->object;
    unsigned long serial, content;
    enum object_state state;

    /* A child's memory is not of one moment: a pointer may be older than what it leads to. */
    if (!object || in_child)
        return;
    state = object->state;
    content = object->content;
    serial = object->serial;
    if ((state == LIVE || state == REMOVED) && serial == view->serial &&
        content == sound_content(object, serial))
        return;
    complain("use after free: object %p, held %s, is %s: content %lx, poisoned %lu times, %lu when"
         " acquired; in %s",
         (const void *)object, where, name(state), content, serial, view->serial,
         thread_self()->doing);
}
