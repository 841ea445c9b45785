# shellcheck shell=bash disable=SC2154 # variables of ../test.sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# The library that plain `cargo build` makes serves C programs too, though without symbol versions.

say 'the soname, and the exports of the other one'
quietly env -C "$source" cargo build --release --locked --target-dir "$shared/cargo"
library=$shared/cargo/release/libhazptr.so
readelf -dW "$library" | grep -q 'SONAME.*\[libhazptr\.so\.0\]' || fail 'soname'
readelf -dW "$library" | grep -q NODELETE || fail 'nodelete'
exports() { nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort; }
diff <(exports "$prefix/lib/libhazptr.so") <(exports "$library") >&2 || fail 'exports'

say 'linked with, and found under its soname'
quietly cc -I"$source/include" hello.c -o hello "$library"
needs hello libhazptr.so.0
ln -s "$library" libhazptr.so.0
LD_LIBRARY_PATH=. port ./hello

say 'a program made with it runs with the installed one, inlined or not'
quietly cc -DHAZPTR_INLINE -I"$source/include" hello.c -o hello-inline "$library"
for program in hello hello-inline; do
	LD_LIBRARY_PATH=$prefix/lib port ./$program
done
