#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# `make soak`: the soak program in each mode; beside it hazptrtorture, one scenario after another.
set -euo pipefail
cd "$(dirname "$0")/.."

duration=${DURATION:-1200}
build=${BUILD:-build/soak}
# The last is an engine that loses time at random where that hurts most.
modes=(rseq membarrier fence no-lines delayed)
controls=(no-barrier lose-one)

usage() {
	cat <<END
usage: [DURATION=seconds] [BUILD=directory] scripts/soak.sh

For DURATION seconds (now $duration) two things at the same time: the soak program, for an equal part
of that in each mode: ${modes[*]}; and hazptrtorture in every
scenario but its controls, one after the other, again and again. Then the soak's own controls, which
must fail. Ends with a table, which is also kept in soak-logs/table of the build directory.

Builds the programs into build/soak, or takes those of the cmake build that BUILD names. Ctrl-C ends
the run, with its table.

Exit status: 0 all passed, 1 some failed, 2 wrong usage, 130 interrupted.
END
}
die() {
	echo "soak.sh: $*" >&2
	exit 2
}

if [ "${1-}" = --help ]; then
	usage
	exit
fi
[ $# = 0 ] || die "no such argument: $1; see --help"
[[ $duration =~ ^[1-9][0-9]*$ && $duration -ge 20 ]] ||
	die "DURATION=$duration: not a number of seconds, at least 20"

# --- the programs --------------------------------------------------------------------------------

if [ -z "${BUILD-}" ]; then
	scripts/setup.sh cmake c++
	mkdir -p "$build"
	log=$build/build.log
	echo "soak: building into $build"
	{ cmake -S . -B "$build" -DHAZPTR_TESTS=ON && cmake --build "$build" -j"$(nproc)" --target \
		soak soak-delayed soak-weakened hazptrtorture \
		hazptrtorture-{delayed,busted-fence,busted-widened}; } >"$log" 2>&1 ||
		{ cat "$log" >&2 && exit 2; }
fi
for program in soak soak-delayed soak-weakened; do
	[ -x "$build/ffi-tests/soak/$program" ] || die "$build/ffi-tests/soak/$program is missing"
done

logs=$build/soak-logs
rm -rf "$logs"
mkdir -p "$logs"

# --- two lanes, with one process each ------------------------------------------------------------

# What each is at, its process and its log; nothing if it is at nothing.
soak_at='' soak_pid='' torture_at='' torture_pid=''
soak_rows=() torture_rows=()
passed=0 failed=0 interrupted=''

# The programs are in sessions of their own: Ctrl-C is for this script, which passes it on. To
# torture.sh as TERM, for what is started in the background ignores INT.
interrupt() {
	interrupted=yes
	if [ -n "$soak_pid" ]; then kill -TERM "$soak_pid" 2>/dev/null || true; fi
	if [ -n "$torture_pid" ]; then kill -TERM "$torture_pid" 2>/dev/null || true; fi
}
trap interrupt INT TERM

elapsed() { echo $((SECONDS - start)); }

is_over() { ! kill -0 "$1" 2>/dev/null; }

# Sets $status to how a process that is over has ended.
status_of() {
	status=0
	wait "$1" || status=$?
}

# --- the soak ------------------------------------------------------------------------------------

soak_log() { echo "$logs/soak-$soak_at.log"; }

# soak_start WHAT: a mode, or a control.
soak_start() {
	local program=soak environment=() options=(--seconds $((duration / ${#modes[@]})))
	soak_at=$1
	case $1 in
	no-lines) environment=(HAZPTR_MAX_LINES=0) ;;
	delayed) program=soak-delayed ;;
	no-barrier) program=soak-weakened options=(--seconds 60) ;;
	lose-one) options=(--seconds 3 --lose-one) ;;
	*) environment=("HAZPTR_MODE=$1" "HAZPTR_EXPECT=$1") ;;
	esac
	setsid env "${environment[@]}" "$build/ffi-tests/soak/$program" "${options[@]}" \
		>"$(soak_log)" 2>&1 &
	soak_pid=$!
}

# A number of the program's record; 0 if it has not come that far.
recorded() {
	local number
	number=$(sed -nE "s/^record: .*\b$1=([0-9]+).*/\1/p" "$(soak_log)")
	echo "${number:-0}"
}

# What must be there of a control that has failed.
is_as_it_must() {
	case $soak_at in
	no-barrier) [ "$status" = 1 ] && grep -q 'ERROR: .*use after free' "$(soak_log)" ;;
	lose-one) [ "$status" = 1 ] && grep -q '  retired .* called back .* WRONG' "$(soak_log)" ;;
	*) [ "$status" = 0 ] ;;
	esac
}

