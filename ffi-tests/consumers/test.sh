#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds a project that uses the library, as its user would, and looks at what came out.
#
# Each directory here is such a project, but for check.sh, which says what must hold of it; that is
# run in a copy of the directory, with the functions below.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)

usage() {
	cat <<END
usage: test.sh prepare BUILD_DIR   install the library for the others, into BUILD_DIR/consumers
       test.sh NAME BUILD_DIR      test one project: $(cd "$here" && echo */ | tr -d /)

BUILD_DIR is where CMake has built the library. Exit status: 0, 1 if something does not hold, 2 for
wrong arguments.
END
}

if [ "${1-}" = --help ]; then usage && exit; fi
if [ $# != 2 ] || ! { [ "$1" = prepare ] || [ -f "$here/$1/check.sh" ]; }; then
	usage >&2
	exit 2
fi
name=$1
if [ ! -f "$2/lib/libhazptr.a" ]; then
	echo "test.sh: there is no library in $2; first:" \
		"cmake -S $(realpath "$here/../..") -B $2 && cmake --build $2" >&2
	exit 2
fi
build=$(realpath "$2")
# shellcheck disable=SC2034 # for check.sh, as are others below
source=$(realpath "$here/../..")
shared=$build/consumers
prefix=$shared/prefix
archive=$shared/hazptr.tar.gz

# What the machine's own user has set is for other builds.
unset CMAKE_PREFIX_PATH PKG_CONFIG_PATH PKG_CONFIG_LIBDIR LD_LIBRARY_PATH DESTDIR
unset CFLAGS CXXFLAGS LDFLAGS CC CXX CMAKE_GENERATOR MAKEFLAGS
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT

say() { printf '  %s\n' "$*"; }
fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# quietly COMMAND...: must succeed; what it prints is for when it does not.
quietly() {
	"$@" >"$work/log" 2>&1 || { cat "$work/log" >&2 && fail "$*"; }
}

# refused MESSAGE COMMAND...: must fail, with this in what it prints.
refused() {
	local message=$1
	shift
	if "$@" >"$work/log" 2>&1; then fail "succeeds: $*"; fi
	# CMake breaks lines where it likes.
	tr -s '\n ' ' ' <"$work/log" | grep -qF -- "$message" ||
		{ cat "$work/log" >&2 && fail "does not say \"$message\": $*"; }
}

# Without network, as far as we may; cargo is told so in any case.
offline=(env CARGO_NET_OFFLINE=true)
for way in -n -rn; do
	if unshare "$way" true 2>/dev/null; then
		offline=(unshare "$way" "${offline[@]}")
		break
	fi
done

# cmake_build SOURCE BUILD [OPTION...] [-- BUILD_OPTION...]
cmake_build() {
	local from=$1 to=$2 options=()
	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	quietly "${offline[@]}" cmake -S "$from" -B "$to" "${options[@]}"
	quietly "${offline[@]}" cmake --build "$to" "${@:2}"
}

# unpack_hazptr DIRECTORY: the sources, as DIRECTORY/hazptr.
unpack_hazptr() {
	mkdir -p "$1"
	tar -C "$1" -xf "$archive"
}

# port COMMAND...: the program does what they all do.
port() {
	local said
	said=$("$@") || fail "exit status $?: $*"
	[ "$said" = 'port 8080' ] || fail "prints \"$said\": $*"
}

needed() { readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }
needs() { needed "$1" | grep -qxF "$2" || fail "$1 is not linked with $2"; }
needs_no_hazptr() {
	! needed "$1" | grep -q hazptr || fail "$1 is linked with the shared library"
}
# The fast paths look into the library; calls do not. Of an object, or of a program linked with the
# shared library.
inlined() { nm "$1" | grep -q ' U hazptr_control_1'; }

# What a release has of the library, without what only its own tests need.
pack() {
	local files=(CMakeLists.txt Cargo.lock Cargo.toml LICENSE-APACHE LICENSE-MIT THIRD-PARTY build.rs
		cmake gdb include man pkgconfig src rust urcu)
	local vendored
	for vendored in .cargo vendor; do
		if [ -e "$source/$vendored" ]; then files+=("$vendored"); fi
	done
	tar -C "$source" --transform='s,^,hazptr/,S' -czf "$archive" "${files[@]}"
}

if [ "$name" = prepare ]; then
	rm -rf "$prefix"
	mkdir -p "$shared"
	quietly cmake --install "$build" --prefix "$prefix"
	pack
	exit
fi

[ -d "$prefix" ] || fail "first: $0 prepare $2"
cp -rL "$here/$name/." "$work"
cd "$work"
# shellcheck source=/dev/null
. "$here/$name/check.sh"
