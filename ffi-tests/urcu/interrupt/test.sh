#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Signal handlers at each instruction of a lock and an unlock: test.sh SOURCE_DIR LIB_DIR PROGRAM. Then the same
# with libraries in which something is in the wrong order: each must be noticed.
set -euo pipefail

source=$1 lib=$2 program=$3
# shellcheck source=ffi-tests/urcu/broken.sh
. "$source/ffi-tests/urcu/broken.sh"

list() { # LIBRARY: its instructions
	objdump -d --no-show-raw-insn "$1" | awk '
		/^[0-9a-f]+ <.*>:$/ { name = substr($2, 2, length($2) - 3) }
		/^ +[0-9a-f]+:\t/ && name ~ /^(hazptr_rcu_read_(un)?lock(_slow_1)?|protect|unprotect|set_reader|set_taken)(\.|$)/ {
			sub(/:.*/, "", $1); print name, $1 }'
	# The abort handlers, and what gcc thinks unlikely, have names of their own or none: the sequences only return there.
}

list "$lib/libhazptr-urcu.so.0" >"$work/list"
[ "$(wc -l <"$work/list")" -ge 60 ] || fail "objdump lists $(wc -l <"$work/list") instructions"
for mode in rseq membarrier fence; do
	HAZPTR_EXPECT=$mode HAZPTR_MODE=$mode "$program" "$work/list" || fail "mode $mode"
	HAZPTR_EXPECT=$mode HAZPTR_MODE=$mode "$program" "$work/list" fork || fail "mode $mode, fork"
done
HAZPTR_MAX_LINES=0 "$program" "$work/list" || fail 'without lines'

# run_broken MODE FILE PERL: the sources so changed, in that mode.
run_broken() {
	broken "$2" "$3"
	list "$work/libhazptr-urcu.so.0" >"$work/list"
	HAZPTR_MODE=$1 LD_LIBRARY_PATH=$work:$lib timeout 60 "$program" "$work/list" >"$work/out" 2>&1
}

# control NAME MODE FILE PERL: it must be noticed.
control() {
	local name=$1
	shift
	if run_broken "$@"; then
		cat "$work/out"
		fail "control $name: not noticed"
	fi
	grep -m1 'check failed' "$work/out" >"$work/noticed" || {
		cat "$work/out"
		fail "control $name: no check failed"
	}
	printf '  %s: %s\n' "$name" "$(cat "$work/noticed")"
}

fast=include/hazptr/urcu-inline.h slow=urcu/reader.c
# A library that is right must not be taken for a wrong one, or the rest shows nothing.
run_broken rseq $fast 's/The word first, for the same reason/As it was/' || {
	cat "$work/out"
	fail 'a library in which nothing is wrong'
}
control 'the word before the slot' rseq $fast \
	's/(    slot = hazptr_slot_take_inlined)/    __atomic_store_n(&hazptr_rcu_reader_1, 1, __ATOMIC_RELAXED);\n$1/'
control 'the slot before the word' rseq $fast \
	's/(        __atomic_store_n\(&hazptr_rcu_reader_1, 0.*?;\n)(.*?\n#ifdef HAZPTR_INLINED\n.*?;\n)/$2$1/s'
control 'the word before the acquire' fence $slow \
	's/(\tcontext->epoch = .*?;\n)(\tset_reader.*?;\n)/$2$1/s'
control 'the release before the word' fence $slow \
	's/(\tset_reader\(0\);\n)(\t\(hazptr_release\).*?;\n)/$2$1/s'
control 'one context for all' fence $slow 's/set_taken\(mine \+ 1\)/set_taken(mine)/'
