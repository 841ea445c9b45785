#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# What a user gets: test.sh BUILD_DIR installs into a staging directory and uses that, in every way
# that README.md names, the README's own words included.
set -euo pipefail

build=$(cd "$1" && pwd)
source=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=/opt/hazptr
stage=$work/stage
lib=$stage$prefix/lib
map=$source/cmake/hazptr.map
cflags="-std=c11 -O2 -Wall -Wextra -Werror"

say() { printf '  %s\n' "$*"; }
fail() {
	echo "FAILED: $*" >&2
	exit 1
}
same() { diff "$1" "$2" >&2 || fail "$3"; }

cmake -DCMAKE_INSTALL_PREFIX=$prefix -S "$source" -B "$build" >/dev/null
DESTDIR=$stage cmake --install "$build" >/dev/null

say 'the files, and no others'
(cd "$stage$prefix" && find . -type f -o -type l) | sort >"$work/files"
cat >"$work/expected" <<EOF
./bin/hazptrtorture
./include/hazptr.h
./include/hazptr/control.h
./include/hazptr/inline.h
./include/hazptr/macros.h
./include/hazptr/platform.h
./include/hazptr/sequence.h
./lib/cmake/hazptr/hazptr-config-version.cmake
./lib/cmake/hazptr/hazptr-config.cmake
./lib/libhazptr.a
./lib/libhazptr.so
./lib/libhazptr.so.0
./lib/libhazptr.so.0.1.0
./lib/pkgconfig/hazptr-inline.pc
./lib/pkgconfig/hazptr.pc
EOF
same "$work/expected" "$work/files" 'installed files'

say 'exports: what the map names, versioned; nothing else, in either library'
sed -n 's/^[[:space:]]*\([a-z_0-9]*\);$/\1/p' "$map" | sort >"$work/names"
nm -D --defined-only "$lib/libhazptr.so" | awk '$2 != "A" { print $3 }' | sort >"$work/so"
sed 's/$/@@HAZPTR_0/' "$work/names" | same - "$work/so" 'exports of libhazptr.so'
nm -g --defined-only "$lib/libhazptr.a" | awk 'NF == 3 { print $3 }' | sort >"$work/a"
same "$work/names" "$work/a" 'globals of libhazptr.a'

say 'soname, nodelete, and no library but libc'
readelf -dW "$lib/libhazptr.so" >"$work/dynamic"
grep -q 'SONAME.*\[libhazptr\.so\.0\]' "$work/dynamic" || fail 'soname'
grep -q 'NODELETE' "$work/dynamic" || fail 'nodelete'
[ "$(grep -c NEEDED "$work/dynamic")" = 1 ] && grep -q 'NEEDED.*\[libc\.so\.6\]' "$work/dynamic" ||
	fail 'needed libraries'
[ "$(stat -Lc %s "$lib/libhazptr.so")" -lt 65536 ] || fail 'size: 64 KiB and more'

say 'hazptrtorture, as it was installed'
torture=$stage$prefix/bin/hazptrtorture
readelf -dW "$torture" | grep -q 'RUNPATH.*\[\$ORIGIN/\.\./lib\]' || fail 'run path of hazptrtorture'
env -u LD_LIBRARY_PATH "$torture" --version >/dev/null || fail 'hazptrtorture --version'
env -u LD_LIBRARY_PATH "$torture" shutdown_secs=1 mode=fence >"$work/torture" ||
	{ cat "$work/torture" && fail 'hazptrtorture'; }

say 'the program at the top of README.md is examples/hello.c'
awk '/^```c$/ { on = 1; next } /^```$/ { if (on) exit } on' "$source/README.md" >"$work/readme.c"
sed '1{/SPDX/d}' "$source/examples/hello.c" >"$work/hello.c"
same "$work/hello.c" "$work/readme.c" 'README.md and examples/hello.c'

export PKG_CONFIG_PATH=$lib/pkgconfig
say 'pkg-config, shared: the README'"'"'s compile line'
cd "$work"
line=$(sed -n 's/^cc hello\.c /cc hello.c /p' "$source/README.md")
[ -n "$line" ] || fail 'README.md has no compile line for hello.c'
eval "$line"
readelf -d hello | grep -q 'NEEDED.*libhazptr.so.0' || fail 'hello is not linked with the library'
LD_LIBRARY_PATH=$lib ./hello || fail 'hello'

