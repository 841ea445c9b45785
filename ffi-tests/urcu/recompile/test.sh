#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Sources for liburcu, unchanged: test.sh BUILD_DIR installs, and compiles them by pkg-config's flags against liburcu, and
# against what stands in its place; and programs built for liburcu run with our liburcu.so.8.
set -euo pipefail

build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
source=$here/../../..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
ours=$prefix/lib/hazptr-urcu

say() { printf '  %s\n' "$*"; }
fail() {
	echo "FAILED: $*" >&2
	exit 1
}
cmake --install "$build" --prefix "$prefix" >/dev/null

# flags WHOSE MODULE...
flags() {
	local whose=$1 path=$prefix/lib/pkgconfig
	shift
	[ "$whose" = stock ] || path=$ours/pkgconfig:$path
	PKG_CONFIG_PATH=$path pkg-config --cflags --libs "$@"
}

# compile WHOSE OUTPUT COMPILER... : with the modules' flags behind.
compile() {
	local output=$1
	shift
	"$@" -Wall -Wextra -Werror -O2 -o "$work/$output" -pthread -Wl,-rpath,"$prefix/lib" 2>"$work/errors" || {
		cat "$work/errors" >&2
		fail "$*"
	}
}

say 'a program in C and C++, by each header, as functions and inlined: with liburcu, and here'
for header in '<urcu.h>:liburcu' '<urcu-bp.h>:liburcu-bp' '<urcu/urcu-memb.h>:liburcu-memb'; do
	module=${header#*:}
	for language in 'cc -std=gnu11' 'cc -std=gnu99' 'c++ -x c++ -std=gnu++11' 'clang -std=gnu11'; do
		for inlined in '' -D_LGPL_SOURCE; do
			for whose in stock ours; do
				# shellcheck disable=SC2046,SC2086 # lists
				compile program $language $inlined -DURCU_API_MAP -DFLAVOR_HEADER="${header%:*}" \
					"$here/program.c" -x none $(flags $whose $module)
				readelf -dW "$work/program" >"$work/dynamic"
				[ $whose = stock ] || ! grep 'NEEDED.*liburcu' "$work/dynamic" ||
					fail "$header here is linked with liburcu"
				"$work/program" >"$work/out" || fail "$whose: $language $inlined $header"
			done
		done
	done
done

say "beside liburcu's lists, queues and tables, in C and C++"
for language in 'cc -std=gnu11' 'c++ -x c++ -std=gnu++11'; do
	for inlined in '' -D_LGPL_SOURCE; do
		# liburcu's inlined stacks are not C++ (0.13).
		case $language$inlined in c++*_LGPL_SOURCE) continue ;; esac
		# shellcheck disable=SC2046,SC2086
		compile headers $language $inlined -DFLAVOR_HEADER='<urcu.h>' "$here/headers.c" -x none \
			$(flags ours liburcu liburcu-cds)
		"$work/headers" || fail "headers: $language $inlined"
	done
done

say 'where liburcu is not installed'
mkdir "$work/bare"
for entry in /usr/include/x86_64-linux-gnu/* /usr/include/*; do
	case $entry in */urcu* | */x86_64-linux-gnu) ;; *) ln -sf "$entry" "$work/bare/" ;; esac
done
# shellcheck disable=SC2046
compile program cc -std=gnu11 -nostdinc -isystem "$(cc -print-file-name=include)" -DFLAVOR_HEADER='<urcu.h>' \
	"$here/program.c" $(flags ours liburcu) -isystem "$work/bare"
"$work/program" >"$work/out" || fail 'without liburcu'
echo '#include <urcu/cds.h>' >"$work/absent.c"
! cc -nostdinc -isystem "$(cc -print-file-name=include)" -isystem "$work/bare" -E "$work/absent.c" >/dev/null 2>&1 ||
	fail 'liburcu was there after all'

say 'in one program with liburcu itself, under our own names'
cat >"$work/both.c" <<'END'
#include <urcu.h>
#include <hazptr/urcu.h>
int main(void)
{
	rcu_register_thread();
	rcu_read_lock();
	hazptr_rcu_read_lock();
	hazptr_rcu_read_unlock();
	rcu_read_unlock();
	hazptr_rcu_synchronize_rcu();
	synchronize_rcu();
	rcu_unregister_thread();
	return 0;
}
END
# shellcheck disable=SC2046
compile both cc -std=gnu11 "$work/both.c" $(flags stock liburcu hazptr-urcu)
"$work/both" || fail 'both in one program'

