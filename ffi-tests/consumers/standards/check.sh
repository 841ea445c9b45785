# shellcheck shell=bash disable=SC2154 # variables of ../test.sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Two programs each in C and C++, compiled by the strictest rules in every standard, calling and
# inlined, and run. (ffi-tests/headers.sh compiles all that the headers offer, and mistakes.)

warnings='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror'

# in_standards COMPILER FILE STANDARD...
in_standards() {
	local compiler=$1 file=$2 more='' standard way
	case $file in rcu*) more=hazptr-urcu ;; esac
	shift 2
	if ! command -v "$compiler" >/dev/null; then
		say "$compiler is not here: not tried"
		return
	fi
	for standard; do
		for way in hazptr hazptr-inline; do
			# shellcheck disable=SC2046,SC2086 # lists
			quietly "$compiler" -std="$standard" $warnings -O2 "$file" -o program \
				$(pkg-config --cflags --libs $way $more) -Wl,-rpath,"$prefix/lib"
			port ./program
		done
	done
	say "$compiler, $file: $*"
}

for program in port rcu; do
	in_standards gcc $program.c c99 c11 c17 c2x
	in_standards clang $program.c c99 c11 c17 c2x
	in_standards g++ $program.cpp c++11 c++14 c++17 c++20 c++2b
	in_standards clang++ $program.cpp c++11 c++14 c++17 c++20 c++2b
done
