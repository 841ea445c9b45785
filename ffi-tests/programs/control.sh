#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# A call that is broken on purpose has to be found, and in a program that a person can read.
#
# usage: control.sh PROGRAMS WHAT
set -euo pipefail

programs=$1 broken=$2
status=0
said=$("$programs" --break "$broken" --patience 1) || status=$?
echo "$said"
if [ "$status" != 1 ]; then
	echo "control: exit status $status; --break $broken should have been found" >&2
	exit 1
fi
steps=$(sed -n 's/^least failing program, \([0-9]*\) steps:$/\1/p' <<<"$said")
if [ "${steps:-99}" -gt 6 ]; then
	echo "control: the least program has ${steps:-no} steps, more than 6" >&2
	exit 1
fi
