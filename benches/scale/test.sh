#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# What hazptrscale promises apart from its figures: test.sh HAZPTRSCALE
set -euo pipefail

scale=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ulimit -t 60 # what cannot be interrupted ends all the same

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

# refused WHY ARGUMENT...: status 2, the reason and the usage on stderr, nothing on stdout.
refused() {
	local why=$1 status=0
	shift
	"$scale" "$@" >"$work/out" 2>"$work/err" || status=$?
	[ "$status" = 2 ] || fail "$*: status $status, not 2"
	[ ! -s "$work/out" ] || fail "$*: was measured all the same"
	grep -qF -- "$why" "$work/err" || fail "$*: $(head -n 1 "$work/err")"
	grep -q '^usage: ' "$work/err" || fail "$*: no usage"
}

"$scale" --help >"$work/help"
grep -q '^usage: hazptrscale' "$work/help" || fail '--help shows no usage'
for name in scale_type=all loops=10000 nruns=30 nreaders=-1 readdelay=0 holdoff=0 verbose=0 \
	shutdown=0 --json --help load hazptr refcount rwlock urcu-memb urcu-mb urcu-bp urcu-qsbr; do
	grep -q -- "^  $name " "$work/help" || fail "--help does not tell of $name"
done

refused 'no such parameter' loop=1
refused 'no such parameter' =1
refused 'not NAME=VALUE' hazptr
refused 'not NAME=VALUE' --verbose
refused 'not a number' loops=
refused 'not a number' loops=1k
refused 'not from 1 to' nreaders=0
refused 'not from 1 to' loops=99999999999
refused 'not a number' nruns=99999999999999999999
refused 'not from 0 to' readdelay=-1
refused 'no type hazard' scale_type=load,hazard
refused 'no type ' scale_type=
refused 'which file?' --json
mapfile -t types < <(sed -n '/^Types:/,$s/^  \([a-z-]*\) .*/\1/p' "$work/help")
mapfile -t absent_types < <(sed -n 's/^  \([a-z-]*\) .*; absent, needs .*/\1/p' "$work/help")
for absent in "${absent_types[@]}"; do
	refused "$absent is absent: install" scale_type="$absent"
done

# Every type that there is, in more threads than are likely to have a CPU each.
"$scale" loops=100 nruns=3 nreaders=5 readdelay=1 --json "$work/json" >"$work/out"
for type in "${types[@]}"; do
	if grep -q "^  $type .*; absent" "$work/help"; then
		grep -q "^$type  *absent: needs " "$work/out" || fail "$type is not said to be absent"
		continue
	fi
	runs=$(sed -n "/^$type\$/,/^\$/p" "$work/out")
	[[ $runs =~ ^"$type"$'\nRuns\tTime(ns)\n1\t'[0-9]+\.[0-9]{3}$'\n2\t'[0-9.]+$'\n3\t'[0-9.]+$ ]] ||
		fail "the runs of $type: $runs"
	grep -Eq "^$type( +[0-9]+\.[0-9]{3}){3} +[0-9]+\.[0-9]{2}\$" "$work/out" || fail "no summary of $type"
done
grep -q '^loops=100 nruns=3 nreaders=5 readdelay=1; hazptr [0-9.]*, mode ' "$work/out" || fail 'no heading'

python3 - "$work/json" "${types[@]}" <<'END' || fail "the JSON: $(cat "$work/json")"
import json, sys
run = json.load(open(sys.argv[1]))
assert (run["loops"], run["nruns"], run["nreaders"], run["runs"]) == (100, 3, 5, 3)
assert [t["type"] for t in run["types"]] == sys.argv[2:]
for t in run["types"]:
    assert "needs" in t or len(t["ns"]) == 3 and t["min"] <= t["median"] <= t["max"]
    assert "needs" in t or t["to_load"] > 0
END

"$scale" scale_type=hazptr,hazptr loops=1 nruns=1 >"$work/out"
[ "$(grep -c '^hazptr$' "$work/out")" = 1 ] || fail 'a type named twice is measured twice'
grep -Eq '^hazptr .* -$' "$work/out" || fail 'a ratio without the plain load'

status=0
"$scale" loops=1 nruns=1 --json /nowhere/file >"$work/out" 2>"$work/err" || status=$?
[ "$status" = 1 ] || fail "a file that cannot be written: status $status"
grep -q /nowhere/file "$work/err" || fail 'a file that cannot be written: not named'
grep -q '^type ' "$work/out" || fail 'a file that cannot be written: no summary'

# An interruption in a run that would take days, and before the first run.
# interrupted SIGNAL STATUS ARGUMENT...: once it says that its reader has started.
interrupted() {
	local signal=$1 expected=$2 status=0
	shift 2
	mkfifo "$work/started"
	"$scale" verbose=1 nreaders=1 "$@" >"$work/out" 2>"$work/started" &
	read -r _ <"$work/started"
	kill -s "$signal" $!
	wait $! || status=$?
	rm "$work/started"
	[ "$status" = "$expected" ] || fail "$* after SIG$signal: status $status"
}

set -m # else bash lets jobs ignore SIGINT
interrupted INT 130 loops=1000000000 readdelay=1000000000
interrupted TERM 143 loops=1000000000
interrupted INT 130 holdoff=200
echo 'hazptrscale: help, refusals, output, JSON and interruption are as promised'
