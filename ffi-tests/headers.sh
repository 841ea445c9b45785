#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# The headers compile without a warning, all macros expanded, in every standard that programs use;
# and what is a mistake in a program does not.
#
# usage: headers.sh INCLUDE_DIR
set -eu

include=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
warnings="-Wall -Wextra -Wpedantic -Wcast-qual -Wconversion -Wshadow -Werror"

cat >"$dir/all.c" <<'EOF'
#include <hazptr.h>
#include <hazptr.h>
#include <hazptr/control.h>
#include <hazptr/control.h>

struct thing {
    int value;
};
struct opaque;

extern struct thing *plain, *volatile changing, *const constant, *table[4];
extern const struct thing *to_const, *volatile to_const_changing;
extern volatile struct thing *to_volatile;
extern struct opaque *incomplete;
extern void *untyped;
extern unsigned int use_acquire(struct hazptr_ctx *ctx);
extern int use_scoped(void);
extern int use_atomic(struct hazptr_ctx *ctx);
extern unsigned int use_constants(void);

unsigned int use_acquire(struct hazptr_ctx *ctx)
{
    struct hazptr_ctx fresh = HAZPTR_CTX_INIT;
    struct thing *a = HAZPTR_ACQUIRE(ctx, &plain), *b = HAZPTR_ACQUIRE(ctx, &changing);
    struct thing *c = HAZPTR_ACQUIRE(ctx, &constant), *d = HAZPTR_ACQUIRE(ctx, table + 1);
    const struct thing *e = HAZPTR_ACQUIRE(ctx, &to_const);
    const struct thing *f = HAZPTR_ACQUIRE(ctx, &to_const_changing);
    volatile struct thing *g = HAZPTR_ACQUIRE(ctx, &to_volatile);
    struct opaque *h = HAZPTR_ACQUIRE(ctx, &incomplete);
    void *i = HAZPTR_ACQUIRE(ctx, &untyped);

    hazptr_release(&fresh, NULL);
    hazptr_detach(ctx);
    return a == b && c == d && e == f && g && h == i;
}

int use_scoped(void)
{
    HAZPTR_SCOPED(outer, &plain);
    HAZPTR_SCOPED(beside, &to_const_changing);
    {
        HAZPTR_SCOPED(inner, &changing);
        if (inner != beside)
            return inner->value;
    }
    return outer ? outer->value : 0;
}

#ifdef __cplusplus
#define ATOMIC(T) std::atomic<T>
#else
#define ATOMIC(T) T _Atomic
#endif
#if defined(__cplusplus) || __STDC_VERSION__ >= 201112L
typedef struct thing *thing_pointer;
typedef const struct thing *const_thing_pointer;
extern ATOMIC(thing_pointer) atomic;
extern const ATOMIC(const_thing_pointer) atomic_to_const;

int use_atomic(struct hazptr_ctx *ctx)
{
    struct thing *a = HAZPTR_ACQUIRE(ctx, &atomic);
    const struct thing *b = HAZPTR_ACQUIRE(ctx, &atomic_to_const);
    HAZPTR_SCOPED(scoped, &atomic);
    return a == b && scoped;
}
#endif

unsigned int use_constants(void)
{
    unsigned int sum = HAZPTR_VERSION;

    sum += HAZPTR_MODE_RSEQ + HAZPTR_MODE_MEMBARRIER + HAZPTR_MODE_FENCE;
    sum += HAZPTR_HAS_SYNCHRONIZE + HAZPTR_HAS_STATS + HAZPTR_HAS_SCOPED;
    sum += HAZPTR_CONTROL_LAYOUT + HAZPTR_CONTROL_SIZE;
    sum += HAZPTR_LINE_SLOTS + HAZPTR_LINES_FIRST + HAZPTR_LINES_CHUNKS;
    sum += HAZPTR_LINE_UNUSED + HAZPTR_LINE_CURRENT + HAZPTR_LINE_PARKED + HAZPTR_LINE_SHARED;
    sum += hazptr_control_block()->magic == HAZPTR_CONTROL_MAGIC;
    sum += hazptr_control_block()->word >> HAZPTR_CONTROL_MODE_SHIFT;
    sum += hazptr_control_block()->word & HAZPTR_CONTROL_RELEASE_SLOW;
    return sum;
}
EOF

# Mistakes, one a line: each must be complained of.
cat >"$dir/mistakes.c" <<'EOF'
#include <hazptr.h>
extern struct hazptr_ctx *ctx;
extern int number, *pointer;
extern long word;
extern const int *to_const;
extern void *untyped;
extern void mistakes(void);
void mistakes(void)
{
    /**/ { int *p = HAZPTR_ACQUIRE(ctx, pointer); (void)p; }
    /**/ { void *p = HAZPTR_ACQUIRE(ctx, untyped); (void)p; }
    /**/ { HAZPTR_ACQUIRE(ctx, &number); }
    /**/ { HAZPTR_ACQUIRE(ctx, number); }
    /**/ { HAZPTR_ACQUIRE(*ctx, &pointer); }
    /**/ { char *p = HAZPTR_ACQUIRE(ctx, &pointer); (void)p; }
    /**/ { int *p = HAZPTR_ACQUIRE(ctx, &to_const); (void)p; }
    /**/ { HAZPTR_SCOPED(p, pointer); (void)p; }
    /**/ { HAZPTR_SCOPED(p, &pointer); p = NULL; }
    /**/ { long w = HAZPTR_ACQUIRE(ctx, &word); (void)w; }
}
EOF
echo '#include <hazptr/macros.h>' >"$dir/alone.c"

failed=0
compile() { # compile FILE [OPTION...]
	file=$1
	shift
	# shellcheck disable=SC2086
	"$compiler" -x "$language" -std="$standard" $warnings -I "$include" "$@" \
		-O1 -S -o /dev/null "$dir/$file" 2>"$dir/messages"
}

complain() { # complain MESSAGE
	echo "$compiler -std=$standard: $1"
	failed=1
}

must_compile() {
	if ! compile "$@"; then
		complain "does not compile cleanly"
		cat "$dir/messages"
	fi
}

must_not_compile() {
	if compile mistakes.c "$1"; then
		complain "all mistakes compile"
	fi
	for line in $(grep -n '/\*\*/' "$dir/mistakes.c" | cut -d: -f1); do
		grep -q "mistakes.c:$line:" "$dir/messages" ||
			complain "compiles cleanly:$(sed -n "${line}s/.*\*\///p" "$dir/mistakes.c")"
	done
	if compile alone.c; then
		complain "hazptr/macros.h compiles alone"
	fi
}

check() { # check COMPILER LANGUAGE NO_LIMIT STANDARD...
	compiler=$1 language=$2 no_limit=$3
	shift 3
	if ! command -v "$compiler" >/dev/null; then
		echo "$compiler is not here: not tried"
		return
	fi
	for standard; do
		must_compile all.c
	done
	must_compile all.c -DHAZPTR_WEAK
	must_not_compile "$no_limit"
}

check gcc c -fmax-errors=0 c99 c11 c17 gnu17
check clang c -ferror-limit=0 c99 c11 c17 gnu17
check g++ c++ -fmax-errors=0 c++11 c++14 c++17 c++20
check clang++ c++ -ferror-limit=0 c++11 c++14 c++17 c++20
exit $failed
