#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# What the driver does with good, bad and no answers; and that docs/bench is made from its data.
# usage: test.sh DIRECTORY, where bench-peers and peers-rust are
#
# The worker is this script, under the name peers-fake. Its figures are constant, so that ratios and
# verdicts are known. FAKE says what goes wrong, CALLS is a file that counts the measurements.
set -euo pipefail

subjects=(none hazptr hazptr-inline liburcu-memb liburcu-memb-inlined fake)

fake_list() {
	for subject in "${subjects[@]}"; do
		protects=one
		retires=', "retire"'
		library=${subject%%-*}
		[ "$subject" != none ] || retires=
		[[ $subject != liburcu* && $subject != none ]] || protects=everything
		printf '{"subject": "%s", "library": "%s", "version": "1", "language": "sh",' \
			"$subject" "$library"
		printf ' "protects": "%s", "by_call": false, "compiler": "bash",' "$protects"
		printf ' "measures": ["read-made", "wait", "oversubscribed"%s], "note": "fake"}\n' "$retires"
	done
}

fake_run() { # subject measure key=value...
	local ns=100

	echo >>"$CALLS"
	case $FAKE,$1,$2,$3 in
	slow,hazptr-inline,read-made,*) ns=90 ;;
	crash,fake,wait,busy=1) kill -SEGV $$ ;;
	refuse,fake,wait,busy=1) echo 'peers-fake: not today' >&2 && exit 1 ;;
	waits,fake,retire,stalled=1) echo 'peers-fake: it waits' >&2 && exit 1 ;;
	nonsense,fake,wait,busy=1) echo '{"ns": -1}' && exit ;;
	hang,fake,wait,busy=1) exec sleep 1000 ;;
	interrupt*,*) [ "$(wc -l <"$CALLS")" != "${FAKE#interrupt}" ] || kill -INT "$PPID" ;;
	esac
	case $1,$2 in
	none,*) ns=1 ;;
	hazptr-inline,oversubscribed) [ "$3" = threads=2 ] && ns=11 || ns=16 ;;
	hazptr-inline,read-made) [ "$ns" = 90 ] || ns=50 ;;
	hazptr-inline,*) ns=60 ;;
	liburcu-memb,*) ns=400 ;;
	liburcu-memb-inlined,read-made) ns=60 ;;
	esac
	[ "$2" != retire ] || ns+=$(fake_retired "$1" "$3")
	echo "{\"ns\": $ns}"
}

# What the measure says beside the time: known figures of hazptr-inline, and of one that piles up.
fake_retired() { # subject key
	case $FAKE,$1,$2 in
	pile,hazptr-inline,stalled=1) printf ', "pending": 3001' && return ;;
	esac
	case $1,$2 in
	hazptr-inline,ms=*) printf ', "cpu_ns": 40, "allocator_ns": 12.5, "pending": 1200, "kib": 300' ;;
	hazptr-inline,reader=1) printf ', "reader_ns": 9, "per_barrier": 1024' ;;
	hazptr-inline,bystander=1) printf ', "reader_ns": 2.5, "undisturbed_ns": 2.25' ;;
	hazptr-inline,stalled=1) printf ', "pending": 3000, "kib": 2048' ;;
	fake,stalled=1) printf ', "pending": 2000000, "kib": 160000, "stopped": 1' ;;
	esac
}

case ${1-} in
list) fake_list && exit ;;
run) shift && fake_run "$@" && exit ;;
esac

# --- the tests -----------------------------------------------------------------------------------