say 'pkg-config, inlined'
# shellcheck disable=SC2046,SC2086
cc $cflags hello.c -o hello-inlined $(pkg-config --cflags --libs hazptr-inline)
# Out of line only where the fast path does not serve, and there by way of the table.
readelf -rW hello-inlined | grep -q 'hazptr_control_1@' || fail 'hello-inlined does not look into the library'
LD_LIBRARY_PATH=$lib ./hello-inlined || fail 'hello-inlined'

say 'static, by the name of the archive'
# shellcheck disable=SC2046,SC2086
cc $cflags hello.c -o hello-static $(pkg-config --cflags hazptr) \
	"$(pkg-config --variable=libdir hazptr)/libhazptr.a"
readelf -d hello-static | grep -q libhazptr && fail 'hello-static needs the shared library'
./hello-static || fail 'hello-static'
# shellcheck disable=SC2046,SC2086
cc $cflags -static hello.c -o hello-all-static $(pkg-config --cflags hazptr) "$lib/libhazptr.a"
./hello-all-static || fail 'hello-all-static'

say 'find_package, shared and static'
mkdir consumer
cp hello.c consumer
cat >consumer/CMakeLists.txt <<'EOF'
cmake_minimum_required(VERSION 3.25)
project(consumer C)
find_package(hazptr 0.1 REQUIRED)
add_executable(with-shared hello.c)
target_link_libraries(with-shared PRIVATE hazptr::hazptr)
add_executable(with-static hello.c)
target_link_libraries(with-static PRIVATE hazptr::static)
add_executable(inlined hello.c)
target_link_libraries(inlined PRIVATE hazptr::inline)
EOF
cmake -S consumer -B consumer/build -DCMAKE_PREFIX_PATH="$stage$prefix" >/dev/null
cmake --build consumer/build >/dev/null
consumer/build/with-shared || fail 'find_package, shared'
consumer/build/with-static || fail 'find_package, static'
consumer/build/inlined || fail 'find_package, inlined'
readelf -d consumer/build/with-shared | grep -q 'NEEDED.*libhazptr.so.0' || fail 'with-shared'

say 'the archive beside a Rust library with std, in one program'
cat >other.rs <<'EOF'
#[unsafe(no_mangle)]
pub extern "C" fn other_sum(n: u32) -> u32 {
    std::thread::spawn(move || (0..n).map(|i| i.to_string().len() as u32).sum()).join().unwrap()
}
EOF
rustc --edition 2024 --crate-type staticlib -O other.rs -o libother.a
cat >both.c <<'EOF'
#include <hazptr.h>
unsigned int other_sum(unsigned int n);
int main(void)
{
    static int object;
    void *pointer = &object;
    struct hazptr_ctx ctx;

    if (hazptr_acquire(&ctx, &pointer) != &object || other_sum(11) != 12)
        return 1;
    hazptr_release(&ctx, &object);
    hazptr_synchronize(&object);
    return 0;
}
EOF
# shellcheck disable=SC2086
cc $cflags -I"$stage$prefix/include" both.c -o both "$lib/libhazptr.a" libother.a
./both || fail 'the archive beside another Rust library'

say 'plain cargo build: the same soname'
cargo build --quiet --release --locked --manifest-path "$source/Cargo.toml" --target-dir cargo
readelf -dW cargo/release/libhazptr.so | grep -q 'SONAME.*\[libhazptr\.so\.0\]' || fail 'cargo: soname'
# shellcheck disable=SC2046,SC2086
cc $cflags hello.c -o hello-cargo -I"$stage$prefix/include" cargo/release/libhazptr.so \
	-Wl,-rpath,"$work/cargo/release"
mkdir by-cargo && ln -s ../cargo/release/libhazptr.so by-cargo/libhazptr.so.0
LD_LIBRARY_PATH=by-cargo ./hello-cargo || fail 'hello with the library that cargo makes'
