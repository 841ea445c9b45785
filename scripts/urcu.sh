#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# `make test-urcu`: what `make test` does for seconds, for DURATION (20) seconds each, beside liburcu itself where
# that is of interest; and the figures.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

# shellcheck source=scripts/parts.sh
. scripts/parts.sh

build=build/test
duration=${DURATION:-20}
tests=$build/ffi-tests/urcu
ours=$build/lib/hazptr-urcu
scripts/setup.sh cmake ninja c++ pkg-config spin clang liburcu-dev knotd kdig dnsperf || exit 1

part 'build' sh -c "cmake -S . -B $build -DCMAKE_BUILD_TYPE=RelWithDebInfo && cmake --build $build -j$(nproc)"
part 'model and its mutants' models/run.sh --deep urcu
part 'tests' ctest --test-dir $build --output-on-failure -R 'urcu'
part 'controls' ffi-tests/urcu/controls.sh . $build/lib $tests/rcutorture --long
for program in rcutorture rcutorture-inline; do
	for mode in rseq membarrier fence; do
		for workers in default percpu thread rt; do
			part "$program, mode $mode, workers $workers" env HAZPTR_MODE=$mode $tests/$program \
				--duration="$duration" --workers=$workers --fork=5
		done
	done
done
part 'liburcu-cds and its hash table' $tests/lfht --seconds="$duration" --fork=5 --fork-quiet=0
part 'knotd: the checks' ffi-tests/urcu/knot/test.sh --self-test $ours
part 'knotd, on liburcu and on ours' ffi-tests/urcu/knot/test.sh "$duration" stock $ours
cat "$log"
part 'figures' sh -c "cmake -S . -B build/bench -DHAZPTR_TESTS=OFF -DCMAKE_BUILD_TYPE=Release >/dev/null &&
	cmake --build build/bench -j$(nproc) --target urcubench >/dev/null && build/bench/benches/urcu/urcubench 2>/dev/null"
cat "$log"
echo "test-urcu: $failed failed"
[ "$failed" = 0 ]
