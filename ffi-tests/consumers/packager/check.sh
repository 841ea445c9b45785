# shellcheck shell=bash disable=SC2154 # variables of ../test.sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Who makes packages has tools, flags, settings of cargo and directories of their own.

mkdir tools no-cargo
for tool in cc ld ar objcopy; do
	cat >tools/$tool <<-END
		#!/bin/sh
		echo $tool >>'$work/used'
		exec $(command -v $tool) "\$@"
	END
done
echo 'exit 1' >no-cargo/cargo
chmod +x tools/* no-cargo/cargo

say 'their tools, flags and target are used'
export CC=$work/tools/cc LDFLAGS=-Wl,--build-id=0xc0ffee0123456789
quietly cmake -S "$source" -B build -DHAZPTR_TESTS=OFF -DCMAKE_INSTALL_PREFIX=/usr -DHAZPTR_STRIP=OFF \
	-DCMAKE_LINKER="$work/tools/ld" -DCMAKE_AR="$work/tools/ar" -DCMAKE_OBJCOPY="$work/tools/objcopy"
unset CC LDFLAGS
refused no-such-flag env RUSTFLAGS=--no-such-flag cmake --build build --target hazptr_libraries
rm -f used
quietly env CARGO_BUILD_TARGET=no-such-target cmake --build build --target hazptr_libraries
for tool in cc ld ar objcopy; do
	grep -qx $tool used || fail "another $tool"
done
readelf -nW build/lib/libhazptr.so | grep -q 'Build ID: c0ffee0123456789' || fail 'LDFLAGS'
# install/test.sh sees that there is none otherwise.
readelf --debug-dump=line build/lib/libhazptr.so 2>/dev/null | grep '\bretire\.rs' >/dev/null ||
	fail 'HAZPTR_STRIP=OFF: no debugging information'

say 'make install: makes nothing again that is there, and minds spaces'
quietly make -C "$source" lib BUILD="$work/build" PREFIX=/usr
PATH=$work/no-cargo:$PATH quietly make -C "$source" install BUILD="$work/build" PREFIX='/opt/a b' \
	DESTDIR="$work/s t"
[ -f 's t/opt/a b/include/hazptr.h' ] || fail "installed: $(find 's t')"

say 'pkg-config names no directory of the system'
DESTDIR=$work/stage quietly cmake --install build
libdir=$(dirname "$(find stage -name libhazptr.a)")
export PKG_CONFIG_LIBDIR=$libdir/pkgconfig PKG_CONFIG_PATH=
export PKG_CONFIG_SYSTEM_INCLUDE_PATH=/usr/include PKG_CONFIG_SYSTEM_LIBRARY_PATH=${libdir#stage}
flags() { pkg-config "$@" | sed 's/ *$//'; }
[ "$(flags --cflags hazptr)" = '' ] || fail "--cflags: $(flags --cflags hazptr)"
[ "$(flags --libs hazptr)" = -lhazptr ] || fail "--libs: $(flags --libs hazptr)"
[ "$(flags --cflags hazptr-inline)" = -DHAZPTR_INLINE ] || fail 'hazptr-inline'

say 'directories outside the prefix'
quietly cmake build -DCMAKE_INSTALL_PREFIX=/opt/hazptr -DCMAKE_INSTALL_LIBDIR=/srv/lib \
	-DCMAKE_INSTALL_INCLUDEDIR=/srv/dev/include
DESTDIR=$work/apart quietly cmake --install build
export PKG_CONFIG_LIBDIR=apart/srv/lib/pkgconfig
[ "$(flags --cflags --libs hazptr)" = '-I/srv/dev/include -L/srv/lib -lhazptr' ] ||
	fail "$(flags --cflags --libs hazptr)"

say 'what it does not run on is refused'
foreign='hazptr runs on x86-64 Linux only'
refused "$foreign" cmake -S "$source" -B arm -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64
refused "$foreign" cmake -S "$source" -B short -DCMAKE_C_FLAGS=-m32 \
	-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY

say 'no packages are installed under fakeroot, nor against HAZPTR_SETUP=no'
for setting in FAKEROOTKEY=1 HAZPTR_SETUP=no; do
	refused 'as root:' env $setting "$source/scripts/setup.sh" no-such-program
done
