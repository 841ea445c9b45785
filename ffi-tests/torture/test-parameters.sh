#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The command line of hazptrtorture, what it prints, and how it ends:
# test-parameters.sh HAZPTRTORTURE HAZPTRTORTURE_STUCK HAZPTRTORTURE_LOST
set -euo pipefail

torture=$1 stuck=$2 lost=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=$work/out err=$work/err json=$work/json
unset HAZPTR_MODE HAZPTR_MAX_LINES

fail() {
	echo "FAILED: $*" >&2
	cat "$out" "$err" >&2
	exit 1
}
say() { printf '  %s\n' "$*"; }

# run STATUS ARGUMENT...: that is how it must end.
run() {
	local expected=$1 status=0
	shift
	timeout 60 "$torture" "$@" >"$out" 2>"$err" || status=$?
	[ "$status" = "$expected" ] || fail "hazptrtorture $*: exit status $status, not $expected"
}
short() { run "$1" shutdown_secs=1 verbose=0 "${@:2}"; }
prints() { grep -qE -- "$1" "$out" || fail "no line like: $1"; }
prints_not() { if grep -qE -- "$1" "$out"; then fail "a line like: $1"; fi; }
complains() { grep -qE -- "$1" "$err" || fail "no complaint like: $1"; }
# start PROGRAM ARGUMENT...: in the background, until its threads run.
start() {
	: >"$out"
	"$@" >"$out" 2>"$err" &
	child=$!
	until grep -q 'writer 0 started' "$out"; do sleep 0.05; done
}
member() { sed -nE "s/^  \"$1\": \"?([^\"]*[^\",])\"?,?\$/\1/p" "$json"; }

say 'help and version go to standard output, and nothing runs'
run 0 --help
for name in torture_type mode nreaders nwriters nested defer_modulus kthread_do_pending_ms \
	irq_acquire irq_release onoff_holdoff onoff_interval preempt_duration preempt_interval \
	reader_sleep_us shuffle_interval shutdown_secs stat_interval stutter verbose max_lines \
	retire_bound retire_delay_us retire_worker held; do
	prints "$name"
done
prints_not 'Start of test'
run 0 --version
prints '^hazptrtorture [0-9]+\.[0-9]+\.[0-9]+, library [0-9]+\.[0-9]+\.[0-9]+$'

say 'what is wrong is refused, with a hint'
refused() {
	run 2 shutdown_secs=1 "$@"
	complains 'usage: hazptrtorture'
	prints_not 'Start of test'
}
for argument in nonsense nonsense=1 =1 nreaders nreaders= nreaders=x nreaders=1x nreaders=+1 \
	'nreaders= 1' nreaders=99999999999999999999 nreaders=-1001 nested=0 nested=65 nested=-1 \
	nwriters=1001 stutter=10000000000 mode=fast mode= max_lines=none --nonsense --json -h \
	retire_bound=4294967296 retire_bound=many retire_delay_us=4294967296 retire_worker=2 retire_worker=-1; do
	refused "$argument"
done
refused torture_type=nonsense
complains '^torture_type is one of:'
complains '^  hazptr-stack '
complains '^  hazptr-retire '
# Those need an engine that is not shipped.
refused torture_type=busted-fence
refused torture_type=busted-fence-retire

say 'a file that cannot be written ends it before the run'
run 2 shutdown_secs=1 --json "$work/no/such/directory"
complains 'No such file or directory'
prints_not 'Start of test'
if [ -e /dev/full ]; then
	short 2 --json /dev/full
	complains 'could not be written'
fi

say 'start and end tell every parameter, and the start what the machine has'
short 0 nreaders=3 reader_sleep_us=7
list='nreaders=3 nwriters=1 nested=1 defer_modulus=[0-9]+ kthread_do_pending_ms=3'
list="$list irq_acquire=[0-9]+ irq_release=[0-9]+ onoff_holdoff=0 onoff_interval=0"
list="$list preempt_duration=0 preempt_interval=1000 reader_sleep_us=7 shuffle_interval=3"
list="$list shutdown_secs=1 stat_interval=60 stutter=5 verbose=0 max_lines=-1"
list="$list retire_bound=0 retire_delay_us=0 retire_worker=1 held=0 mode=auto torture_type=hazptr"
prints "^hazptr-torture: --- Start of test: $list \(library [0-9.]+, mode [a-z]+, [0-9]+ CPUs?\)\$"
prints "^hazptr-torture: --- End of test: SUCCESS: $list\$"
if grep -qv '^hazptr-torture: ' "$out"; then fail 'a line that does not begin with the type'; fi

