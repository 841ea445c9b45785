#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# `make torture`: runs hazptrtorture in every scenario of ffi-tests/torture/scenarios.
set -euo pipefail
cd "$(dirname "$0")/.."

table=ffi-tests/torture/scenarios
duration=${DURATION:-10}
build=${BUILD:-build/torture}
# Scenarios may override these. A halt and a move must fit into a short run.
common=(verbose=0 stat_interval=0 stutter=2 shuffle_interval=1)

usage() {
	cat <<END
usage: [DURATION=seconds] [BUILD=directory] scripts/torture.sh [PATTERN...]
       scripts/torture.sh --list

Runs the scenarios of $table, each for DURATION seconds (now $duration), or those
whose names match a shell PATTERN. Builds the programs into build/torture, or takes those of the
cmake build that BUILD names. Ctrl-C ends the run, with its table.

Exit status: 0 all passed, 1 some failed, 2 wrong usage, 130 interrupted.
END
}
die() {
	echo "torture.sh: $*" >&2
	exit 2
}

# The table's lines without comments; all of them, or those whose name matches one of $@.
scenarios() {
	local name words pattern
	while read -r name words; do
		for pattern in "${@:-*}"; do
			# shellcheck disable=SC2053 # it is a pattern
			if [[ $name == $pattern ]]; then
				echo "$name $words"
				break
			fi
		done
	done < <(sed -E 's/#.*//; /^[[:space:]]*$/d' $table)
}

case ${1-} in
--help)
	usage
	exit
	;;
--list)
	[ $# = 1 ] || die 'nothing goes with --list'
	scenarios
	exit
	;;
-*) die "no such option: $1; see --help" ;;
esac
[[ $duration =~ ^[1-9][0-9]*$ ]] || die "DURATION=$duration: not a number of seconds"
mapfile -t selected < <(scenarios "$@")
[ ${#selected[@]} -gt 0 ] || die "no scenario matches $*; see --list"

# --- the programs --------------------------------------------------------------------------------

if [ -z "${BUILD-}" ]; then
	scripts/setup.sh cmake c++
	mkdir -p "$build"
	log=$build/build.log
	{ cmake -S . -B "$build" -DHAZPTR_TESTS=ON && cmake --build "$build" -j"$(nproc)" --target \
		hazptrtorture hazptrtorture-{delayed,busted-fence,busted-widened}; } >"$log" 2>&1 ||
		{ cat "$log" >&2 && exit 2; }
fi
program_path() {
	if [ -z "$1" ]; then
		echo "$build/ffi-tests/torture/hazptrtorture"
	else
		echo "$build/ffi-tests/hazptrtorture-$1"
	fi
}
for program in "" delayed busted-fence busted-widened; do
	[ -x "$(program_path "$program")" ] || die "$(program_path "$program") is missing"
done

# --- one scenario --------------------------------------------------------------------------------

logs=$build/torture-logs
mkdir -p "$logs"
passed=0 failed=0 interrupted='' child=''

# The program ends with a verdict; the table goes on to its last line.
interrupt() {
	interrupted=yes
	if [ -n "$child" ]; then kill -INT "$child" 2>/dev/null || true; fi
}
trap interrupt INT TERM

# A number or word of the record.
member() { sed -nE "s/^  \"$1\": \"?([^\",]*)\"?,?\$/\1/p" "$record"; }

# What is wrong with the run; nothing if it passes.
objection() {
	local count
	if [ "$status" != "$expected" ]; then
		echo "exit status $status where $expected was expected"
		return
	fi
	for count in updates acquired ${seen//,/ }; do
		[ "$(member "$count")" != 0 ] || echo "no $count"
	done
}

# Starts the program and waits for it. In a session of its own: Ctrl-C is for this script alone,
# which passes it on once. Sets $status.
run_program() {
	setsid "$@" &
	child=$!
	status=0
	wait $child || status=$?
	# A trapped signal ends the wait, not the program.
	while [ -n "$(jobs -pr)" ]; do
		status=0
		wait $child || status=$?
	done
	child=
}

print_row() {
	printf ' %-10s %9s %10s %8s %8s %8s %7s  %s\n' "$(member library_mode)" "$(member updates)" \
		"$(member acquired)" "$(member deferred)" "$(member acquired_irq)" \
		"$(member released_irq)" "$(member pipe_errors)" "$1"
}

# run LINE, a line of the table.
run() {
	local name words word program='' expected=0 seen='' parameters=() status why length
	read -r name words <<<"$1"
	for word in $words; do
		case $word in
		program=*) program=${word#*=} ;;
		expect=FAILURE) expected=1 seen=pipe_errors ;;
		seen=*) seen=${word#*=} ;;
		*) parameters+=("$word") ;;
		esac
	done
	local log=$logs/$name.log record=$logs/$name.json

	printf '%-22s' "$name"
	# On a machine that is busy with other things a short run may show nothing: then a longer one.
	for length in "$duration" $((5 * duration)); do
		: >"$record"
		run_program "$(program_path "$program")" "shutdown_secs=$length" "${common[@]}" \
			"${parameters[@]}" --json "$record" --quiet >"$log" 2>&1
		why=$(objection)
		[[ -z $interrupted && $why == no\ * ]] || break
	done
	if [ -z "$why" ]; then
		passed=$((passed + 1))
		print_row "$(member verdict)$([ "$expected" = 0 ] || echo ', as it must')"
		rm -f "$log" "$record"
	elif [ -n "$interrupted" ] && [ "$(member verdict)" = SUCCESS ]; then
		print_row interrupted
	else
		failed=$((failed + 1))
		print_row "$(member verdict)"
		echo "    FAILED: ${why//$'\n'/, }; see $log"
	fi
}

printf '%-22s %-10s %9s %10s %8s %8s %8s %7s  %s\n' scenario mode updates acquires deferred \
	'irq acq' 'irq rel' errors verdict
for line in "${selected[@]}"; do
	[ -z "$interrupted" ] || break
	run "$line"
done

echo
echo "torture: $passed passed, $failed failed"
[ "$failed" = 0 ] || exit 1
[ -z "$interrupted" ] || exit 130
