#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# A run that must end in a certain way, and soon: expect.sh VERDICT SECONDS COMMAND...
set -euo pipefail

verdict=$1 limit=$2
shift 2
log=$(mktemp)
trap 'rm -f "$log"' EXIT

case $verdict in
SUCCESS) expected=0 ;;
FAILURE) expected=1 ;;
HAZPTR_HOTPLUG) expected=3 ;;
*) echo "no such verdict: $verdict" >&2 && exit 2 ;;
esac

status=0
timeout --signal=KILL "$limit" "$@" >"$log" 2>&1 || status=$?
cat "$log"
if [ "$status" = 137 ]; then
	echo "FAILED: not over after $limit s" >&2
	exit 1
fi
if [ "$status" != "$expected" ] || ! grep -q -- "-torture: --- End of test: $verdict:" "$log"; then
	echo "FAILED: exit status $status where $verdict was expected" >&2
	exit 1
fi
