#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# A program that uses what has ended finds an error, or crashes of it. It must not end well.
status=0
"$1" --expect-error || status=$?
case $status in
0) echo 'wrong.sh: found' ;;
1) echo 'wrong.sh: no error found' >&2 && exit 1 ;;
*) echo "wrong.sh: it crashed ($status)" ;;
esac
