#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# The code in docs/from-rcu.md, both sides of it, is compiled and run; and the right-hand side, changed in one
# place after another, fails.
#
# usage: test.sh SOURCE LIBRARY_DIR
set -eu
here=$1/ffi-tests/from-rcu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build SIDE DOCUMENT FLAGS...: into $work/SIDE
build() {
	side=$1 text=$2
	shift 2
	awk -v side="$side" -f "$here/extract.awk" "$text" >"$work/$side.inc"
	"${CC:-cc}" -std=gnu11 -O2 -g -Wall -Wextra -Werror -I"$work" -I"$here" -o "$work/$side" \
		"$here/$side.c" "$here/main.c" "$@" -pthread
}
hazptr() {
	build hazptr "$1" -I"$root/include" -L"$libraries" -Wl,-rpath,"$libraries" -lhazptr
}
root=$1 libraries=$2
document=$root/docs/from-rcu.md

[ "$(grep -c '^```c rcu' "$document")" = "$(grep -c '^```c hazptr' "$document")" ]
hazptr "$document"
"$work/hazptr"
echo 'the hazptr side: right'
if echo '#include <urcu.h>' | "${CC:-cc}" -E - >/dev/null 2>&1; then
	build rcu "$document" -lurcu
	"$work/rcu"
	echo 'the RCU side: right'
fi

# fails WHAT SED_SCRIPT [ARGUMENT]: within some runs, for it takes a reader in the wrong moment.
fails() {
	sed "$2" "$document" >"$work/changed.md"
	if cmp -s "$document" "$work/changed.md"; then
		echo "FAILED: $1: nothing is changed"
		exit 1
	fi
	hazptr "$work/changed.md"
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		if ! timeout 20 "$work/hazptr" ${3-} >"$work/log" 2>&1; then
			echo "$1: noticed: $(head -1 "$work/log")"
			return
		fi
	done
	echo "FAILED: $1: not noticed"
	exit 1
}
fails 'no wait' '/hazptr_synchronize(old);$/d'
fails 'a callback at once' 's/hazptr_retire(&old->hazptr, old, config_free)/config_free(\&old->hazptr)/'
fails 'kept without a hazard' 's/session ? take_your_time(session)/(hazptr_release(\&ctx, session), session) ? take_your_time(session)/'
fails 'a node that is retired without its mark' 's/marked(next), memory_order_release/is_marked(marked(next)) ? next : NULL, memory_order_release/' list
fails 'the cohort is not waited for' 's/^    hazptr_cohort_barrier(&list_cohort, HAZPTR_FOREVER);//'
