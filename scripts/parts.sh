# shellcheck shell=bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# For scripts that run one part after another and count what passed: to be sourced.

times=$(mktemp)
log=$(mktemp)
trap 'rm -f "$times" "$log"' EXIT
# Not on to the next part.
trap 'exit 130' INT
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

# count_ctest BUILD. part() has counted one failure, whatever the number.
count_ctest() {
	local lines failures
	lines=$(grep -E '^ *[0-9]+/[0-9]+ Test +#' "$log")
	failures=$(grep -cE '\*\*\*(Failed|Timeout|Exception|Not Run)' <<<"$lines")
	passed=$((passed + $(grep -c ' Passed ' <<<"$lines")))
	failed=$((failed + (failures > 1 ? failures - 1 : 0)))
	skipped=$((skipped + $(grep -c 'Skipped' <<<"$lines")))
	grep 'Skipped' <<<"$lines" && echo "(each says why: ctest --test-dir $1 -V -R NAME)"
	sed -nE 's/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: ([^ ]+) .* ([0-9.]+) sec.*/\2 \1/p' <<<"$lines" >>"$times"
}