say 'flavours that are not there say so'
for flavour in mb signal qsbr; do
	echo "#include <urcu/urcu-$flavour.h>" >"$work/absent.c"
	# shellcheck disable=SC2046
	! cc -E "$work/absent.c" $(flags ours --cflags liburcu) >/dev/null 2>"$work/errors" ||
		fail "urcu-$flavour.h is accepted"
	grep -q "does not have the flavour $flavour" "$work/errors" || fail "urcu-$flavour.h: $(cat "$work/errors")"
done

say 'built for liburcu, run with ours: each of the functions that liburcu has'
functions() { nm -D --defined-only "$1" | awk '$2 == "T" { print $3 }' | sort; }
stock=$(cc -print-file-name=liburcu.so.8)
diff <(functions "$stock") <(functions "$ours/liburcu.so.8") >&2 || fail 'functions of liburcu.so.8'
for module in liburcu liburcu-memb; do
	for header in urcu.h urcu/urcu-memb.h; do
		# shellcheck disable=SC2046
		compile program cc -std=gnu11 -DURCU_API_MAP -DFLAVOR_HEADER="<$header>" "$here/program.c" $(flags stock $module)
		LD_LIBRARY_PATH=$ours ldd "$work/program" >"$work/needed"
		grep -q "$ours/$module.so.8" "$work/needed" || fail "$module.so.8 is not ours"
		LD_LIBRARY_PATH=$ours "$work/program" >"$work/out" || fail "program with our $module.so.8"
	done
done
# shellcheck disable=SC2046
compile headers cc -std=gnu11 -DFLAVOR_HEADER='<urcu.h>' "$here/headers.c" $(flags stock liburcu liburcu-cds)
LD_LIBRARY_PATH=$ours "$work/headers" || fail 'tables with our liburcu.so.8'
# shellcheck disable=SC2046
compile twice cc -std=gnu11 -DFLAVOR_HEADER='<urcu.h>' "$here/program.c" -Wl,--no-as-needed $(flags stock liburcu liburcu-memb)
LD_LIBRARY_PATH=$ours "$work/twice" >"$work/out" || fail 'both names in one program'

say 'and with its inlined read sides it does not start'
# shellcheck disable=SC2046
compile program cc -std=gnu11 -D_LGPL_SOURCE -DFLAVOR_HEADER='<urcu.h>' "$here/program.c" $(flags stock liburcu)
"$work/program" >"$work/out" || fail 'inlined, with liburcu itself'
! LD_LIBRARY_PATH=$ours "$work/program" >"$work/out" 2>&1 || fail 'an inlined program starts with our liburcu.so.8'
grep -q 'undefined symbol: urcu_memb_' "$work/out" || fail "an inlined program says: $(cat "$work/out")"

say 'the lines of docs/urcu.md'
mkdir "$work/doc"
cd "$work/doc"
cp "$here/program.c" program.c
sed 's/FLAVOR_HEADER/<urcu.h>/' -i program.c
sed 's/FLAVOR_HEADER/<hazptr\/urcu.h>/; s/rcu_register_thread/hazptr_&/' >own.c <<'END'
#include FLAVOR_HEADER
int main(void)
{
	rcu_register_thread();
	return 0;
}
END
# shellcheck disable=SC2046
cc program.c -pthread $(flags stock liburcu) -o unchanged
sed -n 's/^    //p' "$source/docs/urcu.md" | sed "s|/usr/local|$prefix|g" >lines
[ "$(wc -l <lines)" = 5 ] || fail "docs/urcu.md has other lines than thought: $(cat lines)"
sed -i 's/^cc .*/& -pthread/' lines
LD_LIBRARY_PATH='' bash -eu lines >"$work/out" || fail 'the lines of docs/urcu.md'
readelf -dW program own | grep -c 'NEEDED.*libhazptr-urcu' | grep -qx 2 || fail 'not linked with libhazptr-urcu'
LD_LIBRARY_PATH=$prefix/lib ./program >"$work/out" && LD_LIBRARY_PATH=$prefix/lib ./own || fail 'programs of docs/urcu.md'
