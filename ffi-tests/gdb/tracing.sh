#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# tracing.sh docs/tracing.md libhazptr.so holder: the library, stripped, has the tracepoints that are documented,
# with as many arguments, and no others; and a debugger that stops at one finds the arguments.
set -u
[ $# = 3 ] || {
	echo 'usage: tracing.sh tracing.md libhazptr.so holder' >&2
	exit 2
}
doc=$1
library=$2
program=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT

strip -o "$work/libhazptr.so.0" "$library" || exit 1
# name and number of arguments
sed -n 's/^| `\([a-z_]*\)` | \([^|]*\) |.*/\1 \2/p' "$doc" | awk -F'[ ,]+' '{ print $1, NF - 1 }' | sort >"$work/documented"
readelf -nW "$work/libhazptr.so.0" | awk '
	/Provider:/ { ours = $NF == "hazptr" }
	$1 == "Name:" { name = $2 }
	$1 == "Arguments:" && ours { print name, NF - 1 }' | sort -u >"$work/there"
[ -s "$work/there" ] || {
	echo 'tracing.sh: no tracepoints in the library' >&2
	exit 1
}
diff "$work/documented" "$work/there" >&2 || {
	echo 'tracing.sh: above, what is documented (<) and what is there (>)' >&2
	exit 1
}

LD_LIBRARY_PATH=$work HAZPTR_MAX_LINES=0 gdb -q -nx -batch -ex 'set breakpoint pending on' \
	-ex 'break main' -ex run -ex 'break -probe-stap hazptr:acquire_slow' -ex continue \
	-ex 'print $_probe_argc' -ex 'print $_probe_arg0 == &near_slot' -ex 'print $_probe_arg1 == &held' \
	"$program" >"$work/says" 2>&1
if grep -Eq 'ptrace|[Cc]ould not trace' "$work/says"; then
	echo 'tracing.sh: no ptrace here' >&2
	exit 77
fi
for line in '1 = 2' '2 = 1' '3 = 1'; do
	grep -q "^\$$line\$" "$work/says" || {
		echo "tracing.sh: gdb does not say \$$line:" >&2
		cat "$work/says" >&2
		exit 1
	}
done
