#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# `make test`: everything that can fail without a clock. Ends with what took longest and the counts.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

# shellcheck source=scripts/parts.sh
. scripts/parts.sh

build=build/test
scripts/setup.sh cmake ninja c++ pkg-config spin valgrind clang strace python3 abidiff gdb scdoc mandoc man liburcu-dev \
	knotd kdig dnsperf || exit 1

part 'Rust unit tests, generated header' cargo test --locked && count_cargo
part 'Rust interface' cargo test --locked --package libhazptr-rust --test safe && count_cargo
part 'Rust documentation' cargo test --locked --package libhazptr-rust --doc && count_cargo
part 'Rust example' cargo run --quiet --release --locked --package libhazptr-rust --example config &&
	passed=$((passed + 1))
part 'the engine under loom' models/loom/run.sh && count_cargo
part 'build' sh -c "cmake -S . -B $build -DCMAKE_BUILD_TYPE=RelWithDebInfo &&
	cmake --build $build -j$(nproc)" && passed=$((passed + 1))
part 'C and C++ tests' ctest --test-dir $build --output-on-failure -j"$(nproc)"
count_ctest $build
part 'models and their mutants' models/run.sh &&
	passed=$((passed + $(sed -n 's/^models: \([0-9]*\) passed.*/\1/p' "$log")))

echo
echo 'The five slowest parts:'
sort -rn "$times" | awk '!/ (C and C\+\+ tests|build)$/' | head -5 | sed 's/^\([0-9.]*\) /  \1 s  /'
echo
echo "tests: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
