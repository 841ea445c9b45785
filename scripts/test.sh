#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# `make test`: everything that can fail without a clock. Ends with what took longest and the counts.
set -uo pipefail
cd "$(dirname "$0")/.."

build=build/test
times=$(mktemp)
log=$(mktemp)
trap 'rm -f "$times" "$log"' EXIT
passed=0 failed=0 skipped=0

# part NAME COMMAND...: runs it, quietly unless it fails, and notes how long it took.
part() {
	local name=$1 start=$EPOCHREALTIME status
	shift
	printf '%-44s' "$name"
	if "$@" >"$log" 2>&1; then status=ok; else status=FAILED; fi
	local seconds
	seconds=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
	printf '%-7s %6s s\n' "$status" "$seconds"
	echo "$seconds $name" >>"$times"
	if [ "$status" = ok ]; then
		return 0
	fi
	cat "$log"
	failed=$((failed + 1))
	return 1
}

# Counts are taken from what each runner says of itself.
count_cargo() {
	local n
	n=$(sed -n 's/^test result: .* \([0-9]*\) passed.*/\1/p' "$log" | awk '{ n += $1 } END { print n + 0 }')
	passed=$((passed + n))
}

count_ctest() {
	local lines
	lines=$(grep -E '^ *[0-9]+/[0-9]+ Test +#' "$log")
	passed=$((passed + $(grep -c ' Passed ' <<<"$lines")))
	skipped=$((skipped + $(grep -c 'Skipped' <<<"$lines")))
	grep 'Skipped' <<<"$lines" && echo "(each says why: ctest --test-dir $build -V -R NAME)"
	sed -nE 's/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: ([^ ]+) .* ([0-9.]+) sec.*/\2 \1/p' <<<"$lines" >>"$times"
}

scripts/setup.sh cmake c++ pkg-config spin valgrind clang || exit 1

part 'Rust unit tests, generated header' cargo test --locked && count_cargo
part 'build' sh -c "cmake -S . -B $build -DCMAKE_BUILD_TYPE=RelWithDebInfo &&
	cmake --build $build -j$(nproc)" && passed=$((passed + 1))
part 'C and C++ tests' ctest --test-dir $build --output-on-failure -j"$(nproc)"
count_ctest
part 'models and their mutants' models/run.sh &&
	passed=$((passed + $(sed -n 's/^models: \([0-9]*\) passed.*/\1/p' "$log")))

echo
echo 'The five slowest parts:'
sort -rn "$times" | awk '!/ (C and C\+\+ tests|build)$/' | head -5 | sed 's/^\([0-9.]*\) /  \1 s  /'
echo
echo "tests: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
