#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds the library, the workers of all peers that are installed, and the driver, and runs it with
# the given arguments; without any, it measures for some minutes and writes the report to docs/bench.
set -euo pipefail
cd "$(dirname "$0")/.."

source=benches/peers
build=${BUILD:-build}/bench
peers=$build/peers
for argument in "$@"; do
	case $argument in
	-h | --help)
		cat $source/src/driver/usage.txt
		exit 0
		;;
	esac
done
[ $# -gt 0 ] || set -- --out docs/bench

scripts/setup.sh cmake pkg-config c++
scripts/setup.sh liburcu-dev libck-dev libcds-dev libxenium-dev ||
	echo 'bench-peers: goes on without them' >&2

echo 'bench-peers: building' >&2
mkdir -p "$build"
cmake -S . -B "$build" -DHAZPTR_TESTS=OFF -DCMAKE_BUILD_TYPE=Release >"$build/configure.log" ||
	{ cat "$build/configure.log" >&2 && exit 1; }
cmake --build "$build" -j"${JOBS:-$(nproc)}" --target peers-workers >"$build/peers.log" ||
	{ cat "$build/peers.log" >&2 && exit 1; }

# kovan asks for a newer compiler than the others.
features=()
minor=$(rustc --version | cut -d. -f2)
[ "$minor" -lt 90 ] || features=(--features kovan)
# The alignment is that of the C workers (benches/CMakeLists.txt); the instruction is kovan's demand,
# and what x86-64 has had for twenty years.
RUSTFLAGS='-C target-feature=+cmpxchg16b -C llvm-args=-align-loops=64' \
	cargo build --quiet --release --locked "${features[@]}" \
	--manifest-path $source/Cargo.toml --target-dir "$peers"

exec "$peers/release/bench-peers" --workers "$build/benches/peers/c" "$@"
