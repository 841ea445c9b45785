# shellcheck shell=bash disable=SC2154 # variables of ../test.sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# add_subdirectory, without network, with every generator and build type, in a path with spaces.

mkdir 'a project'
cp CMakeLists.txt hello.c rcu.c 'a project'
unpack_hazptr 'a project/third_party'
build='build of hello'

# built GENERATOR TYPE: anew but for what cargo has made.
built() {
	local directory=$build
	if [ "$1" = 'Ninja Multi-Config' ]; then directory=$build/$2; fi
	cmake_build "a project" "$build" --fresh -G "$1" ${2:+-DCMAKE_BUILD_TYPE="$2"} \
		-DCMAKE_PROJECT_hello_INCLUDE="$work/parent.cmake" -- ${2:+--config "$2"}
	for program in hello hello-inline; do
		needs "$directory/$program" libhazptr.so.0
		port "$directory/$program"
	done
	for program in hello-static hello-inline-static; do
		needs_no_hazptr "$directory/$program"
		port "$directory/$program"
	done
	say "$1, ${2:-no build type}"
}

say 'one program alone waits for the library'
cmake_build 'a project' "$build" -G 'Unix Makefiles' -- --target hello-static

built 'Unix Makefiles' ''
built 'Unix Makefiles' Debug
if command -v ninja >/dev/null; then
	built Ninja Release
	built 'Ninja Multi-Config' Debug
else
	say 'ninja is not here: not tried'
fi

say 'installed only if the parent asks for it, and then where the parent has its things'
quietly cmake --install "$build" --prefix "$work/installed"
[ ! -e installed ] || fail "installed: $(find installed -type f)"
[ ! -e "$build/rcu" ] || fail 'libhazptr-urcu is built though nobody asks for it'
cmake_build 'a project' "$build" --fresh -DHAZPTR_INSTALL=ON -DHAZPTR_URCU=ON \
	-DCMAKE_INSTALL_LIBDIR=lib/x86_64-linux-gnu -DCMAKE_INSTALL_INCLUDEDIR=include/hazptr-0
quietly cmake --install "$build" --prefix "$work/installed"
[ ! -e installed/bin ] || fail 'hazptrtorture is installed along'
libdir=$work/installed/lib/x86_64-linux-gnu
# shellcheck disable=SC2046 # a list
quietly cc hello.c -o hello \
	$(PKG_CONFIG_PATH=$libdir/pkgconfig pkg-config --cflags --libs hazptr) -Wl,-rpath,"$libdir"
port ./hello
quietly cmake -S "$here/find-package/requests" -B requests -DCMAKE_PREFIX_PATH="$work/installed" \
	-DCMAKE_LIBRARY_ARCHITECTURE=x86_64-linux-gnu

say 'and what there is for userspace RCU, if it asks for that'
needs "$build/rcu" libhazptr-urcu.so.0
"$build/rcu" >/dev/null || fail rcu
[ -e "$libdir/libhazptr-urcu.so.0" ] && [ -e "$libdir/hazptr-urcu/liburcu.so.8" ] || fail 'not installed'
