#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# In mode fence the library issues no membarrier and no rseq: a program that uses it has as many of
# these calls as the same program without it, where libc registers each thread for rseq. In mode
# rseq there is a membarrier, or this would show nothing.
#
#     fence-is-silent.sh PROGRAM-WITH PROGRAM-WITHOUT
set -euo pipefail

[ $# = 2 ] || {
	echo "usage: $0 PROGRAM-WITH PROGRAM-WITHOUT" >&2
	exit 2
}
with=$1 without=$2

command -v strace >/dev/null || {
	echo 'skipped: strace is missing: apt-get install strace'
	exit 77
}
log=$(mktemp) errors=$(mktemp)
trap 'rm -f "$log" "$errors"' EXIT
strace -f -o "$log" true 2>"$errors" || {
	echo "skipped: strace cannot trace here: $(head -n1 "$errors")"
	exit 77
}

# calls NAME COMMAND...: how many of one system call a command issues, all of its threads together.
calls() {
	local name=$1
	shift
	strace -f -e "trace=$name" -e signal=none -o "$log" "$@" || {
		echo "failed: $*" >&2
		exit 1
	}
	grep -c "$name(" "$log" || true
}

# expect WHAT FOUND EXPECTED
expect() {
	[ "$2" = "$3" ] || {
		echo "failed: $1: $2 calls, expected $3" >&2
		exit 1
	}
}

registered=$(calls rseq "$without")
export HAZPTR_MODE=fence HAZPTR_EXPECT=fence
expect 'rseq in mode fence' "$(calls rseq "$with")" "$registered"
expect 'membarrier in mode fence' "$(calls membarrier "$with")" 0

export HAZPTR_MODE=rseq HAZPTR_EXPECT=rseq
[ "$(calls membarrier "$with")" != 0 ] || {
	echo 'failed: no membarrier in mode rseq: so this check sees none' >&2
	exit 1
}
