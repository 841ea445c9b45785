#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Makes the libraries to be installed out of the archive that cargo builds.
#
# usage: link-library.sh [--sanitized | --unstripped] CARGO_ARCHIVE MAP OUTPUT_DIR VERSION [PREFIX]
#
# Cargo's archive holds all of Rust's core library and defines hundreds of global symbols, so that
# two of them cannot be linked into one program. Here everything that the exported functions do not
# reach is dropped and everything that MAP does not name becomes local. PREFIX, if given, is put
# before every exported name: the weakened engines of ffi-tests/ must not be mistaken for the
# library, and get no shared one. Nor does an archive built with a sanitizer, whose functions are
# left undefined for a program's compiler to add. --unstripped keeps the debugging information.
#
# CC, LD, AR, OBJCOPY and LDFLAGS are what they are to make; LDFLAGS are the compiler's, and for the
# shared library. LD has to be GNU ld: lld drops nothing when it makes an object file.
set -eu

sanitized=
strip=--strip-debug
case $1 in
--sanitized) sanitized=1 strip= ;; # a report names lines
--unstripped) strip= ;;
esac
[ -n "$strip" ] || shift
archive=$1 map=$2 out=$3 version=$4 prefix=${5-}
major=${version%%.*}
names=$(sed -n 's/^[[:space:]]*\([a-z_0-9]*\);$/\1/p' "$map")
object=$out/hazptr${prefix:+-$prefix}.o

mkdir -p "$out"
roots=
for name in $names; do roots="$roots -u $name"; done
# shellcheck disable=SC2086 # one word a flag
"${LD:-ld}" -r --gc-sections $roots -o "$object" "$archive"

keep=
for name in $names; do
	keep="$keep --keep-global-symbol=$prefix$name"
	# A reader's calls cost little more than being made: each cache line of code that they need
	# is a tenth of it. So an exported function begins one.
	keep="$keep --set-section-alignment .text.$name=64"
	# LLVM's objcopy asks for the name from before the renaming, GNU's for the one after.
	if [ -n "$prefix" ]; then
		keep="$keep --keep-global-symbol=$name --redefine-sym $name=$prefix$name"
	fi
done
if [ -n "$sanitized" ]; then
	# What the compiler of Rust calls so, older run-times have only as what they intercept.
	for name in memcpy memmove memset; do
		keep="$keep --redefine-sym __tsan_$name=$name"
	done
fi
# Debian's ar chokes on the bitcode sections; the debug sections are rustc's own view.
# shellcheck disable=SC2086
"${OBJCOPY:-objcopy}" $keep $strip --remove-section=.llvmbc --remove-section=.llvmcmd "$object"

rm -f "$out/lib${prefix}hazptr.a"
"${AR:-ar}" rcsD "$out/lib${prefix}hazptr.a" "$object"
[ -z "$prefix$sanitized" ] || exit 0
# shellcheck disable=SC2086
"${CC:-cc}" -shared -nostartfiles -o "$out/libhazptr.so.$version" "$object" ${LDFLAGS-} \
	-Wl,-soname,"libhazptr.so.$major" -Wl,--version-script="$map" \
	-Wl,-z,defs -Wl,-z,nodelete -Wl,-z,now -Wl,-z,relro -Wl,--gc-sections
ln -sf "libhazptr.so.$version" "$out/libhazptr.so.$major"
ln -sf "libhazptr.so.$major" "$out/libhazptr.so"
