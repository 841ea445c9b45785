#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# A library that has the interface of the headers and nothing else: stub.sh INCLUDE_DIR MAP OUTPUT
#
# abidiff reads types from debugging information, of which the library itself has none: it is Rust
# and assembly. So what the headers declare is made into empty functions, and compiled with -g.
# By gcc, as the committed dump was: clang leaves out types that nothing reaches. Nothing here names
# a function or a constant; the headers do.
set -euo pipefail
export LC_ALL=C # names are sorted

include=$(realpath "$1") map=$(realpath "$2") output=$(realpath "$3")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" # whose name is then not in the output

# Without the macros, which declare nothing.
headers() {
	printf '#%s\n' 'define HAZPTR_MACROS_H' 'include <hazptr.h>' 'include <hazptr/control.h>'
}

# Compiled into programs as types are: masks, modes, sizes. Not those of the version, nor guards.
constants() {
	headers | gcc -I"$include" -E -dM - |
		sed -nE '/HAZPTR_(VERSION|HAS)_/d
			s/^#define (HAZPTR_\w+) (U?INT[0-9]+_C\()?-?[0-9]\w*\)?$/\1/p' |
		sort
}

{
	headers
	sed -n 's/^HAZPTR_API \(.*\);$/\1 { for (;;); }/p' "$include/hazptr.h"
	echo 'struct hazptr_control hazptr_control_block_stub __asm__(HAZPTR_CONTROL_SYMBOL);'
	# Each in a type of its own: in one, abidiff takes two names of one number for each other.
	constants | sed 's/.*/enum type_of_& { value_of_& = & } stub_of_&;/'
	echo 'enum hazptr_line_state hazptr_line_state_stub;'
} >stub.c
major=$(sed -n 's/^#define HAZPTR_VERSION_MAJOR //p' "$include/hazptr.h")
gcc -g -fPIC -shared -nostdlib -I"$include" stub.c -o "$output" \
	-Wl,-soname,"libhazptr.so.$major" -Wl,--version-script="$map"
