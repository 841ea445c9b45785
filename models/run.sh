#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Runs every model and every mutant. A model that fails is an error, and so is a
# mutant that passes, or that fails in another way than it should: a model that
# cannot fail proves nothing.

set -u

usage()
{
	cat <<'EOF'
usage: run.sh [options] [model ...]

Checks the Promela models with spin: each protocol variant must hold in its whole
state space, each mutant must be caught. Without arguments, all models.

  -d, --deep     also the larger bounds (some minutes)
  -k, --keep     keep the build directory, and say where it is
  -l, --list     list what would be run
  -n, --names X  only the variant with just these names defined ('ONE TWO')
  -s, --states   print the results as a table in Markdown
  -h, --help     this text

States are those stored; of a mutant, until it is caught. Seconds include spin and
the compiler.

Environment: SPIN (spin), CC (gcc), TMPDIR, LIMIT (seconds for one search, 300).

Exit status: 0 all passed; 1 a check failed, or a tool did; 2 usage.
EOF
}

# model, expected, optimisation, names to define (the heads of the models explain
# them). Expected: "holds", or how the mutant fails: "assertion" or
# "deadlock" (an invalid end state).
# gcc -O0 takes less time than -O1 saves, but for the longest searches.
table()
{
	cat <<'EOF'
publication   holds       -O0
publication   holds       -O0   KERNEL_FENCE
publication   holds       -O0   PORTABLE_1
publication   holds       -O0   PORTABLE_ALL
publication   assertion   -O0   NO_SCAN
publication   assertion   -O0   NO_BARRIER
publication   assertion   -O0   DRAIN_ONLY
publication   assertion   -O0   NO_FENCE
publication   assertion   -O0   BARRIER_FIRST
publication   assertion   -O0   NO_RESTART_ON_SWITCH
publication   assertion   -O0   NOT_RELEASED
publication   assertion   -O0   CTX_OF_NULL
publication   assertion   -O0   PORTABLE_ALL NO_RELOAD
publication   assertion   -O0   PORTABLE_ALL NO_RELOAD_FENCE
publication   assertion   -O0   PORTABLE_ALL NO_FENCE
registry      holds       -O0
registry      holds       -O0   SOLO LOWER_MARK
registry      holds       -O0   SHARED_LINE
registry      assertion   -O0   SWAPPER DRAINED_TWICE
registry      assertion   -O0   PLAIN_SWAP
registry      assertion   -O0   ACQUIRER CHECKED_SWAP
registry      assertion   -O0   ANY_CPU
registry      assertion   -O0   PARK_FIRST
registry      assertion   -O0   TAKE_CURRENT
registry      assertion   -O0   SHARED_LINE TAKE_SHARED
registry      assertion   -O0   SOLO MARK_LOADED_EARLY
registry      assertion   -O0   ACQUIRER MARK_RAISED_LATE
registry      assertion   -O0   SOLO LOWER_MARK NO_REREAD
registry      assertion   -O0   SOLO SKIP_PARKED
registry      assertion   -O0   SOLO MOVE_ON_PARK
waiter        holds       -O1   FEWER
waiter        holds       -O1   FEWER FENCE_MODE
waiter        deadlock    -O0   NO_MEMBARRIER
waiter        deadlock    -O0   BARRIER_FIRST
waiter        deadlock    -O0   RAISED_LATE
waiter        deadlock    -O0   ARMED_LATE
waiter        deadlock    -O0   NO_REBARRIER
waiter        deadlock    -O0   NO_BUMP
waiter        deadlock    -O0   NO_CHECK_ON_OVERWRITE
waiter        deadlock    -O0   WAKE_BY_ADDRESS
waiter        deadlock    -O0   ONE_BUCKET WAKE_ONE
waiter        deadlock    -O0   ONE_BUCKET TAG_STAYS
waiter        deadlock    -O0   FENCE_MODE NO_RELEASE_FENCE
barrier       holds       -O1
barrier       assertion   -O0   NO_FENCE
barrier       assertion   -O0   DONE_NOT_LESS
barrier       assertion   -O0   STARTED_LATE
barrier       assertion   -O0   DONE_EARLY
barrier       assertion   -O0   CLEAR_BY_STORE
barrier       deadlock    -O0   NO_TIMEOUT
backup        holds       -O0
backup        assertion   -O0   NO_LINK_FENCE
backup        assertion   -O0   NO_RELOAD
backup        assertion   -O0   NO_OVERWRITE_FENCE
backup        assertion   -O0   NO_SCAN_FENCE
backup        assertion   -O0   UNLOCKED_LINK
held          holds       -O1
held          holds       -O1   TWO_WAY
held          holds       -O1   LOOKED_EARLY
held          holds       -O1   RELINKED
held          assertion   -O0   NO_BARRIER
held          assertion   -O0   NO_RELOAD
held          assertion   -O0   NO_READER_FENCE
held          assertion   -O0   NO_SWEEP
held          assertion   -O0   NO_TRANS
held          assertion   -O0   TWO_WAY MODE_LAST
held          assertion   -O0   MODE_FIRST
held          assertion   -O0   COPIED
held          assertion   -O0   EMPTY
held          assertion   -O0   NOT_RESET
held          assertion   -O0   TWO_WAY LOOKED_EARLY
mode          holds       -O1
mode          holds       -O1   RELEASER
mode          holds       -O1   ONE_WAITER SWAPPER
mode          holds       -O1   ONE_WAITER PORTABLE
mode          holds       -O1   HELD
mode          holds       -O0   MOVED
mode          holds       -O1   LOOKED_EARLY
mode          holds       -O1   LOOKED_UNFENCED
mode          holds       -O1   TRANS_LEFT_OUT
mode          assertion   -O0   TWO_VALUED
mode          assertion   -O0   RELEASER TWO_VALUED
mode          assertion   -O0   TRANS_IS_LOWER
mode          assertion   -O0   HELD TRANS_LEFT_OUT
mode          assertion   -O0   HELD TRANS_UNFENCED
mode          assertion   -O0   ONE_WAITER NO_SWEEP
mode          assertion   -O0   ONE_WAITER HELD NO_SWEEP
mode          assertion   -O0   FIRST_SWEEP_ONLY
mode          assertion   -O0   SECOND_SWEEP_ONLY
mode          assertion   -O0   SWEPT_LATE
mode          assertion   -O0   MOVED NO_SWEEP_FENCE
mode          assertion   -O0   NR_CPUS_STAYS
mode          assertion   -O0   NR_CPUS_UNSEEN
mode          assertion   -O0   NR_CPUS_BEFORE
mode          assertion   -O0   TABLE_STAYS
mode          assertion   -O0   TABLE_FIRST
mode          assertion   -O0   TABLE_FIRST SWEPT_BETWEEN
mode          assertion   -O0   NO_LOCK
mode          assertion   -O0   NO_FENCE
mode          assertion   -O0   SHARES_ANY
mode          assertion   -O0   ONE_WAITER NOT_RELEASED
retire        holds       -O1
retire        holds       -O1   ONE_SHARD
retire        holds       -O1   COHORT ONE_SHARD
retire        holds       -O0   NO_WORKER ONE_SHARD
retire        assertion   -O0   RESTARTABLE_PUSH
retire        assertion   -O0   BARRIER_BY_TOTALS
retire        assertion   -O0   SCAN_BEFORE_TAKE
retire        assertion   -O0   BARRIER_BEFORE_TAKE
retire        assertion   -O0   NO_HEAVY_BARRIER
retire        assertion   -O0   DRAIN_ONLY
retire        assertion   -O0   UNPUBLISH_LATE
retire        deadlock    -O0   LEFT_OVER_LOST
retire        assertion   -O0   PHASE_NOT_DRAINED
retire        assertion   -O0   TAKE_UNREGISTERED
retire        assertion   -O0   UNREGISTERED_EARLY
retire        assertion   -O0   LEFT_OVER_RENEWED
retire        assertion   -O0   CLOSED_EARLY
retire        assertion   -O0   NO_TAKE
retire        assertion   -O0   MARKED_LATE
retire        deadlock    -O0   WAKE_FIRST
retire        deadlock    -O0   IDLE_LATE
retire        deadlock    -O0   KEPT_IN_SILENCE
retire        assertion   -O0   COHORT LOWERED_EARLY
retire        assertion   -O0   COHORT RAISED_LATE
retire        deadlock    -O0   COHORT GIVEN_BACK_EARLY
urcu          holds       -O1
urcu          holds       -O1   TWO_READERS
urcu          holds       -O0   PORTABLE
urcu          holds       -O1   PATIENT
urcu          holds       -O1   PORTABLE PATIENT
urcu          holds       -O0   NO_SWAP
urcu          assertion   -O0   NO_WAIT
urcu          assertion   -O0   NO_BARRIER
urcu          assertion   -O0   DRAIN_ONLY
urcu          assertion   -O0   BARRIER_FIRST
urcu          assertion   -O0   NO_FENCE
urcu          assertion   -O0   PORTABLE NO_RELOAD
urcu          assertion   -O0   PORTABLE NO_FENCE
urcu          deadlock    -O0   NO_SWAP PATIENT
urcu          assertion   -O0   SHARE_EARLY
urcu          assertion   -O0   BEGUN_LATE
urcu          assertion   -O0   PLAIN_LOOK
urcu          assertion   -O0   NOT_SERIALISED
urcu          assertion   -O0   WAIT_UNLOCKED
urcu          assertion   -O0   WORD_FIRST
urcu          assertion   -O0   ZERO_LAST
urcu          deadlock    -O0   TWO_WORDS
urcu          assertion   -O0   UNCOUNTED
urcu          deadlock    -O0   NOT_RELEASED
EOF
	[ -z "$deep" ] || cat <<'EOF'
publication   holds       -O1   DEEP
registry      holds       -O1   DEEP
registry      holds       -O1   DEEP SWAPPER LOWER_MARK
registry      holds       -O0   DEEP SHARED_LINE
waiter        holds       -O1
waiter        holds       -O1   FENCE_MODE
waiter        holds       -O1   ONE_BUCKET
barrier       holds       -O1   PLAIN_DONE
barrier       holds       -O1   TIMEOUT_CLEARS
backup        holds       -O1   DEEP
mode          holds       -O1   SWAPPER
mode          holds       -O1   PORTABLE
mode          holds       -O1   RELEASER DEEP
retire        holds       -O1   PATIENT
retire        holds       -O1   CLOSED_AT_TAKE
urcu          holds       -O1   DEEP
urcu          holds       -O1   DEEP TWO_READERS
urcu          holds       -O1   DEEP PORTABLE
EOF
}