soak_row() {
	printf '%-10s %5s %9s %9s %9s %9s %8s %8s %6s %8s %7s %7s %7s %6s  %s' "$soak_at" \
		"$(recorded seconds)" "$(recorded acquired)" "$(recorded protected)" \
		"$(recorded synchronized)" "$(recorded retired)" "$(recorded barriers)" \
		"$(recorded handlers)" "$(($(recorded forked) + $(recorded forked_in_handler)))" \
		"$(recorded loaded)" "$(recorded cancelled)" "$(recorded guests)" "$(recorded moved)" \
		"$(recorded errors)" "$1"
}

soak_end() {
	local status verdict
	status_of "$soak_pid"
	soak_pid=
	if is_as_it_must; then
		passed=$((passed + 1))
		verdict=passed
		[ "$status" = 0 ] || verdict='failed, as it must'
		[ -z "$interrupted" ] || verdict="$verdict, interrupted"
	elif [ -n "$interrupted" ] && [[ " ${controls[*]} " == *" $soak_at "* ]]; then
		verdict=interrupted
	else
		failed=$((failed + 1))
		verdict="FAILED, status $status: see $(soak_log)"
	fi
	soak_rows+=("$(soak_row "$verdict")")
}

# The next one, if any is left.
soak_lane() {
	local what
	if [ -n "$soak_pid" ]; then
		is_over "$soak_pid" || return 0
		soak_end
	fi
	if [ -n "$interrupted" ] || [ ${#soak_left[@]} = 0 ]; then
		soak_at=
		return
	fi
	what=${soak_left[0]}
	soak_left=("${soak_left[@]:1}")
	soak_start "$what"
}

# --- the torture ---------------------------------------------------------------------------------

torture_log() { echo "$logs/torture-$torture_at.log"; }

torture_end() {
	local status row
	status_of "$torture_pid"
	torture_pid=
	row=$(grep -E "^$torture_at " "$(torture_log)" || echo "$torture_at: no result")
	if [ "$status" = 0 ]; then
		passed=$((passed + 1))
	elif [ "$status" != 130 ]; then
		failed=$((failed + 1))
		row+=$'\n'$(grep -E '^ *FAILED' "$(torture_log)" || echo "    FAILED: status $status")
	fi
	torture_rows+=("$row")
}

torture_lane() {
	if [ -n "$torture_pid" ]; then
		is_over "$torture_pid" || return 0
		torture_end
	fi
	if [ -n "$interrupted" ] || [ $(($(elapsed) + length)) -gt "$duration" ]; then
		torture_at=
		return
	fi
	torture_at=${scenarios[torture_next++ % ${#scenarios[@]}]}
	DURATION=$length BUILD=$build setsid scripts/torture.sh "$torture_at" >"$(torture_log)" 2>&1 &
	torture_pid=$!
}

# --- the run -------------------------------------------------------------------------------------

print_progress() {
	local left=$((duration - $(elapsed)))
	printf 'soak: %s; soak: %s; torture: %s, %d done; %d passed, %d failed\n' \
		"$([ $left -gt 0 ] && echo "$left s left" || echo 'ending')" "${soak_at:-done}" \
		"${torture_at:-done}" ${#torture_rows[@]} "$passed" "$failed"
}

print_table() {
	echo "soak: $(date +%F), $(elapsed) s, $(nproc) CPUs, Linux $(uname -r)"
	echo
	printf '%-10s %5s %9s %9s %9s %9s %8s %8s %6s %8s %7s %7s %7s %6s  %s\n' soak s acquires \
		protects waits retired barriers handlers forks plug-ins cancels threads moves errors \
		verdict
	printf '%s\n' "${soak_rows[@]}"
	echo
	printf '%-22s %-10s %9s %10s %8s %8s %8s %7s  %s\n' "torture, $length s each" mode updates \
		acquires deferred 'irq acq' 'irq rel' errors verdict
	printf '%s\n' "${torture_rows[@]}"
	echo
	echo "soak: $passed passed, $failed failed"
}

mapfile -t scenarios < <(scripts/torture.sh --list | awk '$1 !~ /^control-/ { print $1 }')
# Each once, if there is time for it: shorter, it would show nothing. Two seconds for start and end.
length=$((duration / ${#scenarios[@]} - 2))
[ $length -ge 3 ] || length=3
soak_left=("${modes[@]}" "${controls[@]}")
torture_next=0 start=$SECONDS progress_at=0
while :; do
	soak_lane
	torture_lane
	[ -n "$soak_at$torture_at" ] || break
	if [ "$(elapsed)" -ge $progress_at ]; then
		print_progress
		progress_at=$((progress_at + 30))
	fi
	sleep 0.5 || true
done
echo
print_table | tee "$logs/table"
[ "$failed" = 0 ] || exit 1
[ -z "$interrupted" ] || exit 130
