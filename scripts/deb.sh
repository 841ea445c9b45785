#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# `make deb`: Debian packages of the archive that `make dist` makes; checked, and tried.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
trap 'exit 130' INT

usage() {
	cat <<'END'
usage: scripts/deb.sh

Makes the packages libhazptr0, libhazptr-urcu0, libhazptr-dev and hazptr-tools in build/deb/, of the last
commit and of packaging/debian/ as it stands, without network. Then lintian looks at them, and if you are root
they are installed into a bare Debian, where programs are compiled and run with them.

Exit status: 0 made and found to work; 1 something failed; 2 for wrong arguments.
END
}

say() { printf 'deb: %s\n' "$*"; }

die() {
	say "$*" >&2
	exit 1
}

for argument; do
	case $argument in
	--help | -h) usage && exit ;;
	*)
		say "no such option: $argument; see --help" >&2
		exit 2
		;;
	esac
done

scripts/setup.sh cmake pkg-config dh dpkg-buildpackage lintian help2man
scripts/dist.sh --untried

version=$(git show HEAD:Cargo.toml | sed -n 's/^version = "\(.*\)"$/\1/p')
packaged=$(dpkg-parsechangelog -l packaging/debian/changelog -S Version)
[ "${packaged%-*}" = "$version" ] ||
	die "packaging/debian/changelog is of $packaged, Cargo.toml of $version: add an entry"

# --- build ---------------------------------------------------------------------------------------

work=$here/build/deb
tree=$work/libhazptr-$version
rm -rf "$work"
mkdir -p "$work"
cp "build/dist/libhazptr-$version.tar.xz" "$work/libhazptr_$version.orig.tar.xz"
tar -C "$work" -xf "$work/libhazptr_$version.orig.tar.xz"
cp -r packaging/debian "$tree/debian"
packaging/crates-copyright "$tree/vendor" >>"$tree/debian/copyright"

options=(--build=binary --no-sign)
if ! missing=$(cd "$tree" && dpkg-checkbuilddeps 2>&1); then
	# A Rust of rustup's is no package.
	say "not Debian's here, and taken from elsewhere:${missing##*:}"
	options+=(--no-check-builddeps)
fi
say "building $packaged; the log is build/deb/build.log"
# The compiler itself, not what would look for one in the home directory: the build has none.
(
	cd "$tree"
	PATH=$(rustc --print sysroot)/bin:$PATH
	SOURCE_DATE_EPOCH=$(git -C "$here" log -1 --format=%ct)
	export PATH SOURCE_DATE_EPOCH
	env -u RUSTFLAGS -u CARGO_TARGET_DIR dpkg-buildpackage "${options[@]}"
) >"$work/build.log" 2>&1 || {
	tail -n 40 "$work/build.log" >&2
	die 'dpkg-buildpackage failed'
}

say 'lintian'
# No bug of Debian's asks for the packages: they are not for upload as they are.
lintian --allow-root -EI --pedantic --fail-on error,warning \
	--suppress-tags initial-upload-closes-no-bugs "$work"/*.changes || die 'lintian complains'

# --- use -----------------------------------------------------------------------------------------

# In a bare system of the release that they were built on.
cat >"$work/use.sh" <<'END'
set -eux
cd /srv
dpkg --install ./*.deb
# The layout that its inlined code was compiled with; and no directory where compilers look anyway.
dpkg-query -W -f='${Depends}' hazptr-tools | grep -w libhazptr-control-1
if pkg-config --cflags hazptr | grep -e -I; then exit 1; fi
cc hello.c $(pkg-config --cflags --libs hazptr) -o hello
cc hello.c $(pkg-config --cflags --libs hazptr-inline) -o hello-inline
cc -static hello.c $(pkg-config --cflags --libs hazptr) -o hello-static
for program in hello hello-inline hello-static; do
	test "$(./$program)" = 'port 8080'
done
if readelf -dW /usr/bin/hazptrtorture | grep -E 'RPATH|RUNPATH'; then exit 1; fi
hazptrtorture shutdown_secs=1 stutter=0
zcat /usr/share/man/man1/hazptrtorture.1.gz | grep -q shutdown_secs
# A program for userspace RCU, by <urcu.h>, where no liburcu is.
urcu=/usr/lib/$(gcc -print-multiarch)/hazptr-urcu
cc -DFLAVOR_HEADER='<urcu.h>' program.c -pthread \
	$(PKG_CONFIG_PATH=$urcu/pkgconfig pkg-config --cflags --libs liburcu) -o program
test "$(./program)" = '299 freed'
ldd "$urcu/liburcu.so.8" | grep -w libhazptr-urcu.so.0
if ldconfig -p | grep liburcu; then exit 1; fi
dpkg --purge hazptr-tools-dbgsym libhazptr-urcu0-dbgsym libhazptr0-dbgsym hazptr-tools libhazptr-dev \
	libhazptr-urcu0 libhazptr0
if find /usr /etc /var/lib -name '*hazptr*' | grep .; then exit 1; fi
END

if [ "$(id -u)" != 0 ]; then
	say 'made, but not tried: only root can install them into a bare Debian'
	exit
fi
scripts/setup.sh mmdebstrap
say 'installing them into a bare Debian, compiling and running programs there'
# Like this machine: its release, and where its apt gets that from.
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
apt-config dump | grep '^Acquire::' | grep -v '^Acquire::IndexTargets' >"$work/apt.conf"
sources=()
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
	if [ -s "$file" ]; then sources+=("$file"); fi
done
cp examples/hello.c ffi-tests/urcu/recompile/program.c "$work"
# shellcheck disable=SC2016 # for mmdebstrap's shell
(cd "$work" && mmdebstrap --mode=root --variant=minbase --format=null --aptopt=apt.conf \
	--include=gcc,libc6-dev,pkgconf --customize-hook='cp *.deb use.sh hello.c program.c "$1/srv"' \
	--customize-hook='chroot "$1" sh /srv/use.sh' "$suite" - "${sources[@]}") \
	>"$work/use.log" 2>&1 || {
	tail -n 40 "$work/use.log" >&2
	die 'they do not work in a bare Debian'
}
say 'they work:'
(cd "$work" && printf '    build/deb/%s\n' *.deb)
