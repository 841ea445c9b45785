#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The inlined fast paths with every compiler, flag and kind of program: test.sh INCLUDE_DIR LIB_DIR
set -euo pipefail

include=$1 lib=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0 passed=0

complain() {
	echo "FAILED: $*" >&2
	failed=$((failed + 1))
}

# run WHAT COMMAND...: the command must succeed.
run() {
	local what=$1
	shift
	if "$@" >"$work/log" 2>&1; then
		passed=$((passed + 1))
	else
		complain "$what: $*"
		head -5 "$work/log" >&2
		return 1
	fi
}

# listed FILE: it has the sections for debuggers, of the right sizes (32, 8 and 16 bytes a sequence).
listed() {
	readelf -SW "$1" | tr -d '[]' | awk '
		$2 ~ /^__rseq_/ { bytes[$2] = $6 }
		END { exit !(hex(bytes["__rseq_cs"]) && 4 * hex(bytes["__rseq_cs_ptr_array"]) == hex(bytes["__rseq_cs"]) &&
			hex(bytes["__rseq_exit_point_array"]) * 2 == hex(bytes["__rseq_cs"])) }
		function hex(text,  i, value) {
			for (i = 1; i <= length(text); i++)
				value = 16 * value + index("0123456789abcdef", substr(text, i, 1)) - 1
			return value
		}'
}

compilers=()
for pair in gcc:g++ clang:clang++ clang-19:clang++-19; do
	if command -v "${pair%:*}" >/dev/null && command -v "${pair#*:}" >/dev/null; then
		compilers+=("$pair")
	fi
done
flags=(-O0 -O1 -O2 -O3 -Os '-O2 -flto' '-O2 -fno-plt' '-O2 -fcf-protection=full'
	'-O0 -fno-pie -no-pie' '-O2 -fno-pie -no-pie' '-O2 -ffunction-sections -Wl,--gc-sections'
	'-O2 -fno-omit-frame-pointer' '-O2 -fno-asynchronous-unwind-tables')
lld=$(command -v ld.lld || true)
if [ -n "$lld" ]; then flags+=('-O2 -fuse-ld=lld' '-O2 -flto -fuse-ld=lld'); fi
warnings='-Wall -Wextra -Wpedantic -Werror -Wno-language-extension-token'
shared="$lib/libhazptr.so -Wl,-rpath,$lib"

for pair in "${compilers[@]}"; do
	for flag in "${flags[@]}"; do
		# gcc's intermediate code is no input for lld.
		if [[ $pair == gcc* && $flag == *-flto*lld* ]]; then continue; fi
		for library in "$shared" "$lib/libhazptr.a"; do
			for language in c c++; do
				if [ $language = c ]; then
					compile="${pair%:*} -std=gnu11 $here/plain.c"
				else
					compile="${pair#*:} -std=c++11 $here/one.cpp $here/two.cpp"
				fi
				what="$pair $flag $language ${library##*/}"
				# shellcheck disable=SC2086 # lists
				run "$what" $compile -DHAZPTR_INLINE $warnings $flag -I"$include" -o "$work/p" $library ||
					continue
				run "$what" "$work/p" || continue
				if readelf -rW "$work/p" | grep -q R_X86_64_COPY; then
					complain "$what: a copy relocation"
				fi
			done
		done
	done
done

run 'sections for debuggers in the library' listed "$lib/libhazptr.so"
# Nobody refers to them, and yet a linker that drops what nobody refers to keeps them.
cat >"$work/unaware.c" <<'END'
#include <hazptr.h>
int main(void)
{
    void *pointer = &pointer;
    struct hazptr_ctx ctx;
    hazptr_release(&ctx, hazptr_acquire(&ctx, &pointer));
    return 0;
}
END
for pair in "${compilers[@]}"; do
	for linker in '' ${lld:+-fuse-ld=lld}; do
		what="sections for debuggers, $pair $linker"
		# shellcheck disable=SC2086 # lists
		run "$what" "${pair%:*}" -O2 -DHAZPTR_INLINE -I"$include" -ffunction-sections \
			-Wl,--gc-sections $linker "$work/unaware.c" -o "$work/p" $shared &&
			run "$what" listed "$work/p"
	done
done

# A program compiled for another layout is told so, when it is linked or when it is loaded: by the
# name of the control block. Here 999 is that of a library it was linked with, once.
cp -r "$include" "$work/include"
sed -i 's/"hazptr_control_[0-9]*"/"hazptr_control_999"/' "$work/include/hazptr/control.h"
other="gcc -DHAZPTR_INLINE -I$work/include $here/plain.c -o $work/other"
# shellcheck disable=SC2086 # lists
if $other "$lib/libhazptr.a" >"$work/log" 2>&1; then complain 'linked with another layout'; fi
grep -q hazptr_control_999 "$work/log" || complain 'the linker names no layout'
cat >"$work/stub.c" <<'END'
char hazptr_control_999[8192];
void hazptr_acquire(void) {}
void hazptr_release(void) {}
void hazptr_synchronize(void) {}
void hazptr_stats(void) {}
void hazptr_wake(void) {}
END
echo 'HAZPTR_0 { global: hazptr_*; local: *; };' >"$work/stub.map"
gcc -shared -fPIC "$work/stub.c" -o "$work/libhazptr.so" -Wl,-soname,libhazptr.so.0 \
	-Wl,--version-script="$work/stub.map"
$other "$work/libhazptr.so"
if LD_LIBRARY_PATH=$lib "$work/other" >"$work/log" 2>&1; then complain 'loaded with another layout'; fi
grep -q 'undefined symbol: hazptr_control_999' "$work/log" ||
	complain "the loader says: $(cat "$work/log")"

# With a sanitizer the same source falls back to calls.
inlined() {
	local macros
	macros=$(gcc -DHAZPTR_INLINE "$@" -I"$include" -E -dM -include hazptr.h -x c /dev/null)
	[[ $macros == *'define HAZPTR_INLINED 1'* ]]
}
inlined || complain 'not inlined'
if inlined -fsanitize=thread; then complain 'inlined under ThreadSanitizer'; fi
if inlined -fsanitize=address; then complain 'inlined under AddressSanitizer'; fi

echo "inline: $passed passed, $failed failed, compilers: ${compilers[*]}"
[ "$failed" = 0 ]
