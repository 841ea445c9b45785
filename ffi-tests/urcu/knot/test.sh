#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Debian's knotd, unmodified, with a liburcu.so.8 of ours: it answers queries and transfers its zones
# while they are reloaded all the time; no query is lost, a transfer is of one version, what is served
# after a reload is what was loaded, the old zones are freed, and it stops in good order.
set -euo pipefail

usage() {
	cat <<END
usage: test.sh SECONDS LIBDIR [LIBDIR2]   test with the liburcu.so.8 in LIBDIR, then with LIBDIR2's
       test.sh --self-test [LIBDIR]       show that each check fails when it should

"stock" for a LIBDIR is the system's. Exit status: 0, 1 if something does not hold, 2 for wrong
arguments, 77 if a program is missing.
KNOT_CONTROL=library starts knotd without LIBDIR, =serial stops raising the serial, =lost kills
knotd half-way, =query asks for a name that there is not: each must make the test fail.
END
}

if [ "${1-}" = --help ]; then usage && exit; fi
self_test=no
if [ "${1-}" = --self-test ] && [ $# -le 2 ]; then
	self_test=yes
	set -- 5 "${2:-stock}"
fi
if [ $# -lt 2 ] || [ $# -gt 3 ] || ! [[ $1 =~ ^[1-9][0-9]*$ ]]; then
	usage >&2
	exit 2
fi
seconds=$1
shift
control=${KNOT_CONTROL-}
case $control in
'' | library | serial | lost | query) ;;
*) usage >&2 && exit 2 ;;
esac

# Where Debian has its daemons; not in the path of all users.
PATH=$PATH:/usr/sbin
missing=
for pair in knotd:knot knotc:knot kdig:knot-dnsutils dnsperf:dnsperf readelf:binutils; do
	command -v "${pair%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
if [ -n "$missing" ]; then
	echo "knot/test.sh: programs are missing: apt-get install -y --no-install-recommends" \
		"$(tr ' ' '\n' <<<"$missing" | sort -u | xargs)" >&2
	exit 77
fi

self=$(realpath "$0")
work=$(mktemp -d)
server='' load='' transfers='' log=''
# shellcheck disable=SC2329 # for the trap
cleanup() {
	local pid
	for pid in $load $transfers $server; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '  %s\n' "$*"; }
fail() {
	if [ -s "$log" ]; then
		echo '--- the last lines of knotd:' >&2
		tail -n 15 "$log" >&2
	fi
	echo "FAILED: $*" >&2
	exit 1
}

# The number of records is three times this. A transfer of the larger one is more than goes into the
# buffers of a connection: knotd is in its read-side section until most of it has been taken.
declare -A records=([whole.test]=3000 [parts.test]=300)
zones='whole.test parts.test'
queries_per_second=5000
# This many reloads at least, and transfers; a busy machine has a minute more for them.
at_least=5
# This name is in the zones, so that another server's answers are not taken for ours.
tag=${work##*/}

# zone NAME: its file, with SERIAL for the serial.
zone() {
	awk -v zone="$1" -v tag="$tag" -v records="${records[$1]}" 'BEGIN {
		print "$ORIGIN " zone ".\n$TTL 60"
		print "@ SOA ns admin SERIAL 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1"
		print "serial TXT \"" tag "\" \"SERIAL\""
		for (i = 1; i <= records; i++) {
			print "a" i " A 192.0.2." i % 254 + 1
			print "t" i " TXT \"SERIAL, and something that is as long as such records are: " i "\""
			print "m" i ".deep AAAA 2001:db8::" i
		}
	}'
}
queries() {
	local name
	for name in $zones; do
		awk -v zone="$name" -v records=300 'BEGIN {
			for (i = 1; i <= records; i++) {
				print "a" i "." zone " A\nt" i "." zone " TXT\nm" i ".deep." zone " AAAA"
				if (i % 10 == 0)
					print zone " SOA\nserial." zone " TXT"
			}
		}'
	done
	# An error, for one thing that the test must notice.
	if [ "$control" = query ]; then echo 'none.whole.test A'; fi
}

# write_zones SERIAL: a file is whole at any time.
write_zones() {
	local name
	for name in $zones; do
		sed "s/SERIAL/$1/g" "$dir/$name.template" >"$dir/$name.new"
		mv "$dir/$name.new" "$dir/$name.zone"
	done
}

