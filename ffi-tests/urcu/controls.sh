#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# rcutorture on libraries with something left out or in the wrong order, each of which it must notice:
# controls.sh SOURCE_DIR LIB_DIR RCUTORTURE [--long]. First the library as it is, built the same way.
set -euo pipefail

source=$1 lib=$2 torture=$3
# shellcheck source=ffi-tests/urcu/broken.sh
. "$source/ffi-tests/urcu/broken.sh"

# run MODE DURATION OPTION... What is broken may not come to an end.
run() {
	local mode=$1 duration=$2
	shift 2
	HAZPTR_STALL_MS=0 HAZPTR_MODE=$mode LD_LIBRARY_PATH=$work:$lib timeout 100 "$torture" --duration="$duration" \
		--patience=15 "$@" >"$work/out" 2>&1
}

# control NAME MODE FILE PERL [OPTION...]: a run that goes on until it is noticed, a minute at most.
control() {
	local name=$1 mode=$2 file=$3 change=$4 status=0
	shift 4
	broken "urcu/$file" "$change"
	run "$mode" 60 "$@" || status=$?
	if [ $status = 0 ]; then
		cat "$work/out"
		fail "not noticed: $name"
	fi
	# Noticed by the program, or so broken that it crashed or came to no end; not one that did not start.
	if ! grep -q '^rcutorture: FAILURE' "$work/out" && [ $status != 124 ] && [ $status -lt 128 ]; then
		cat "$work/out"
		fail "$name: exit status $status"
	fi
	printf '  %s, in %s s: %s\n' "$name" "$(sed -n 's/.* seconds=\([0-9.]*\).*/\1/p' "$work/out")" "$(sed -n 's/^rcutorture: //p' "$work/out" | head -1)"
}

broken urcu/epoch.c 's/Grace periods\./As it is./'
run rseq 2 --fork=5 || { cat "$work/out" && fail 'the library as it is'; }

for mode in rseq fence; do
	control "no wait for readers ($mode)" $mode epoch.c 's/\thazptr_synchronize\(before\);\n//'
done
control 'the epoch is not loaded again' fence reader.c \
	's/context->epoch = .*?;/context->epoch = __atomic_load_n(\&hazptr_rcu_shared_inlined()->epoch, __ATOMIC_ACQUIRE);\n\thazptr_hold(&context->ctx);\n\thazptr_publish(&context->ctx, context->epoch);/s'
control 'the epoch is not loaded again, in mode membarrier' membarrier reader.c \
	's/context->epoch = .*?;/context->epoch = __atomic_load_n(\&hazptr_rcu_shared_inlined()->epoch, __ATOMIC_ACQUIRE);\n\thazptr_hold(&context->ctx);\n\thazptr_publish(&context->ctx, context->epoch);/s'
control 'a grace period that has begun is shared' rseq epoch.c 's/__ATOMIC_ACQ_REL\) \+ 1;/__ATOMIC_ACQ_REL);/'
control 'waiters are not one after the other' rseq epoch.c 's/\tpthread_mutex_(un)?lock\(&lock\);\n//g' --updaters=4
control 'callbacks do not wait for readers' rseq worker.c 's/\thazptr_rcu_synchronize_rcu\(\);\n//'
control 'a worker that is freed drops its callbacks' rseq worker.c \
	's/\thand_over\(worker\);\n/\tqueue_take_all(&worker->queue);\n/' --workers=thread --churn-ms=20
control 'the barrier does not go to the last worker' rseq complete.c \
	's/left = count_workers\(\);/left = count_workers() - 1;/; s/(_first\(\); )worker(; worker = \S+\) \{)/$1hazptr_rcu_workers_next(worker)$2/' --workers=thread

# These show themselves by children that hang, and seldom.
[ "${4-}" = --long ] || exit 0
control 'workers do not rest for a fork' rseq fork.c 's/\trequest_of_all\(WORKER_PAUSE, 0\);\n//' --fork=50
control 'a child keeps its parent'"'"'s locks' rseq fork.c \
	's/\thazptr_rcu_workers_lock_anew\(\);\n\thazptr_rcu_epoch_after_fork\(\);\n//' --fork=50
