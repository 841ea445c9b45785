# shellcheck shell=bash disable=SC2154 # variables of ../test.sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# find_package, where the prefix was moved to after the installation.

moved="$work/moved here"
cp -a "$prefix" "$moved"

say 'every target, from a moved prefix'
cmake_build . build -DCMAKE_PREFIX_PATH="$moved" -DCMAKE_C_FLAGS='-Wall -Wextra -Werror'
for program in hello hello-inline hello-cxx; do
	needs build/$program libhazptr.so.0
	readelf -dW build/$program | grep -qF "[$moved/lib" || fail "$program: another prefix"
	port build/$program
done
for program in hello-static hello-inline-static; do
	needs_no_hazptr build/$program
	port build/$program
done
for way in '' -static; do
	inlined build/CMakeFiles/hello-inline$way.dir/hello.c.o || fail "hello-inline$way calls"
	! inlined build/CMakeFiles/hello$way.dir/hello.c.o || fail "hello$way is inlined"
done

for program in rcu rcu-inline; do
	needs build/$program libhazptr-urcu.so.0
	build/$program >/dev/null || fail "$program"
done

say 'versions, ranges, components; and the same for a later version'
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$source/Cargo.toml")
quietly cmake -S requests -B requests/build -DCMAKE_PREFIX_PATH="$moved"
version_file="$moved/lib/cmake/hazptr/hazptr-config-version.cmake"
sed -i "s/$version/7.3.5/" "$version_file"
grep -q '7\.3\.5' "$version_file" || fail "no version $version in $version_file"
quietly cmake -S requests -B requests/build

say 'without the archive, as some distributions install it'
rm "$moved/lib/libhazptr.a"
refused 'hazptr::static is not there, but' cmake -S requests -B requests/build
quietly cmake -S requests -B requests/build -DARCHIVE=OFF

say 'what is refused is told why'
request() { # request MESSAGE ARGUMENTS...
	local message=$1
	shift
	echo "find_package(hazptr $* REQUIRED)" >request.cmake
	refused "$message" cmake -DCMAKE_PREFIX_PATH="$prefix" -P request.cmake
}
request "hazptr-config.cmake, version: $version" 99.0
request "hazptr-config.cmake, version: $version" 99...100
request "hazptr has no component \"static\"" COMPONENTS static
