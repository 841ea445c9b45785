#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# test.sh gdb/hazptr-gdb.py holder: what the script says of a process that holds some objects, and of its core
# file; with slots in lines, and in contexts; the library without its symbol table.
set -u
[ $# = 2 ] || {
	echo 'usage: test.sh hazptr-gdb.py holder' >&2
	exit 2
}
script=$1
program=$2
command -v gdb >/dev/null || {
	echo 'test.sh: gdb not found' >&2
	exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
failed=0

fail()
{
	echo "test.sh: $1; gdb says:" >&2
	cat "$work/says" >&2
	failed=1
}

# says PATTERN: just one line matches. says_not PATTERN: none does.
says()
{
	[ "$(grep -Ec -- "$1" "$work/says")" = 1 ] || fail "not one line: $1"
}

says_not()
{
	! grep -Eq -- "$1" "$work/says" || fail "there is: $1"
}

# look: gdb's arguments, then what it is asked.
look()
{
	gdb -q -nx -batch -ex "source $script" "$@" \
		-ex 'echo held\n' -ex 'hazptr holders &held' -ex 'echo twice\n' -ex 'hazptr holders &twice' \
		-ex 'hazptr holders &many[999]' -ex 'hazptr holders &free_again' -ex 'hazptr holders &nobody' \
		-ex 'print near_slot' -ex 'print keeper' -ex 'print done' -ex 'print untouched' \
		-ex 'echo lines\n' -ex 'hazptr lines' -ex 'hazptr holders' -ex 'hazptr holders 0' >"$work/says" 2>&1
}

# As it is shipped, whatever it is in the build.
library=$(ldd "$program" | sed -n 's/.*libhazptr\.so\.[0-9]* => \(.*\) (.*/\1/p')
if [ -n "$library" ]; then
	strip -o "$work/${library##*/}" "$library" || exit 1
	export LD_LIBRARY_PATH="$work"
fi
gdb -q -nx -batch -ex run "$program" >"$work/says" 2>&1
if grep -Eq 'ptrace|[Cc]ould not trace' "$work/says"; then
	echo 'test.sh: no ptrace here' >&2
	exit 77
fi

for lines in 100 0; do
	export HAZPTR_MAX_LINES=$lines
	for of in process core; do
		case $of in
		process) look -ex run -ex "generate-core-file $work/core" "$program" ;;
		core) look "$program" "$work/core" ;;
		esac
		if [ "$lines" = 0 ]; then
			where='own slot of the context at 0x[0-9a-f]+'
			says '^\$1 = protects 0x[0-9a-f]+, in its own slot$'
		else
			where='slot [0-9]+ of line [0-9]+, (current on CPU [0-9]+|parked|shared)'
			says '^\$1 = protects 0x[0-9a-f]+, in slot 0x[0-9a-f]+$'
		fi
		places=$(sed -n '/^held$/,/^lines$/p' "$work/says" | grep -Ec "^0x[0-9a-f]+: $where\$")
		[ "$places" = 4 ] || fail "$places places, and not 4"
		[ "$(grep -c 'held by nobody$' "$work/says")" = 2 ] || fail 'not two that nobody holds'
		says '^\$2 = holds slot 0x[0-9a-f]+, which protects nothing$'
		says '^\$3 = holds nothing$'
		says '^\$4 = holds nothing$'
		says '^mode (rseq|membarrier|fence), generation 1$'
		says '^hazptr holders: whose\?'
		says "^hazptr holders: 0x0 is no object's address"
		says_not 'Python Exception|Traceback'
	done
done

# Where there is no library it says so.
gdb -q -nx -batch -ex "source $script" -ex 'hazptr lines' >"$work/says" 2>&1
says '^no hazptr_control_1 in this program'
exit "$failed"
