#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
set -uo pipefail
cd "$(dirname "$0")" || exit

usage() {
	cat <<'END'
usage: models/loom/run.sh [--all] [TEST...]

Runs the engine under loom: each test in every interleaving, and with every value that a load may see,
with at most 1 to 3 preemptions of threads in one execution. TEST: how a test's name begins (held::).

  --all    without that bound, one test after the other, LIMIT (600) seconds each; says what came to an end
  --help   this text

Also looks whether the engine leaves to src/sync.rs what is different there.
Exit status: 0 all hold; 1 one does not, or with --all came to no end; 2 for wrong arguments.
END
}

all=
tests=()
for argument; do
	case $argument in
	--all) all=yes ;;
	--help | -h) usage && exit ;;
	-*)
		echo "run.sh: no such option: $argument; see --help" >&2
		exit 2
		;;
	*) tests+=("$argument") ;;
	esac
done
# One that is empty is part of every name.
[ "${#tests[@]}" -gt 0 ] || tests=('')

# The seam is one file; elsewhere the engine neither knows of loom nor goes around it.
if grep -rn 'cfg.*loom' ../../src --include='*.rs' | grep -v '/src/sync\.rs:'; then
	echo 'run.sh: cfg(loom) is for src/sync.rs alone' >&2
	exit 1
fi
if grep -rnE 'sync::atomic|core::cell::UnsafeCell|crossbeam_utils::Backoff' ../../src --include='*.rs' |
	sed '/\/src\/\(sync\|wide\)\.rs:/d' | grep -v 'use std::sync::atomic'; then
	echo 'run.sh: these are not of crate::sync, so that loom does not see them' >&2
	exit 1
fi

export RUSTFLAGS='--cfg loom' CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-../../target/loom} HAZPTR_PREEMPTIONS
cargo=(cargo test --quiet --locked --lib)
if [ -z "$all" ]; then
	unset HAZPTR_PREEMPTIONS
	exec "${cargo[@]}" -- --show-output --test-threads 1 "${tests[@]/#/sync::tests::}"
fi

HAZPTR_PREEMPTIONS=all
mapfile -t names < <("${cargo[@]}" -- --list "${tests[@]/#/sync::tests::}" | sed -n 's/: test$//p')
[ "${#names[@]}" -gt 0 ] || exit 1
trap 'exit 130' INT
status=0
for name in "${names[@]}"; do
	start=$EPOCHSECONDS
	output=$(timeout "${LIMIT:-600}" "${cargo[@]}" -- --nocapture --exact "$name" 2>&1)
	case $? in
	0) outcome='to its end' ;;
	124) outcome='no end' status=1 ;;
	*) outcome=FAILED status=1 ;;
	esac
	executions=$(sed -n 's/^\.*\([0-9]*\) executions.*/\1/p' <<<"$output" | awk '{ n += $1 } END { print n }')
	printf '%-78s %-10s %10s executions %5d s\n' "${name#sync::tests::}" "$outcome" \
		"${executions:-?}" $((EPOCHSECONDS - start))
	[ "$outcome" != FAILED ] || printf '%s\n' "$output"
done
exit "$status"
