#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# A mistake is found, and by what it is: found.sh COMPLAINT PROGRAM [ARGUMENT...]
# COMPLAINT is an extended regular expression.
complaint=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if "$@" >"$log" 2>&1; then
	cat "$log"
	echo "found.sh: the mistake was not found"
	exit 1
fi
cat "$log"
grep -Eq "$complaint" "$log" || {
	echo "found.sh: it ended otherwise than by: $complaint"
	exit 1
}