[ $# = 1 ] || { echo "usage: $0 DIRECTORY" >&2 && exit 2; }
bench=$(realpath "$1")/bench-peers
rust=$(realpath "$1")/peers-rust
docs=$(realpath "$(dirname "$0")/../../docs")/bench
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
mkdir "$directory/workers"
cp "$0" "$directory/workers/peers-fake"
echo 'peers-gone absent: install gone-dev' >"$directory/workers/workers"
cd "$directory"
export FAKE CALLS=$directory/calls

fail() {
	echo "FAILED: $*" >&2
	cat out err >&2
	exit 1
}

# expect STATUS what ARGUMENT...: the driver ends with that status
expect() {
	local status=0 wanted=$1 what=$2
	shift 2

	rm -f calls
	"$bench" --workers workers --quick --only fake "$@" >out 2>err || status=$?
	[ "$status" = "$wanted" ] || fail "$what: exit status $status, not $wanted"
}

says() { # file pattern
	grep -qe "$2" "$1" || fail "$1 does not say: $2"
}

status() { # STATUS command...
	local status=0 wanted=$1
	shift

	"$@" >out 2>err || status=$?
	[ "$status" = "$wanted" ] || fail "$*: exit status $status, not $wanted"
}

FAKE=nothing
status 0 "$bench" --help
says out '^usage:'
for arguments in --what word '--rounds 0' '--rounds' '--only nobody' '--from x --quick'; do
	# shellcheck disable=SC2086 # a list
	status 2 "$bench" $arguments
done
status 1 "$bench" --from nothing.json
status 1 "$bench" --workers nowhere

expect 0 'all targets met' --rounds 4 --check --out met
says met/README.md '| read, inlined | ≤ 1 × | 0.83 × liburcu-memb-inlined | met |'
says met/README.md '| read, inlined, beside all that protect one object | ≤ 0.7 × | 0.50 × fake | met |'
says met/README.md '| read, by call | ≥ 4 × | 4.00 × the speed of liburcu-memb | met |'
says met/README.md '| wait, beside sleepers | ≤ 0.7 × | 0.60 × '
says met/README.md '| protection with 64 threads | ≤ 2 × | 1.50 × 2 threads | met |'
says met/README.md "| CPU time of a retirement apart from the allocator's | – | 27.5 ns | – |"
says met/README.md '| retire, alone | ≥ 0.9 × | 1.67 × the speed of '
says met/README.md '| a read, beside one that retires | ≥ 0.9 × | 0.90 × .* | met |'
says met/README.md '| objects a membarrier, beside a reader | ≥ 1,000 | 1,024 | met |'
says met/README.md '| pending beside a stalled reader | ≤ 3,000 | 3,000 | met |'
says met/README.md '^| \*\*hazptr-inline\*\* | 60.0 ± 0 % | 40.0 ± 0 % | 27.5 | 1,200 | 300 KiB |'
says met/README.md '^| \*\*hazptr-inline\*\* | .* | 9.00 ± 0 % | 2.50 ± 0 % | 2.25 ± 0 % | 0.90 × |'
says met/README.md '^| fake | 100 ± 0 % |  | 2,000,000, stopped | 156.2 MiB |'
says met/peers.json '"key":"retire-stalled","ns":\[60.0,60.0,60.0,null\],"more":{"kib":\[2048.0,2048.0,2048.0,null\]'
says met/README.md 'absent: peers-gone (install gone-dev)'

status 0 "$bench" --from met/peers.json --out again
diff -r met again || fail 'a report made from its data differs'

FAKE=slow
expect 0 'a target missed' --rounds 1 --json slow.json
expect 1 'a target missed, checked' --rounds 1 --check
says out '1.50 × liburcu-memb-inlined | \*\*missed\*\*'
status 1 "$bench" --from slow.json --check

FAKE=pile
expect 1 'too much is pending' --rounds 1 --check
says out '| 3,001 | \*\*missed\*\* |'

while read -r FAKE question reason; do
	expect 0 "$FAKE" --rounds 2
	says out "^- fake, $question: $reason"
	says out '^| fake | 100 '
done <<-END
	crash wait-busy it crashed
	refuse wait-busy peers-fake: not today
	nonsense wait-busy it crashed
	hang wait-busy no end within 5 s
	waits retire-stalled peers-fake: it waits
END

FAKE=interrupt1
expect 130 'Ctrl-C in the first round' --rounds 3
says err 'nothing to report'
FAKE=nothing
expect 0 'one round' --rounds 1
FAKE=interrupt$(($(wc -l <calls) + 5))
expect 130 'Ctrl-C in the second round' --rounds 3
says out 'interleaved rounds: 1,.* interrupted'

status 0 "$rust" list
says out '"subject":"haphazard"'
status 0 "$rust" run haphazard wait busy=1 ms=1
says out '^{"ns": [0-9.]*}$'
status 0 "$rust" run crossbeam-epoch retire ms=8
says out '^{"ns": .*, "cpu_ns": .*, "allocator_ns": .*, "pending": .*, "kib": .*}$'
status 0 "$rust" run crossbeam-epoch retire reader=1 ms=8
says out '"reader_ns": [0-9.]*}$'
status 0 "$rust" run arc-swap retire bystander=1 ms=8
says out '"reader_ns": [0-9.]*, "undisturbed_ns": [0-9.]*}$'
# A thousand are the library's threshold; many more are retired.
status 0 "$rust" run haphazard retire stalled=1 ms=100
says out '"pending": [0-9]\{3,4\}\.[0-9]*, "kib": [0-9.]*}$'
for arguments in '' 'run none-rust' 'run nobody read-made' 'run haphazard wait' \
	'run haphazard read-made threads=3' 'run seize read-held' 'run none-rust retire' \
	'run seize retire busy=1' 'run seize retire reader=1 stalled=1'; do
	# shellcheck disable=SC2086 # a list
	status 2 "$rust" $arguments
done

if [ -e "$docs/peers.json" ]; then
	status 0 "$bench" --from "$docs/peers.json" --out docs
	diff -r "$docs" docs || fail 'docs/bench is not made from its peers.json'
fi
echo ok