say 'statistics at each interval'
counters='( [0-9]+){11}$'
run 0 shutdown_secs=3 stat_interval=1 verbose=0
state='HTWS_(FIXED_DELAY|DELAY|REPLACE|SYNC|STUTTER|STOPPING)\([0-5]\)'
prints "^hazptr-torture: rtc: (0x[0-9a-f]+|\(nil\)) ver: [0-9]+ $state tfle: 0 rta: [0-9]+ rtaf: 0 rtf: [0-9]+\$"
prints '^hazptr-torture: acq: [0-9]+ rel: [0-9]+ acqirq: [0-9]+ relirq: [0-9]+ reldefer: [0-9]+ relundefer [0-9]+$'
prints "^hazptr-torture: Reader Pipe:$counters"
prints "^hazptr-torture: Reader Batch:$counters"
prints "^hazptr-torture: Free-Block Circulation:$counters"
intervals=$(grep -c 'Reader Pipe:' "$out")
[ "$intervals" -ge 3 ] || fail "$intervals statistics in 3 s"

say 'threads are told of, or not'
run 0 shutdown_secs=1
prints '^hazptr-torture: reader 0 started$'
prints '^hazptr-torture: writer 0 stopping$'
run 0 shutdown_secs=1 verbose=0
prints_not 'started|stopping'

say 'negative where that means nothing: off, with a message'
switches=(nwriters onoff_holdoff onoff_interval preempt_duration reader_sleep_us shuffle_interval
	stat_interval stutter retire_bound retire_delay_us)
fitting=(defer_modulus kthread_do_pending_ms irq_acquire irq_release)
short 0 "${switches[@]/%/=-1}" "${fitting[@]/%/=-2}"
for name in "${switches[@]}"; do
	prints "^hazptr-torture: $name=-1: below 0; $name=0 instead\$"
	prints " $name=0 "
done
for name in "${fitting[@]}"; do
	prints "^hazptr-torture: $name=-2: below -1; $name=0 instead\$"
	prints " $name=0 "
done
short 0 preempt_interval=-1 preempt_duration=5
prints 'preempt_interval=0: preemption is off'
prints ' preempt_duration=0 '

say 'handing on: both of its parameters or none; never with contexts on the stack'
for off in defer_modulus=0 kthread_do_pending_ms=0; do
	short 0 $off
	prints ' defer_modulus=0 kthread_do_pending_ms=0 '
	prints_not 'both off'
done
short 0 defer_modulus=0 kthread_do_pending_ms=5
prints 'off together'
prints ' defer_modulus=0 kthread_do_pending_ms=0 '
short 0 torture_type=hazptr-stack defer_modulus=5
prints '^hazptr-stack-torture: contexts on the stack are not handed on'
prints ' defer_modulus=0 kthread_do_pending_ms=0 '

say 'no readers, no writers: still a run'
short 0 nreaders=0
short 0 nwriters=0

say 'the record is JSON, and says what the lines say'
short 0 --json "$json" nested=2 mode=fence max_lines=3 nwriters=2
if command -v python3 >/dev/null; then
	python3 -m json.tool "$json" >/dev/null || fail 'no JSON'
fi
for pair in verdict=SUCCESS exit_status=0 nested=2 mode=fence library_mode=fence max_lines=3 \
	pipe_errors=0 library_held=0; do
	[ "$(member "${pair%=*}")" = "${pair#*=}" ] || fail "in the record: $(member "${pair%=*}"), not $pair"
done
[ "$(member updates)" -gt 0 ] || fail 'no updates in the record'
grep -q "ver: $(member updates) " "$out" || fail 'updates in the record and in the report differ'

say 'what is retired is reclaimed, and both report and record say by whom'
retire() { short 0 torture_type=hazptr-retire --json "$json" "$@"; }
retired() {
	prints '^hazptr-retire-torture: retire: retired: [1-9][0-9]* reclaimed: [1-9][0-9]* helped: [0-9]+ in worker: [0-9]+ batches: [1-9][0-9]* barriers: [0-9]+ peak: [1-9][0-9]*$'
	prints "retired: $(member library_retired) reclaimed: $(member library_reclaimed) "
	[ "$(member library_retired)" = "$(member library_reclaimed)" ] || fail 'retired, and not reclaimed'
}
retire
retired
[ "$(member library_retired)" -gt 0 ] || fail 'nothing was retired'
[ "$(member callbacks_in_worker)" -gt 0 ] || fail 'the worker has done nothing'
retire retire_worker=0
retired
[ "$(member callbacks_in_worker)" = 0 ] || fail 'callbacks in a worker that was not to be'
retire retire_bound=1
[ "$(member library_helped)" -gt 0 ] || fail 'nobody has helped'
retire nwriters=0
prints 'retire: retired: 0 reclaimed: 0 '
short 0
prints_not 'retire: '

