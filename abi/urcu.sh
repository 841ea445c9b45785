#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The interface of libhazptr-urcu, which is C and has its own debugging information, against its dump:
# urcu.sh; and --write, which `make abi` calls, writes that anew. What test.sh says of libhazptr's holds here:
# when the soname has to change, and for what inlined code uses the numbers in its names.
set -euo pipefail

[ $# = 0 ] || [ "$*" = --write ] || {
	echo 'usage: abi/urcu.sh [--write]' >&2
	exit 2
}
source=$(cd "$(dirname "$0")/.." && pwd)
command -v abidiff >/dev/null || {
	echo 'abidiff is not here (Debian: abigail-tools): not tried'
	exit 77
}
major=$(sed -n 's/^#define HAZPTR_VERSION_MAJOR //p' "$source/include/hazptr.h")
dump=$source/abi/hazptr-urcu-$major.abi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# library TREE: with the engine's names left open.
library() {
	(cd "$1/urcu" && gcc -g -std=c11 -D_GNU_SOURCE -fPIC -shared -ftls-model=initial-exec -I../include \
		assign.c complete.c epoch.c flavor.c fork.c reader.c worker.c -o "$work/library.so" \
		-Wl,-soname,"libhazptr-urcu.so.$major" -Wl,--version-script=hazptr-urcu.map)
}

# dumped OUTPUT: what the library's headers declare, no paths, no lines.
dumped() {
	abidw --no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed --type-id-style hash \
		--drop-private-types --headers-dir "$source/include" --out-file "$1" "$work/library.so"
}

if [ $# = 1 ]; then
	library "$source"
	dumped "$dump"
	echo "abi/hazptr-urcu-$major.abi: written"
	exit
fi

# same TREE: 0 if its interface is that of the dump.
same() {
	local status=0
	library "$1" || exit 1
	abidiff --headers-dir2 "$1/include" "$dump" "$work/library.so" >"$work/difference" 2>&1 || status=$?
	if ((status & 3)); then
		cat "$work/difference"
		exit 1
	fi
	return $((status != 0))
}

same "$source" || {
	cat "$work/difference"
	echo "FAILED: the interface is not that of abi/hazptr-urcu-$major.abi any more. If something was only"
	echo 'added: make abi, and commit the dump. If not, take it back, or change the soname.'
	exit 1
}

controls=0
# notices WHAT FILE SED_SCRIPT [FILE SED_SCRIPT]: a change that breaks programs.
notices() {
	local what=$1
	rm -rf "$work/tree"
	mkdir "$work/tree"
	cp -r "$source/include" "$source/urcu" "$work/tree"
	shift
	while [ $# -gt 0 ]; do
		sed -E -i "$2" "$work/tree/$1"
		! cmp -s "$source/$1" "$work/tree/$1" || { echo "FAILED: $1 has nothing for sed: $2" && exit 1; }
		shift 2
	done
	if same "$work/tree"; then
		echo "FAILED: control: $what goes unnoticed"
		exit 1
	fi
	controls=$((controls + 1))
}
notices 'a function that is not exported' urcu/hazptr-urcu.map '/hazptr_rcu_barrier;/d'
notices 'another version node' urcu/hazptr-urcu.map 's/^HAZPTR_URCU_0/HAZPTR_URCU_1/'
notices 'another type of a parameter' include/hazptr/urcu.h 's/(get_cpu_call_rcu_data\()int/\1long/' \
	urcu/assign.c 's/(get_cpu_call_rcu_data\()int/\1long/'
notices 'another return type' include/hazptr/urcu.h 's/int (hazptr_rcu_defer_register_thread)/long \1/' \
	urcu/complete.c 's/int (hazptr_rcu_defer_register_thread)/long \1/'
notices 'struct hazptr_rcu_shared: larger' include/hazptr/urcu.h 's/^extern struct hazptr_rcu_shared \{/&void *more;/' \
	urcu/epoch.c 's/\{\(void \*\)epochs/{0, (void *)epochs/'
notices 'struct rcu_flavor_struct: larger' include/hazptr/urcu.h 's/^struct rcu_flavor_struct \{/&void (*more)(void);/'
echo "interface of libhazptr-urcu.so.$major: as promised; $controls changes were noticed"
