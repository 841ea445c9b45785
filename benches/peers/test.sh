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
		library=${subject%%-*}
		[[ $subject != liburcu* && $subject != none ]] || protects=everything
		printf '{"subject": "%s", "library": "%s", "version": "1", "language": "sh",' \
			"$subject" "$library"
		printf ' "protects": "%s", "by_call": false, "compiler": "bash",' "$protects"
		printf ' "measures": ["read-made", "wait", "oversubscribed"], "note": "fake"}\n'
	done
}

fake_run() { # subject measure key=value...
	local ns=100

	echo >>"$CALLS"
	case $FAKE,$1,$2,$3 in
	slow,hazptr-inline,read-made,*) ns=90 ;;
	crash,fake,wait,busy=1) kill -SEGV $$ ;;
	refuse,fake,wait,busy=1) echo 'peers-fake: not today' >&2 && exit 1 ;;
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
	echo "{\"ns\": $ns}"
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

expect 0 'all targets met' --rounds 3 --check --out met
says met/README.md '| read, inlined | ≤ 1 × | 0.83 × liburcu-memb-inlined | met |'
says met/README.md '| read, inlined, beside all that protect one object | ≤ 0.7 × | 0.50 × fake | met |'
says met/README.md '| read, by call | ≥ 4 × | 4.00 × the speed of liburcu-memb | met |'
says met/README.md '| wait, beside sleepers | ≤ 0.7 × | 0.60 × '
says met/README.md '| protection with 64 threads | ≤ 2 × | 1.50 × 2 threads | met |'
says met/README.md 'absent: peers-gone (install gone-dev)'

status 0 "$bench" --from met/peers.json --out again
diff -r met again || fail 'a report made from its data differs'

FAKE=slow
expect 0 'a target missed' --rounds 1 --json slow.json
expect 1 'a target missed, checked' --rounds 1 --check
says out '1.50 × liburcu-memb-inlined | \*\*missed\*\*'
status 1 "$bench" --from slow.json --check

while read -r FAKE reason; do
	expect 0 "$FAKE" --rounds 2
	says out "^- fake, wait-busy: $reason"
	says out '^| fake | 100 '
done <<-END
	crash it crashed
	refuse peers-fake: not today
	nonsense it crashed
	hang no end within 5 s
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
for arguments in '' 'run none-rust' 'run nobody read-made' 'run haphazard wait' \
	'run haphazard read-made threads=3' 'run seize read-held'; do
	# shellcheck disable=SC2086 # a list
	status 2 "$rust" $arguments
done

if [ -e "$docs/peers.json" ]; then
	status 0 "$bench" --from "$docs/peers.json" --out docs
	diff -r "$docs" docs || fail 'docs/bench is not made from its peers.json'
fi
echo ok
