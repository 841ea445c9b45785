#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# `make abi`: writes the dump of this soname's interface anew. See test.sh for when that is right.
set -eu
cd "$(dirname "$0")"
[ $# = 0 ] || {
	echo 'usage: abi/write.sh, without arguments' >&2
	exit 2
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
./stub.sh ../include ../cmake/hazptr.map "$work/stub.so"
major=$(sed -n 's/^#define HAZPTR_VERSION_MAJOR //p' ../include/hazptr.h)
# What is not the interface stays out: paths, line numbers, the compiler's directory.
abidw --no-corpus-path --no-comp-dir-path --no-show-locs --no-elf-needed --load-all-types \
	--type-id-style hash --out-file "hazptr-$major.abi" "$work/stub.so"
echo "abi/hazptr-$major.abi: written"
