#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# docs/debugging.md has each kind of report that the header has, and no other; and each is provoked by debug.c.
set -eu
root=$1

kinds() {
	grep -o 'HAZPTR_DEBUG_[A-Z_]*' "$1" | sort -u
}
kinds "$root/include/hazptr.h" >"$2/declared"
sed -n '/^| kind/,/^$/p' "$root/docs/debugging.md" >"$2/table"
[ "$(grep -c '^| .HAZPTR_DEBUG_' "$2/table")" = "$(wc -l <"$2/declared")" ]
for found in "$2/table" "$root/ffi-tests/debug.c"; do
	kinds "$found" | diff "$2/declared" -
done
