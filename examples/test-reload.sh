#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# What the demo promises: right answers, a verdict that fits the exit status, messages that name
# file and line, an old table that keeps serving, and a check that notices a wait left out.
#
# usage: test-reload.sh PROGRAM       (the built examples/reload.c)
set -eu

if [ $# -ne 1 ] || [ ! -x "$1" ]; then
	echo 'usage: test-reload.sh PROGRAM' >&2
	exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
running=
# shellcheck disable=SC2154 # it is assigned in the trap
trap 'status=$?; [ -z "$running" ] || kill -KILL "$running"; rm -rf "$work"; exit $status' EXIT
trap 'exit 1' HUP INT TERM
cp "$1" "$work/reload"
cp "$here/services" "$work/services" # beside the program: the bundled one
cd "$work"

fail() {
	echo "FAILED: $test: $*" >&2
	echo '--- output:' >&2
	cat out err >&2
	exit 1
}

begin() {
	test=$1
	: >out
	: >err
	echo "$test"
}

# expect STATUS ARGUMENT...: the program's exit status.
expect() {
	expected=$1 status=0
	shift
	./reload "$@" >out 2>err || status=$?
	[ "$status" -eq "$expected" ] || fail "exit status $status, not $expected"
}

# says FILE PATTERN: a line of out or err.
says() {
	grep -Eq -e "$2" "$1" || fail "no line of std$1 matches '$2'"
}

# background ARGUMENT...: until end_with, or for a minute.
background() {
	./reload --seconds 60 --readers 2 "$@" >out 2>err &
	running=$!
}

# await FILE PATTERN: until the program says so.
await() {
	until grep -Eq -e "$2" "$1"; do
		kill -0 "$running" 2>/dev/null || fail "it ended without a line in std$1 that matches '$2'"
		sleep 0.05
	done
}

# end_with SIGNAL STATUS: ends it, and looks at the exit status.
end_with() {
	status=0
	kill "-$1" "$running"
	wait "$running" || status=$?
	running=
	[ "$status" -eq "$2" ] || fail "exit status $status, not $2"
}

# replace FILE: in one step, with what comes from standard input.
replace() {
	cat >new
	mv new "$1"
}

right='[1-9][0-9,]* look-ups, every answer right; [1-9][0-9,]* reloads'

begin 'a run of a second passes, and says what it did'
expect 0 --seconds 1 --file services
says out '^ *1 s: [0-9,]+ look-ups/s, [0-9,]+ reloads/s, [0-9]+ services, [0-9.]+ MB, mode (rseq|membarrier|fence)$'
says out "^PASS: $right, every old table freed\$"
[ ! -s err ] || fail 'something on standard error'

begin 'without the wait it fails, and says why'
expect 1 --seconds 30 --file services --no-wait
says out '^FAIL: a wrong answer for .* poisoned while it was being read; hazptr_synchronize\(\) was left out$'

begin 'a missing file is named, exit status 1'
expect 1 --file ./missing
says err '^\./missing: No such file or directory$'
expect 1 --file .
says err '^\.: Is a directory$'

# malformed TEXT MESSAGE
malformed() {
	begin "malformed: $2"
	printf "$1" >bad
	expect 1 --file bad
	[ "$(cat err)" = "bad:$2" ] || fail "standard error is not 'bad:$2'"
	[ ! -s out ] || fail 'it ran'
}
form='port/protocol expected after the name, as in 80/tcp'
malformed '# no port\n\nhttp\n' "3: $form"
malformed 'ssh 22/tcp\nhttp 80\n' "2: $form"
malformed 'ssh 22/tcp\nhttp 80/ # nothing\n' "2: $form"
malformed 'http tcp/80' "1: $form"
malformed 'http +80/tcp' "1: $form"
malformed 'a 1/tcp\nb 65536/tcp\n' '2: port above 65535'
malformed 'a 1/tcp\nb 4294967376/tcp\n' '2: port above 65535'
malformed 'a 1/abcdefghijkl' '1: protocol longer than 11 characters'
malformed 'abcdefghijklmnopqrstuvwxyz012345 1/tcp' '1: name longer than 31 characters'
malformed 'a 1/tcp b\n\nc 2/tcp d abcdefghijklmnopqrstuvwxyz012345' '3: name longer than 31 characters'
malformed 'a 1/tcp\nb\0002/tcp\n' "2: a NUL character"
malformed '' '1: no service in it'
malformed '# nothing\n' '2: no service in it'

begin 'odd but well-formed: both parsers agree'
{
	printf 'a 1/tcp b#c 2/tcp\n \t d\t2/udp\te\r\n#\n\n'
	printf 'a 3/tcp a\nf 1/tcp\nf 1/tcp\na 1/udp\nz 0/tcp\ny 65535/abcdefghijk\n'
	for i in $(seq 200); do # many with one name, many on one port
		echo "many $i/p$i"
		echo "on-nine-$i 9/q$i"
	done
	printf 'abcdefghijklmnopqrstuvwxyz01234 007/tcp no-such-service'
} >odd
expect 0 --seconds 1 --file odd
says out ', 413 services,'

begin 'a file that is changed: the new answers are served'
printf 'one 1/tcp\ntwo 2/tcp\nthree 3/tcp\n' | replace changing
background --file changing
await out ', 3 services,'
printf 'one 11/tcp\ntwo 12/tcp\nthree 13/tcp\nfour 14/tcp\n' | replace changing
await out ', 4 services,'
end_with INT 0
says out "^PASS: $right"

begin 'a file that becomes malformed: the old table serves on, exit status 1'
background --file changing
await out ', 4 services,'
printf 'one 1/tcp\ntwo\n' | replace changing
await err "^changing:2: $form\$"
lines=$(wc -l <out)
await out "^ *$((lines + 2)) s: "
await out '[1-9][0-9,]* look-ups/s, 0 reloads/s, 4 services,'
printf 'five 5/tcp\n' | replace changing
await out '[1-9][0-9,]* reloads/s, 1 services,'
rm changing
await err '^changing: No such file or directory$'
end_with TERM 1
says out "^FAIL: [1-9][0-9,]* reloads failed, the last with changing: No such file or directory; the old table kept serving: $right"
[ "$(wc -l <err)" -eq 2 ] || fail 'a complaint more than once'

begin 'Ctrl-C: a verdict, exit status 0'
background --file services --seconds 0
await out ' [1-9][0-9,]* reloads/s'
end_with INT 0
says out "^PASS: $right"

begin 'a wrong command line: usage, exit status 2'
for arguments in --bad --readers '--readers 0' '--readers 1025' '--readers x' '--seconds -1' \
	'--seconds 1x' --file operand; do
	# shellcheck disable=SC2086 # two words
	expect 2 $arguments
	says err '^usage: reload '
done

begin '--help: usage, exit status 0'
expect 0 --help
says out '^usage: reload '

begin 'no /etc/services: the bundled one serves, and it says so'
if unshare -rm mount -t tmpfs none /etc 2>err; then
	status=0
	cp /etc/ld.so.cache . 2>/dev/null || : # it may be what finds the library
	unshare -rm sh -c 'mount -t tmpfs none /etc; cp ld.so.cache /etc; exec ./reload --seconds 1' \
		>out 2>err || status=$?
	[ "$status" -eq 0 ] || fail "exit status $status, not 0"
	says out '^no /etc/services; using .*/services$'
	says out "^PASS: $right"
else
	echo '  skipped: no name spaces for users here'
fi
