# shellcheck shell=bash disable=SC2154 # variables of ../test.sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# pkg-config, and which library the programs get by it.

say 'shared, static, inlined, in a prefix that was moved, by a relative path'
cp -a "$prefix" moved
quietly make PKG_CONFIG_PATH=moved/lib/pkgconfig \
	CFLAGS='-O2 -Wall -Wextra -Werror' CXXFLAGS='-O2 -Wall -Wextra -Werror'
export LD_LIBRARY_PATH=$prefix/lib
for program in hello hello-inline hello-cxx; do
	needs $program libhazptr.so.0
	port ./$program
done
unset LD_LIBRARY_PATH
for program in hello-static hello-inline-static hello-all-static; do
	needs_no_hazptr $program
	port ./$program
done
inlined hello-inline || fail 'hello-inline calls the library'
! inlined hello || fail 'hello is inlined'

say 'the trap that the Makefile names: --static alone is shared'
# shellcheck disable=SC2046 # a list
quietly cc hello.c $(pkg-config --static --cflags --libs hazptr) -o trap
needs trap libhazptr.so.0

say 'a version that is not there is refused, and the message names both'
version=$(pkg-config --modversion hazptr)
for package in hazptr hazptr-inline; do
	quietly pkg-config --validate $package
	quietly pkg-config --print-errors "$package >= $version"
	refused "'$version', required version is '>= 99'" pkg-config --print-errors "$package >= 99"
done

say 'below a sysroot'
DESTDIR=$work/stage quietly cmake --install "$build" --prefix /usr
export PKG_CONFIG_SYSROOT_DIR=$work/stage PKG_CONFIG_LIBDIR=$work/stage/usr/lib/pkgconfig
quietly make --always-make PKG_CONFIG_PATH= hello hello-static
LD_LIBRARY_PATH=$work/stage/usr/lib port ./hello
port ./hello-static
