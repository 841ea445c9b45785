#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The C++ and the Rust interface cost nothing over C: their loops execute as many instructions, but for one
# or two. Counted by callgrind, which knows no rseq: so in mode membarrier.
# usage: cost.sh SOURCE_DIR BUILD_DIR COST COST_INLINE COST_STATIC
set -euo pipefail

source=$1 build=$2 cost=$3 inline=$4 static=$5
cargo build --quiet --release --locked --manifest-path "$source/Cargo.toml" --package libhazptr-rust \
	--example cost --target-dir "$build/rust"
rust=$build/rust/release/examples/cost

count() {
	valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 | sed -n 's/.*Collected : //p'
}
# each COMMAND...: instructions each time, of what the command does so often.
each() {
	local few many
	few=$(count "$@" 1000)
	many=$(count "$@" 11000)
	echo $(((many - few + 5000) / 10000))
}
# no_more WHAT ROOM THIS THAT
no_more() {
	echo "$1: $3, C: $4"
	[ "$3" -gt 0 ] && [ "$3" -le $(($4 + $2)) ] || {
		echo "cost.sh: $1 takes $3 instructions, C $4" >&2
		exit 1
	}
}

for what in kept pair made; do
	no_more "C++, $what, by call" 1 "$(each "$cost" $what c++)" "$(each "$cost" $what c)"
	no_more "C++, $what, inlined" 1 "$(each "$inline" $what c++)" "$(each "$inline" $what c)"
done
for what in kept pair; do
	no_more "Rust, $what" 2 "$(each "$rust" $what)" "$(each "$static" $what c)"
done
