# shellcheck shell=bash disable=SC2154 # variables of ../test.sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# The archive and another static library in Rust, std included, in one program.

quietly rustc --edition 2024 --crate-type staticlib -O other.rs -o libother.a
for libraries in "$prefix/lib/libhazptr.a libother.a" "libother.a $prefix/lib/libhazptr.a" \
	"-Wl,--whole-archive $prefix/lib/libhazptr.a libother.a -Wl,--no-whole-archive"; do
	say "both.c ${libraries//$prefix\/lib\//}"
	# shellcheck disable=SC2086 # a list
	quietly cc -I"$prefix/include" both.c -o both $libraries
	port ./both
done
