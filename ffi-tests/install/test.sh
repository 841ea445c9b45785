#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# What is installed: test.sh BUILD_DIR installs into a staging directory and looks at that; and the
# README's program compiles by the README's line. How projects use it: ffi-tests/consumers.
set -euo pipefail

build=$(cd "$1" && pwd)
source=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=/opt/hazptr
stage=$work/stage
lib=$stage$prefix/lib
map=$source/cmake/hazptr.map

say() { printf '  %s\n' "$*"; }
fail() {
	echo "FAILED: $*" >&2
	exit 1
}
same() { diff "$1" "$2" >&2 || fail "$3"; }

DESTDIR=$stage cmake --install "$build" --prefix $prefix >/dev/null

say 'the files, and no others'
(cd "$stage$prefix" && find . -type f -o -type l) | sort >"$work/files"
cat >"$work/expected" <<EOF
./bin/hazptrtorture
./include/hazptr.h
./include/hazptr/control.h
./include/hazptr/hazptr.hpp
./include/hazptr/inline.h
./include/hazptr/macros.h
./include/hazptr/platform.h
./include/hazptr/sequence.h
./include/hazptr/std.hpp
./include/hazptr/urcu-inline.h
./include/hazptr/urcu.h
./lib/cmake/hazptr/hazptr-config-version.cmake
./lib/cmake/hazptr/hazptr-config.cmake
./lib/cmake/hazptr/hazptr-targets.cmake
./lib/hazptr-urcu/liburcu-memb.so.8
./lib/hazptr-urcu/liburcu.so.8
./lib/hazptr-urcu/pkgconfig/liburcu-bp.pc
./lib/hazptr-urcu/pkgconfig/liburcu-memb.pc
./lib/hazptr-urcu/pkgconfig/liburcu.pc
./lib/libhazptr-urcu.so
./lib/libhazptr-urcu.so.0
./lib/libhazptr-urcu.so.0.1.0
./lib/libhazptr.a
./lib/libhazptr.so
./lib/libhazptr.so.0
./lib/libhazptr.so.0.1.0
./lib/pkgconfig/hazptr-inline.pc
./lib/pkgconfig/hazptr-urcu.pc
./lib/pkgconfig/hazptr.pc
./share/doc/hazptr/LICENSE-APACHE
./share/doc/hazptr/LICENSE-MIT
./share/doc/hazptr/THIRD-PARTY
./share/gdb/auto-load$prefix/lib/libhazptr.so.0.1.0-gdb.py
./share/man/man7/hazptr.7
EOF
# A page for each function.
sed -n 's/^[[:space:]]*\(hazptr_[a-z_]*\);$/.\/share\/man\/man3\/\1.3/p' "$map" >>"$work/expected"
# Headers in place of liburcu's.
(cd "$source/urcu/compat" && find . -name '*.h') | sed 's|^\.|./include/hazptr-urcu|' >>"$work/expected"
sort -o "$work/expected" "$work/expected"
same "$work/expected" "$work/files" 'installed files'

say 'exports: what the map names, versioned; nothing else, in either library'
sed -n 's/^[[:space:]]*\([a-z_0-9]*\);$/\1/p' "$map" | sort >"$work/names"
nm -D --defined-only "$lib/libhazptr.so" | awk '$2 != "A" { print $3 }' | sort >"$work/so"
# The control block's node has its number: package managers see nodes only.
sed -E 's/^hazptr_control_([0-9]+)$/&@@HAZPTR_CONTROL_\1/; t; s/$/@@HAZPTR_0/' "$work/names" |
	same - "$work/so" 'exports of libhazptr.so'
for so in libhazptr-urcu:hazptr-urcu hazptr-urcu/liburcu:liburcu; do
	sed -n 's/^[[:space:]]*\([a-z_0-9]*\);$/\1/p' "$source/urcu/${so#*:}.map" | sort >"$work/urcu-names"
	nm -D --defined-only "$lib/${so%:*}.so"* | awk '$2 ~ /^[A-Z]$/ && $2 != "A" { sub(/@.*/, "", $3); print $3 }' |
		sort -u >"$work/urcu-so"
	same "$work/urcu-names" "$work/urcu-so" "exports of ${so%:*}"
