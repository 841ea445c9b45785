# shellcheck shell=bash disable=SC2154 # variables of ../test.sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# FetchContent, from an archive on disk, without network.

say 'an installed one is used'
touch hazptr.tar.gz # which is no archive
cmake_build . build-installed -DCMAKE_PREFIX_PATH="$prefix"
[ ! -e build-installed/_deps/hazptr-build ] || fail 'built, though it was installed'
needs build-installed/hello libhazptr.so.0
port build-installed/hello

say 'else the one of the archive'
cp "$archive" hazptr.tar.gz
cmake_build . build -DFETCHCONTENT_TRY_FIND_PACKAGE_MODE=NEVER
needs build/hello libhazptr.so.0
needs_no_hazptr build/hello-static
port build/hello
port build/hello-static

say 'once it is unpacked, the archive is not needed any more'
rm hazptr.tar.gz
cmake_build . build -DFETCHCONTENT_FULLY_DISCONNECTED=ON
port build/hello

say 'cargo goes by what the archive says, of vendored crates for example'
mkdir -p build/_deps/hazptr-src/.cargo
echo 'build.rustc = "no-such-rustc"' >build/_deps/hazptr-src/.cargo/config.toml
touch build/_deps/hazptr-src/Cargo.toml
refused no-such-rustc cmake --build build
