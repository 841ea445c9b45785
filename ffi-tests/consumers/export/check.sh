# shellcheck shell=bash disable=SC2154 # variables of ../test.sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# A library that links with hazptr exports its own target; a program finds that one and so hazptr.

# exported TARGET SHARED: the library with this hazptr target, in a prefix of its own.
exported() {
	cmake_build library library/build -DCMAKE_PREFIX_PATH="$prefix" \
		-DSETTINGS_HAZPTR="$1" -DBUILD_SHARED_LIBS="$2"
	rm -rf installed # else CMake takes for up to date what is less than a second older
	quietly cmake --install library/build --prefix "$work/installed"
	grep -q "INTERFACE_LINK_LIBRARIES.*$1\"" installed/lib/cmake/settings/settings-targets.cmake ||
		fail "settings::settings does not name $1"
	cmake_build program program/build -DCMAKE_PREFIX_PATH="$work/installed;$prefix"
	port program/build/program
	say "$1, the library shared: $2"
}
program_object=program/build/CMakeFiles/program.dir/program.c.o

exported hazptr::hazptr OFF
needs program/build/program libhazptr.so.0
! inlined $program_object || fail 'the program is inlined'

exported hazptr::static OFF
needs_no_hazptr program/build/program

exported hazptr::static ON
needs_no_hazptr installed/lib/libsettings.so
readelf -dW installed/lib/libsettings.so | grep -q NODELETE || fail 'the engine can be unloaded'

exported hazptr::inline ON
needs installed/lib/libsettings.so libhazptr.so.0
inlined $program_object || fail 'the program is not inlined'

exported hazptr::inline-static OFF
needs_no_hazptr program/build/program
inlined $program_object || fail 'the program is not inlined'

say 'without hazptr the program is told what is missing'
rm -r program/build
refused 'hazptr-config.cmake' cmake -S program -B program/build \
	-DCMAKE_PREFIX_PATH="$work/installed" -DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF

say 'with hazptr as a subdirectory, installed by the library that brings it'
rm -r library/build installed program/build
unpack_hazptr library/third_party
cmake_build library library/build -DSETTINGS_BUNDLED_HAZPTR=ON \
	-DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF
quietly cmake --install library/build --prefix "$work/installed"
[ ! -e installed/bin ] || fail 'hazptrtorture was installed along'
cmake_build program program/build -DCMAKE_PREFIX_PATH="$work/installed"
needs program/build/program libhazptr.so.0
readelf -dW program/build/program | grep -qF "[$work/installed/lib" || fail 'another hazptr'
port program/build/program
