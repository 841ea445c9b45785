#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# <hazptr/hazptr.hpp> is accepted without a warning, and does the same, whatever it is compiled by.
# usage: compilers.sh SOURCE_DIR LIBRARY_DIR
set -eu

source=$1
lib=$2
tests=$source/ffi-tests/cplusplus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0

# build COMPILER FLAG...: all programs, and runs them.
build() {
	for program in saferecl beyond; do
		# The library's own checks are C, and not so strict.
		"$@" -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Werror -O2 -I "$source/include" \
			-isystem "$source/ffi-tests" "$tests/$program.cpp" -o "$work/$program" -pthread \
			-L "$lib" -lhazptr "-Wl,-rpath,$lib" || {
			echo "compilers.sh: $program.cpp is refused by: $*" >&2
			exit 1
		}
		"$work/$program" || {
			echo "compilers.sh: $program fails, compiled by: $*" >&2
			exit 1
		}
		count=$((count + 1))
	done
}

for compiler in g++ clang++; do
	command -v $compiler >/dev/null || {
		echo "compilers.sh: $compiler is missing" >&2
		exit 1
	}
	for standard in c++17 c++20 c++2b; do
		build $compiler -std=$standard
		build $compiler -std=$standard -DHAZPTR_INLINE -DHAZPTR_STD_NAMES
	done
	build $compiler -std=c++17 -fno-exceptions -fno-rtti
	build $compiler -std=c++20 -fno-exceptions -fno-rtti -DHAZPTR_INLINE
done

# As C headers are included by some.
cat >"$work/as_c.cpp" <<'END'
extern "C" {
#include <hazptr.h>
}
int main() { return 0; }
END
for compiler in g++ clang++; do
	$compiler -std=c++17 -Wall -Wextra -Werror -I "$source/include" -fsyntax-only "$work/as_c.cpp"
done

# What a class must not do, the compiler says in words.
cat >"$work/wrong.cpp" <<'END'
#include <hazptr/hazptr.hpp>
struct wrong { int i; };
void protect(hazptr::hazard_pointer &p, std::atomic<wrong *> &source) { p.protect(source); }
END
for compiler in g++ clang++; do
	if $compiler -std=c++17 -I "$source/include" -fsyntax-only "$work/wrong.cpp" 2>"$work/said"; then
		echo "compilers.sh: $compiler accepts a class that is not protectable" >&2
		exit 1
	fi
	grep -q 'derive T from hazard_pointer_obj_base' "$work/said" || {
		cat "$work/said" >&2
		exit 1
	}
done
echo "compilers.sh: $count programs"
