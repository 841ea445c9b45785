#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds examples/reload.c outside the tree against the library installed in PREFIX, runs it, then
# runs it again without the wait, which must be noticed.
#
# usage: demo.sh PREFIX
set -eu

if [ $# -ne 1 ]; then
	echo 'usage: demo.sh PREFIX' >&2
	exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
unset MAKEFLAGS MFLAGS MAKELEVEL # of the make that runs this

fail() {
	echo "demo: $*" >&2
	exit 1
}

prefix=$(cd "$1" 2>/dev/null && pwd) || fail "no directory $1"

libdir=
for dir in "$prefix"/lib "$prefix"/lib64 "$prefix"/lib/*; do
	if [ -z "$libdir" ] && [ -e "$dir/libhazptr.so" ]; then libdir=$(cd "$dir" && pwd); fi
done
[ "$libdir" ] || fail "the library is not installed in $prefix"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cp "$here"/*.[ch] "$here"/Makefile "$here"/services "$work"
cd "$work"

echo "== A program outside the tree, built against the library in $prefix"
if command -v pkg-config >/dev/null; then
	PKG_CONFIG_PATH=$libdir/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH} make reload
else
	make reload HAZPTR="-I'$prefix/include' -L'$libdir' -lhazptr -Wl,-rpath,'$libdir'"
fi || fail 'it does not build'

echo
echo '== Threads look services up; a writer replaces the table, waits, and frees the old one'
./reload --seconds 3 || fail 'it should have passed'

echo
echo '== The same without the wait: the check must notice'
status=0
./reload --seconds 30 --no-wait >no-wait 2>&1 || status=$?
cat no-wait
[ "$status" -eq 1 ] && grep -q '^FAIL: a wrong answer .* poisoned' no-wait ||
	fail "nothing was noticed (status $status): the check is worth nothing"

echo
echo 'demo: right with hazptr_synchronize(), noticed without'
