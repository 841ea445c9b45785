#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# A run that must fail, for a certain reason: control.sh PATTERN COMMAND...
pattern=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT

"$@" >"$log" 2>&1
status=$?
cat "$log"
[ "$status" = 1 ] || {
	echo "FAILED: exit status $status where 1 was expected" >&2
	exit 1
}
grep -q "$pattern" "$log" || {
	echo "FAILED: nothing there of: $pattern" >&2
	exit 1
}