# What must be answered when SERIAL is served; and what is, by UDP and by TCP.
expected() {
	local name
	for name in $zones; do
		echo "ns.$name. admin.$name. $1 3600 600 86400 60"
	done
	for name in $zones; do
		echo "\"$tag\" \"$1\""
	done
}
served() {
	local name of=() ask=(kdig "@127.0.0.1" -p "$port" +short +timeout=2 +retry=2)
	for name in $zones; do of+=(-q "$name" -t SOA); done
	"${ask[@]}" "${of[@]}" 2>&1
	of=()
	for name in $zones; do of+=(-q "serial.$name" -t TXT); done
	"${ask[@]}" +tcp "${of[@]}" 2>&1
}

# The addresses are in hexadecimal, and so are the ports. knotd shares a port with others that do.
free_port() {
	while :; do
		port=$((20000 + RANDOM % 12000))
		grep -qsi ":$(printf %04x $port) " /proc/net/udp /proc/net/tcp /proc/net/udp6 \
			/proc/net/tcp6 || return 0
	done
}

# transfer: the larger zone, again and again: each time all of it, of one version, no older than the last.
transfer() {
	local count=0 last=0 result
	while [ -e "$dir/busy" ]; do
		kdig "@127.0.0.1" -p "$port" +noall +answer +timeout=10 whole.test AXFR >"$dir/axfr" 2>&1 || true
		result=$(awk -v records="${records[whole.test]}" -v last="$last" '
			$4 == "SOA" { all++; serial = $7 }
			$4 == "TXT" && match($0, /"[0-9]+(,|"$)/) {
				all++
				seen[substr($0, RSTART + 1, RLENGTH - 2)]
			}
			$4 == "AAAA" { all++ }
			END {
				for (one in seen)
					if (one != serial) {
						print "records of " one " in serial " serial
						exit
					}
				if (all != 2 * records + 3)
					print all + 0, "records, not", 2 * records + 3
				else if (serial < last)
					print "serial " serial " after " last
				else
					print "serial", serial
			}' "$dir/axfr")
		if ! [[ $result =~ ^serial\ [0-9]+$ ]]; then
			echo "$result" >"$dir/transfer.failed"
			tail -n 3 "$dir/axfr" >&2
			return
		fi
		last=${result#serial }
		count=$((count + 1))
		echo $count >"$dir/count"
		mv "$dir/count" "$dir/transfers"
		# One processor in two is not for this alone.
		sleep 0.05
	done
}

configure() {
	cat >"$dir/knot.conf" <<END
server:
    rundir: $dir
    listen: 127.0.0.1@$port
    udp-workers: 2
    tcp-workers: 2
    background-workers: 2
    # A client may wait for a processor, too.
    tcp-io-timeout: 10000
control:
    listen: $dir/control
log:
  - target: stderr
    any: info
database:
    storage: $dir/db
    journal-db-max-size: 64M
    timer-db-max-size: 16M
acl:
  - id: transfer
    address: 127.0.0.1
    action: transfer
template:
  - id: default
    acl: transfer
    storage: $dir
    file: "%s.zone"
    zonefile-sync: -1
zone:
  - domain: whole.test
    zonefile-load: whole
    journal-content: none
  - domain: parts.test
    zonefile-load: difference
    journal-content: changes
END
}

# start: sets server and port, once it answers.
start() {
	local attempt tries status
	for attempt in 1 2 3 4 5; do
		free_port
		configure
		: >"$log"
		# Freed memory is overwritten, so that who still reads it notices.
		"${with[@]}" MALLOC_PERTURB_=165 knotd -c "$dir/knot.conf" >"$log" 2>&1 &
		server=$!
		for tries in {1..100}; do
			alive || break
			# Not before it has bound: something else may have taken the port.
			if grep -q 'info: server started' "$log" &&
				[ "$(served)" = "$(expected "$serial")" ]; then return; fi
			sleep 0.1
		done
		! alive || fail 'knotd does not answer within 10 seconds'
		status=0
		wait "$server" || status=$?
		server=
		# Another one may have been faster.
		grep -q 'cannot bind' "$log" || fail "knotd does not start: exit status $status"
	done
	fail "knotd finds no port within $attempt attempts"
}

# alive: it runs and is no zombie.
alive() { grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$server/status"; }

# mapped PATTERN: the libraries of this name in knotd.
mapped() { sed -nE "s,^[^/]*(/.*/$1[^/]*\.so[^/]*)\$,\1,p" "/proc/$server/maps" | sort -u; }

check_library() {
	local is ours needed one
	is=$(mapped liburcu)
	[ "$is" = "$library" ] || fail "knotd has mapped ${is:-no liburcu}, not $library"
	ours=$(mapped libhazptr)
	needed=$(readelf -dW "$library" | sed -nE 's/.*\(NEEDED\).*\[(libhazptr[^]]*\.so)[^]]*\]/\1/p')
	# Each of them once; without ours, none.
	for one in $needed; do
		[ "$(grep -cF "/$one" <<<"$ours")" = 1 ] ||
			fail "$library needs $one; knotd has mapped: ${ours:-none}"
	done
	[ -n "$needed" ] || [ -z "$ours" ] || fail "knotd has mapped $ours, which $library does not need"
	say "in knotd: $is${ours:+ with ${ours//$'\n'/ and }}"
}

rss() { awk '/^VmRSS:/ { print $2 }' "/proc/$server/status"; }

# reload: new zones, and that they are served.
reload() {
	local now
	if [ "$control" != serial ] || [ "$reloads" -lt 3 ]; then write_zones $((serial + 1)); fi
	serial=$((serial + 1))
	# shellcheck disable=SC2086 # a list
	"${with[@]}" knotc -c "$dir/knot.conf" -t 20 -b zone-reload $zones >"$dir/knotc.log" 2>&1 || {
		cat "$dir/knotc.log" >&2
		alive || fail "knotd has died; reload $((reloads + 1))"
		fail "knotc zone-reload, reload $((reloads + 1))"
	}
	now=$(served) || true
	if [ "$now" != "$(expected "$serial")" ]; then
		alive || fail "knotd has died; reload $((reloads + 1))"
		diff <(expected "$serial") <(echo "$now") >&2 || true
		fail "serial $serial is not served after reload $((reloads + 1))"
	fi
	reloads=$((reloads + 1))
	rss >>"$dir/rss"
}

few_of_either() {
	[ "$reloads" -lt $at_least ] || [ "$(cat "$dir/transfers")" -lt $at_least ]
}
# few: and there is time for more.
few() {
	[ $SECONDS -lt $((seconds + 60)) ] && [ ! -e "$dir/transfer.failed" ] && few_of_either
}

# figure NAME: what dnsperf says of it.
figure() { sed -nE "s/^ *$1: *([0-9.]+).*/\1/p" "$dir/dnsperf.log"; }

check_load() {
	local codes
	sent=$(figure 'Queries sent') lost=$(figure 'Queries lost')
	latency=$(figure 'Average Latency \(s\)')
	longest=$(sed -nE 's/^ *Average Latency \(s\):.* max ([0-9.]+)\).*/\1/p' "$dir/dnsperf.log")
	if [ -z "$sent" ] || [ -z "$lost" ] || [ -z "$latency" ]; then
		cat "$dir/dnsperf.log" >&2
		fail 'dnsperf prints no figures'
	fi
	[ "$lost" = 0 ] || fail "$lost of $sent queries are lost"
	[ "$(figure 'Queries completed')" = "$sent" ] || fail "not all of $sent queries are completed"
	# The machine may have other things to do; but not ten times as many.
	[ "$sent" -gt $((seconds * queries_per_second / 10)) ] ||
		fail "only $sent queries within $seconds seconds"
	codes=$(sed -n 's/^ *Response codes: *//p' "$dir/dnsperf.log")
	[ "$codes" = "NOERROR $sent (100.00%)" ] || fail "response codes: $codes"
}

check_memory() {
	quarter=$(sed -n "$((reloads / 4))p" "$dir/rss") end=$(tail -n 1 "$dir/rss")
	[ "$end" -le $((quarter * 3 / 2 + 8192)) ] ||
		fail "memory grows: $quarter KiB after $((reloads / 4)) reloads, $end KiB after $reloads"
}

stop() {
	local tries status=0
	"${with[@]}" knotc -c "$dir/knot.conf" -t 20 stop >"$dir/knotc.log" 2>&1 || {
		cat "$dir/knotc.log" >&2
		fail 'knotc stop'
	}
	for tries in {1..200}; do
		alive || break
		sleep 0.1
	done
	! alive || fail "knotd has not stopped after $((tries / 10)) seconds"
	wait "$server" || status=$?
	server=
	[ "$status" = 0 ] || fail "exit status of knotd: $status"
	! grep -E ' (error|critical): ' "$log" >&2 || fail 'knotd logs errors'
	grep -q 'info: shutting down' "$log" || fail 'knotd does not say that it shuts down'
}

# run LIBDIR
run() {
	local name status=0
	log=
	dir=$(mktemp -d "$work/run.XXXXXX")
	mkdir "$dir/db"
	with=(env -u LD_PRELOAD -u LD_LIBRARY_PATH)
	if [ "$1" = stock ]; then
		library=$("${with[@]}" ldd "$(command -v knotd)" |
			sed -n 's/^[[:space:]]*liburcu\.so\.8 => \(.*\) (.*/\1/p')
		[ -n "$library" ] || fail 'the system has no liburcu.so.8 for knotd'
	else
		library=$1/liburcu.so.8
		[ -f "$library" ] || fail "there is no liburcu.so.8 in $1"
		[ "$control" = library ] || with+=("LD_LIBRARY_PATH=$(realpath "$1")")
	fi
	library=$(realpath "$library")
	log=$dir/knotd.log

	for name in $zones; do
		zone "$name" >"$dir/$name.template"
	done
	queries >"$dir/queries"
	serial=1000 reloads=0
	write_zones $serial
	start
	check_library

	# No more than 100 unanswered at a time: they fit into the smallest of socket buffers. When they
	# do not, and knotd has no processor for some milliseconds, it is the kernel that loses queries.
	dnsperf -s 127.0.0.1 -p "$port" -d "$dir/queries" -l "$seconds" -Q "$queries_per_second" \
		-c 4 -T 1 -q 100 >"$dir/dnsperf.log" 2>&1 &
	load=$!
	touch "$dir/busy"
	echo 0 >"$dir/transfers"
	transfer &
	transfers=$!
	SECONDS=0
	while kill -0 "$load" 2>/dev/null || few; do
		reload
		if [ "$control" = lost ] && [ "$reloads" = $at_least ]; then kill -SEGV "$server"; fi
		sleep 0.01
	done
	rm "$dir/busy"
	wait "$load" || status=$?
	load=
	wait "$transfers"
	transfers=
	[ "$status" = 0 ] || { cat "$dir/dnsperf.log" >&2 && fail "exit status of dnsperf: $status"; }
	alive || fail 'knotd has died'

	check_load
	[ ! -e "$dir/transfer.failed" ] || fail "a transfer: $(cat "$dir/transfer.failed")"
	transferred=$(cat "$dir/transfers")
	! few_of_either || fail "only $reloads reloads and $transferred transfers within $SECONDS seconds"
	check_memory
	stop
	figures="$1: $sent queries, $lost lost, average latency $latency s, longest $longest s; $reloads reloads served, $transferred transfers;"
	figures="$figures RSS $quarter KiB after a quarter of them, $end KiB at the end"
	say "$figures"
}

# fails MESSAGE LIBDIR [CONTROL]: the test fails, and says this.
fails() {
	if KNOT_CONTROL=${3-} "$self" "$seconds" "$2" >"$work/output" 2>&1; then
		cat "$work/output" >&2
		fail "not noticed: $1"
	fi
	grep -q "^FAILED: .*$1" "$work/output" || {
		cat "$work/output" >&2
		fail "does not say \"$1\""
	}
	say "noticed: $(grep '^FAILED: ' "$work/output")"
}

# wrong NAME FLAG...: wrong.c, one way or another.
wrong() {
	mkdir "$work/$1"
	"${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Werror -fPIC -shared -Wl,-soname,liburcu.so.8 \
		-o "$work/$1/liburcu.so.8" "${@:2}" "${self%/*}/wrong.c" -pthread
}

if [ $self_test = yes ]; then
	library=$("$self" "$seconds" "$1" | sed -n 's/^ *in knotd: \([^ ]*\).*/\1/p')
	[ -n "$library" ] || fail "with $1, as it is"
	mkdir "$work/empty" "$work/copy"
	cp "$library" "$work/copy/liburcu.so.8"
	fails 'there is no liburcu.so.8' "$work/empty"
	fails 'knotd has mapped .*, not ' "$work/copy" library
	fails 'serial .* is not served' "$1" serial
	fails 'knotd has died' "$1" lost
	fails 'response codes: .*NXDOMAIN' "$1" query
	wrong right
	"$self" "$seconds" "$work/right" >"$work/output" 2>&1 || {
		cat "$work/output" >&2
		fail 'wrong.c with nothing wrong'
	}
	say 'wrong.c with nothing wrong: passes'
	wrong lacks -DLACKS
	fails 'knotd does not start: exit status 127' "$work/lacks"
	wrong leaks -DLEAKS
	fails 'memory grows' "$work/leaks"
	# knotd itself waits for its callbacks.
	wrong forgets -DFORGETS
	fails 'knotc zone-reload' "$work/forgets"
	# It dies, or what it sends is wrong.
	wrong hurry -DHURRY
	fails '' "$work/hurry"
	exit
fi

all=
for libdir in "$@"; do
	echo "knotd with $libdir, $seconds s"
	run "$libdir"
	all="$all$figures"$'\n'
done
if [ $# = 2 ]; then
	echo 'beside each other:'
	printf '%s' "$all" | sed 's/^/  /'
fi