say 'what is retired and never reclaimed makes it fail, and a line says what is missing'
torture=$lost short 1 torture_type=hazptr-retire
prints '^hazptr-retire-torture: !!! [0-9]+ retired; says the library: [0-9]+ retired, [0-9]+ reclaimed, 0 pending$'
prints '^hazptr-retire-torture: !!! [1-9][0-9]* elements of [0-9]+ have not come back$'
prints '--- End of test: FAILURE:'
# One of a writer's that it then waits for: not in each run.
early='^hazptr-retire-torture: !!! 0 callbacks for what was not retired; [1-9][0-9]* of [0-9]+ barriers left something pending$'
for _ in 1 2 3 4 5 6 7 8 9; do
	grep -qE -- "$early" "$out" || torture=$lost short 1 torture_type=hazptr-retire
done
prints "$early"

say 'the mode asked for is the mode in force'
for mode in membarrier fence; do
	short 0 mode=$mode
	prints "mode ${mode}[,)]"
done
HAZPTR_MODE=fence short 0
prints 'mode fence,'
GLIBC_TUNABLES=glibc.pthread.rseq=0 short 0 mode=rseq
prints 'mode (membarrier|fence) as rseq is not to be had'

say 'where real-time priority is not to be had the start line says so'
unprivileged=(prlimit --rtprio=0 --)
[ "$(id -u)" != 0 ] || unprivileged+=(setpriv --bounding-set=-sys_nice --inh-caps=-sys_nice)
timeout 60 "${unprivileged[@]}" "$torture" shutdown_secs=1 verbose=0 preempt_duration=10 \
	preempt_interval=50 >"$out" 2>"$err" || fail "exit status $? without privileges"
prints 'Start of test: .*, preemption by nice as SCHED_FIFO is not to be had: '
prints '^hazptr-torture: preempt: [1-9]'

say 'CPUs that cannot be taken away: HAZPTR_HOTPLUG; an error outweighs that'
cpu=$(sed -nE 's/^Cpus_allowed_list:\s*([0-9]+).*/\1/p' /proc/self/status)
one_cpu=(taskset -c "$cpu" "$torture" shutdown_secs=1 verbose=0 onoff_interval=1)
status=0
timeout 60 "${one_cpu[@]}" --json "$json" >"$out" 2>"$err" || status=$?
[ "$status" = 3 ] || fail "exit status $status with one CPU, not 3"
prints '--- End of test: HAZPTR_HOTPLUG:'
prints 'one CPU: no handler on another one'
[ "$(member exit_status)" = 3 ] || fail 'exit status in the record'
status=0
timeout 60 "${one_cpu[@]}" torture_type=busted shutdown_secs=10 >"$out" 2>"$err" || status=$?
[ "$status" = 1 ] || fail "exit status $status of a busted run with one CPU, not 1"

say 'SIGINT and SIGTERM end the run with a verdict'
for signal in INT TERM; do
	start "$torture" --json "$json" reader_sleep_us=10000000
	kill -$signal $child
	status=0
	wait $child || status=$?
	[ "$status" = 0 ] || fail "exit status $status after SIG$signal"
	prints '--- End of test: SUCCESS:'
	[ "$(member verdict)" = SUCCESS ] || fail "verdict in the record after SIG$signal"
done

say 'a writer that never comes back: stall lines, a verdict all the same; a second signal kills'
torture=$stuck run 1 shutdown_secs=2 stat_interval=1 verbose=0 --json "$json"
prints '^hazptr-torture: \?\?\? Writer stall state HTWS_SYNC\(3\) ver: 0 writer: 0$'
prints '^hazptr-torture: !!! writer 0 does not end, and nothing moves any more$'
prints "^hazptr-torture: !!! Writer state HTWS_SYNC\\(3\\) ver: 0 writer: 0\$"
prints '--- End of test: FAILURE:'
[ "$(member verdict)" = FAILURE ] || fail 'verdict in the record of a stuck run'
start "$stuck"
kill -INT $child
until grep -q 'ending the run' "$out"; do sleep 0.05; done
kill -INT $child
status=0
wait $child || status=$?
[ "$status" = 130 ] || fail "exit status $status after the second SIGINT"