done
nm -g --defined-only "$lib/libhazptr.a" | awk 'NF == 3 { print $3 }' | sort >"$work/a"
same "$work/names" "$work/a" 'globals of libhazptr.a'

say 'THIRD-PARTY names every crate that is in them'
env -C "$source" cargo tree --locked --offline --package libhazptr --edges normal \
	--target x86_64-unknown-linux-gnu --prefix none --format '{p}' |
	sed -n '2,$s/ .*//p' | while read -r crate; do
	grep -q "^  $crate\>" "$source/THIRD-PARTY" || fail "THIRD-PARTY lacks $crate"
done

say 'soname, nodelete, and no library but libc'
readelf -dW "$lib/libhazptr.so" >"$work/dynamic"
grep -q 'SONAME.*\[libhazptr\.so\.0\]' "$work/dynamic" || fail 'soname'
grep -q 'NODELETE' "$work/dynamic" || fail 'nodelete'
[ "$(grep -c NEEDED "$work/dynamic")" = 1 ] && grep -q 'NEEDED.*\[libc\.so\.6\]' "$work/dynamic" ||
	fail 'needed libraries'
readelf -SW "$lib/libhazptr.so" "$lib/libhazptr.a" >"$work/sections"
! grep -q '\.debug_' "$work/sections" || fail 'not stripped'
[ "$(stat -Lc %s "$lib/libhazptr.so")" -lt 131072 ] || fail 'size: 128 KiB and more'

say 'those for userspace RCU likewise, and they find what they need beside them'
for so in libhazptr-urcu.so.0 hazptr-urcu/liburcu.so.8 hazptr-urcu/liburcu-memb.so.8; do
	readelf -dW "$lib/$so" >"$work/dynamic"
	grep -q 'NODELETE' "$work/dynamic" || fail "nodelete of $so"
	! grep -F "$build" "$work/dynamic" || fail "the build directory is in $so"
	readelf -SW "$lib/$so" >"$work/sections"
	! grep -q '\.debug_' "$work/sections" || fail "$so is not stripped"
	[ "$(stat -Lc %s "$lib/$so")" -lt 40960 ] || fail "size of $so: 40 KiB and more"
	env -u LD_LIBRARY_PATH ldd "$lib/$so" >"$work/needed"
	! grep 'not found' "$work/needed" || fail "needed by $so"
done
for so in libhazptr-urcu.so.0 hazptr-urcu/liburcu.so.8; do
	readelf -dW "$lib/$so" >"$work/dynamic"
	grep -qF "Library soname: [${so#*/}]" "$work/dynamic" || fail "soname of $so"
done

say 'hazptrtorture, as it was installed'
torture=$stage$prefix/bin/hazptrtorture
readelf -dW "$torture" | grep -q 'RUNPATH.*\[\$ORIGIN/\.\./lib\]' || fail 'run path of hazptrtorture'
readelf -dW "$build/ffi-tests/torture/hazptrtorture" >"$work/dynamic"
! grep -F "$build" "$work/dynamic" || fail 'the build directory is in hazptrtorture'
env -u LD_LIBRARY_PATH "$torture" --version >/dev/null || fail 'hazptrtorture --version'
env -u LD_LIBRARY_PATH "$torture" shutdown_secs=1 mode=fence >"$work/torture" ||
	{ cat "$work/torture" && fail 'hazptrtorture'; }

say 'the program at the top of README.md is examples/hello.c'
awk '/^```c$/ { on = 1; next } /^```$/ { if (on) exit } on' "$source/README.md" >"$work/readme.c"
sed '1{/SPDX/d}' "$source/examples/hello.c" >"$work/hello.c"
same "$work/hello.c" "$work/readme.c" 'README.md and examples/hello.c'

say 'and is compiled by its line'
export PKG_CONFIG_PATH=$lib/pkgconfig
cd "$work"
line=$(sed -n 's/^cc hello\.c /cc hello.c /p' "$source/README.md")
[ -n "$line" ] || fail 'README.md has no compile line for hello.c'
eval "$line"
readelf -d hello | grep -q 'NEEDED.*libhazptr.so.0' || fail 'hello is not linked with the library'
LD_LIBRARY_PATH=$lib ./hello || fail 'hello'
