# shellcheck shell=bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# For scripts that show that a test can fail: to be sourced. Sets $work, and takes $source and $lib from
# who sources it.

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# broken FILE PERL: $work/libhazptr-urcu.so.0, of sources of which that one is so changed.
broken() {
	rm -rf "$work/source"
	mkdir "$work/source"
	cp -r "$source/urcu" "$source/include" "$work/source"
	perl -0pi -e "$2" "$work/source/$1"
	! cmp -s "$work/source/$1" "$source/$1" || fail "$1 has nothing that changes by $2"
	cc -std=c11 -D_GNU_SOURCE -O2 -fPIC -shared -ftls-model=initial-exec -I"$work/source/include" \
		-Wl,--version-script="$source/urcu/hazptr-urcu.map" -Wl,-soname,libhazptr-urcu.so.0 \
		"$work"/source/urcu/{assign,complete,epoch,flavor,fork,reader,worker}.c -L"$lib" -lhazptr -pthread \
		-o "$work/libhazptr-urcu.so.0"
}