die()
{
	echo "run.sh: $1" >&2
	exit "$2"
}

deep=
keep=
list=
markdown=
names=-
wanted=
while [ $# -gt 0 ]; do
	case $1 in
	-d | --deep) deep=1 ;;
	-k | --keep) keep=1 ;;
	-l | --list) list=1 ;;
	-n | --names)
		[ $# -gt 1 ] || { usage >&2; exit 2; }
		names=$2
		shift
		;;
	-s | --states) markdown=1 ;;
	-h | --help) usage; exit 0 ;;
	-*) usage >&2; exit 2 ;;
	*) wanted="$wanted ${1%.pml}" ;;
	esac
	shift
done

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd) || exit 1
spin=${SPIN:-spin}
cc=${CC:-gcc}
limit=${LIMIT:-300}

for model in $wanted; do
	table | grep -q "^$model " || die "no model named $model" 2
done

select_rows()
{
	local model expected optimise defines
	table | while read -r model expected optimise defines; do
		[ "$names" = - ] || [ "$names" = "$defines" ] || continue
		case " ${wanted:- $model} " in
		*" $model "*) echo "$model $expected $optimise $defines" ;;
		esac
	done
}

[ -n "$(select_rows)" ] || die "no variant with the names $names" 2

if [ -n "$list" ]; then
	select_rows
	exit 0
