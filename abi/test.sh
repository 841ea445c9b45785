#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The interface is the one that was promised: abi/hazptr-N.abi, one dump for each soname N.
#
# usage: test.sh LIBRARY, the shared library as built
#
# When what has to change, besides the dump (`make abi`):
# - Functions, constants or types were added: HAZPTR_VERSION_MINOR, and new functions into a new
#   node of cmake/hazptr.map and packaging/debian/libhazptr0.symbols. Programs go on as before.
# - A function, a type that programs know the layout of, or a constant was changed or taken away:
#   the soname, which is Cargo.toml's and the header's major version, with it build.rs, the nodes of
#   cmake/hazptr.map and the names in packaging/debian/. The old dump stays, for those who still
#   have the old library.
# - struct hazptr_control, a constant of <hazptr/control.h>, or what inlined code does with them:
#   the number in hazptr_control_N and HAZPTR_CONTROL_LAYOUT (src/control.rs, hazptr/control.h), in
#   the node HAZPTR_CONTROL_N of cmake/hazptr.map, and in what Debian's libhazptr0 provides, the name
#   libhazptr-control-N (control, libhazptr0.symbols). The soname stays: only programs with inlined
#   code know the layout. Those the loader refuses for want of the old node, and package managers
#   do before that, for want of what had it.
set -euo pipefail

if [ $# != 1 ] || [ ! -f "$1" ]; then
	echo 'usage: abi/test.sh LIBRARY, the shared library as built' >&2
	exit 2
fi
library=$1
source=$(cd "$(dirname "$0")/.." && pwd)
command -v abidiff >/dev/null || {
	echo 'abidiff is not here (Debian: abigail-tools): not tried'
	exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
complain() {
	echo "FAILED: $*"
	failed=1
}

# --- the interface as it is ----------------------------------------------------------------------

# compare TREE: its headers and map against the dump. 0 the same, 1 different, in $work/difference.
compare() {
	local status=0
	"$source/abi/stub.sh" "$1/include" "$1/cmake/hazptr.map" "$work/stub.so" || exit 1
	abidiff --non-reachable-types "$dump" "$work/stub.so" >"$work/difference" 2>&1 || status=$?
	# Bit 2: different. Bits 0 and 1: abidiff itself failed.
	if ((status & 3)); then
		cat "$work/difference"
		exit 1
	fi
	return $((status != 0))
}

symbols() { nm -D --defined-only "$1" | awk '{ print $3 }' | sort; }
soname() { readelf -dW "$1" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p'; }

major=$(sed -n 's/^#define HAZPTR_VERSION_MAJOR //p' "$source/include/hazptr.h")
dump=$source/abi/hazptr-$major.abi
[ -f "$dump" ] || {
	echo "$dump is missing: a new soname? make abi writes it; commit it"
	exit 1
}
if ! compare "$source"; then
	cat "$work/difference"
	complain "the interface is not that of abi/hazptr-$major.abi any more."
	echo 'If something was only added: make abi, and commit the dump. If not, programs break:'
	echo 'take it back, or change the soname or hazptr_control_N; abi/test.sh says which.'
	exit 1
fi
diff <(symbols "$work/stub.so") <(symbols "$library") ||
	complain "the headers (<) and $library (>) differ in what they export"
[ "$(soname "$work/stub.so")" = "$(soname "$library")" ] ||
	complain "soname: $(soname "$library") where the header's major version is $major"

# --- controls: what must be noticed --------------------------------------------------------------

# same_with FILE SED_SCRIPT: whether the interface is the same with one file edited.
same_with() {
	rm -rf "$work/tree"
	mkdir -p "$work/tree/cmake"
	cp -r "$source/include" "$work/tree"
	cp "$source/cmake/hazptr.map" "$work/tree/cmake"
	sed -E "$2" "$source/$1" >"$work/tree/$1"
	! cmp -s "$source/$1" "$work/tree/$1" || complain "control: $1 has nothing for sed: $2"
	compare "$work/tree"
}

controls=0
# notices WHAT FILE SED_SCRIPT
notices() {
	if same_with "$2" "$3"; then complain "control: $1 goes unnoticed"; fi
	controls=$((controls + 1))
}

header=include/hazptr.h
control=include/hazptr/control.h
map=cmake/hazptr.map
same_with $header 's/^( *)\* .*/\1* Other words,\n\1* and more of them./' ||
	complain 'control: a change of comments alone is taken for one of the interface'

mapfile -t functions < <(sed -nE 's/^HAZPTR_API .*[ *](\w+)\(.*/\1/p' "$source/$header")
for function in "${functions[@]}"; do
	declaration="^HAZPTR_API .*[ *]$function\\("
	notices "$function: another return type" $header "s/($declaration)/HAZPTR_API double $function(/"
	notices "$function: another type of a parameter" $header \
		"s/($declaration)[^,)]*/\\1char *other/"
	notices "$function: one parameter more" $header \
		"/$declaration/{s/\\);/, int more);/; s/\\(void, /(/}"
	notices "$function: taken away" $header "/$declaration/d"
	notices "$function: not exported" $map "/$function;/d"
done
for struct in slot backup_slot ctx statistics head cohort reclaim_policy; do
	notices "struct hazptr_$struct: larger" $header "s/^struct hazptr_$struct \\{/&int more;/"
done
notices 'members changed places' $header \
	's/(uint32_t )generation/\1f/; s/flags/generation/; s/ f;/ flags;/'
notices 'a mode: another number' $header 's/(HAZPTR_MODE_FENCE) 3/\1 4/'
for struct in control line; do
	notices "struct hazptr_$struct: larger" $control "s/^struct hazptr_$struct \\{/&int more;/"
done
notices 'nr_cpus: another type' $control 's/uint32_t nr_cpus/uint64_t nr_cpus/'
notices 'nr_cpus in the place of word' $control \
	's/uint32_t word/uint32_t w/; s/nr_cpus/word/; s/ w;/ nr_cpus;/'
notices 'slots in a line: one less' $control 's/(HAZPTR_LINE_SLOTS) 15/\1 14/'
notices 'lines in the first chunk' $control 's/(HAZPTR_LINES_FIRST) 32/\1 64/'
notices 'the mask of slow releases' $control 's/0x00ffffff/0x007fffff/'
notices 'a line state: another number' $control 's/HAZPTR_LINE_PARKED,/HAZPTR_LINE_PARKED = 4,/'
notices 'the control block: another name' $control 's/hazptr_control_1/hazptr_control_2/'
notices 'another version node' $map 's/^HAZPTR_0/HAZPTR_1/'
notices 'another version node of the control block' $map 's/^HAZPTR_CONTROL_1/HAZPTR_CONTROL_2/'

[ "$failed" = 0 ] || exit 1
echo "interface of $(soname "$library"): as promised; $controls changes were noticed"
