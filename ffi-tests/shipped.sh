#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# What is shipped exports the names of the map and no others, knows nothing of what weakens an engine
# for the tests, and its sequences are not widened.
#
# usage: shipped.sh SHARED_LIBRARY ARCHIVE MAP
set -u

failed=0
complain() {
	echo "$1"
	failed=1
}

names=$(sed -n 's/^[[:space:]]*\([a-z_0-9]*\);$/\1/p' "$3" | sort)
dynamic=$(nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort)
static=$(nm -g --defined-only "$2" | awk 'NF == 3 { print $3 }' | sort)
[ -n "$names" ] || complain "no names in $3"
[ "$dynamic" = "$names" ] || complain "$1 exports: $dynamic"
[ "$static" = "$names" ] || complain "$2 exports: $static"

for library in "$1" "$2"; do
	if nm "$library" | grep -iE 'weaken|widen' || strings -a "$library" | grep -iE 'weaken|widen'; then
		complain "$library has that in it"
	fi
	# The fast path: disassembled at all, and without a spin.
	code=$(objdump -d --disassemble=hazptr_acquire "$library")
	case $code in
	*pause*) complain "$library: pause in hazptr_acquire" ;;
	*ret*) ;;
	*) complain "$library: no code of hazptr_acquire" ;;
	esac
done
exit $failed