fi

for tool in "$spin" "$cc" timeout; do
	command -v "$tool" >/dev/null || die "$tool not found" 1
done

work=$(mktemp -d "${TMPDIR:-/tmp}/hazptr-models.XXXXXX") || exit 1
cleanup()
{
	if [ -n "$keep" ]; then
		echo "kept: $work"
	else
		rm -rf -- "$work"
	fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# spin gives file names to a shell: one without surprises, whatever $here is.
cp -- "$here"/*.pml "$work" || exit 1

# Sets verdict and states, in the current directory. Whatever is neither a search
# of the whole state space nor a clear counterexample is a failure of the tools.
check()
{
	local model=$1 optimise=$2 name
	local -a defines=()
	shift 2

	states=-
	: >log
	for name in "$@"; do
		defines+=("-D$name")
		# A name that is misspelt would define nothing, and all would hold.
		if ! grep -Eqw "(ifdef|ifndef|defined\()[[:space:]]*$name" \
			"../$model.pml" ../tso.pml ../sched.pml; then
			verdict="TOOL FAILURE: $model.pml does not know $name"
			return
		fi
	done

	if ! "$spin" -a ${defines[@]+"${defines[@]}"} "../$model.pml" >log 2>&1 ||
	   [ ! -s pan.c ]; then
		verdict='TOOL FAILURE: spin'
		return
	fi
	if ! "$cc" "$optimise" -w -DSAFETY -DMEMLIM=4096 -o pan pan.c >>log 2>&1; then
		verdict='TOOL FAILURE: cc'
		return
	fi
	# -m: depth of the stack; -w: 2^23 entries in the table of states at first.
	timeout "$limit" ./pan -m100000 -w21 >out 2>&1
	status=$?
	cat out >>log
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' out)
	states=${states:--}

	if [ "$status" -eq 124 ]; then
		verdict="TOOL FAILURE: over $limit s"
	elif grep -q 'max search depth too small' out; then
		verdict='TOOL FAILURE: max search depth too small'
	elif grep -Eqi 'out of memory|memlim|memory limit|aborted' out; then
		verdict='TOOL FAILURE: out of memory'
	elif grep -q '^pan:[0-9]*: assertion violated' out; then
		verdict=assertion
	elif grep -q '^pan:[0-9]*: invalid end state' out; then
		verdict=deadlock
	elif [ "$status" -eq 0 ] && [ "$states" != - ] &&
	     grep -q 'errors: 0$' out && ! grep -q 'Search not completed' out; then
		verdict=holds
	else
		verdict="TOOL FAILURE: pan, status $status"
	fi
}

# shellcheck disable=SC2059
print_head()
{
	if [ -n "$markdown" ]; then
		echo '| model | variant | states | seconds | outcome |'
		echo '|---|---|--:|--:|---|'
	else
		printf "$format" model variant expected verdict states seconds
	fi
}

# model, names, expected, verdict, states, seconds
# shellcheck disable=SC2059
print_row()
{
	local outcome=$4

	if [ -z "$markdown" ]; then
		printf "$format" "$1" "${2:--}" "$3" "$4" "$5" "$6"
		return
	fi
	if [ "$4" != "$3" ]; then
		outcome="**$4**"
	elif [ "$4" != holds ]; then
		outcome="caught: $4"
	fi
	echo "| $1 | ${2:-–} | $5 | $6 | $outcome |"
}

explain()
{
	echo "FAILED: $model ${names:-} should have been: $expected"
	sed -n '1,20s/^/    /p' log
}

format='%-12s %-32s %-10s %-10s %9s %8s\n'
passed=0
failed=0
rows=0
begin=$EPOCHREALTIME

seconds_since()
{
	local us=$((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}))
	printf '%d.%02d' $((us / 1000000)) $((us / 10000 % 100))
}

print_head
while read -r model expected optimise names; do
	start=$EPOCHREALTIME
	rows=$((rows + 1))
	mkdir "$work/$rows" && cd "$work/$rows" || exit 1
	# shellcheck disable=SC2086
	check "$model" "$optimise" $names
	print_row "$model" "$names" "$expected" "$verdict" "$states" \
		"$(seconds_since "$start")"
	if [ "$verdict" = "$expected" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		# No part of a table.
		if [ -n "$markdown" ]; then explain >&2; else explain; fi
	fi
	cd "$work" || exit 1
	[ -n "$keep" ] || rm -rf -- "${work:?}/$rows"
done < <(select_rows)

[ "$rows" -gt 0 ] || die 'nothing was run' 1
[ -z "$markdown" ] || echo
echo "total: $(seconds_since "$begin") s"
echo "models: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
