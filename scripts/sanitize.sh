#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# `make sanitize`: the tests under AddressSanitizer, ThreadSanitizer, UndefinedBehaviorSanitizer and
# memcheck, with programs that each of them must report (ffi-tests/sanitizer-controls).
set -uo pipefail
cd "$(dirname "$0")/.." || exit

all=(address-rust address-gcc address-clang thread-gcc thread-clang undefined-gcc undefined-clang
	memcheck)

usage() {
	cat <<END
usage: scripts/sanitize.sh [PART...]

Runs the tests under sanitizers: all parts, or those named. A sanitizer's name alone stands for all
its parts. Builds go to build/sanitize/, and stay there for the next time.

Parts: ${all[*]}

Exit status: 0 all passed, 1 some failed, 2 wrong usage, 130 interrupted.
END
}

selected=()
for argument; do
	case $argument in
	--help)
		usage
		exit
		;;
	-*)
		echo "sanitize.sh: no such option: $argument; see --help" >&2
		exit 2
		;;
	esac
	found=
	for name in "${all[@]}"; do
		if [ "$name" = "$argument" ] || [ "${name%-*}" = "$argument" ]; then
			selected+=("$name")
			found=1
		fi
	done
	if [ -z "$found" ]; then
		echo "sanitize.sh: no such part: $argument; see --help" >&2
		exit 2
	fi
done
[ ${#selected[@]} -gt 0 ] || selected=("${all[@]}")

# shellcheck source=scripts/parts.sh
. scripts/parts.sh

# --- what is left out, and why -------------------------------------------------------------------

# left_out SANITIZER: the tests that do not run under it, as a regular expression over ctest's
# names. In which surroundings the others run is said in cmake/sanitize.cmake.
left_out() {
	local tests=(
		# No program of ours runs in them: they install, compile headers, read symbols.
		'^(install|inline|headers|cplusplus/compilers|shipped-.*)$'
		# Step through the instructions of the library as it is shipped, under ptrace.
		'^step/'
		# Engines that are broken elsewhere than where a sanitizer looks; it has controls of its own.
		'^(hunt|programs)/control-'
		# Have deadlines; here the program runs by itself (torture).
		'^torture/'
		# A thread is cancelled between two calls, where compilers of C++ need not provide for
		# unwinding, and clang does not once it instruments. The same test in C runs.
		'^cxx/cancel/'
		# Measures others too, and liburcu-bp reads at an address that is not aligned.
		'^scale$'
	)
	local static_only=(
		# Need the shared library: a weak reference takes nothing out of an archive, and a plug-in
		# and its host would each have an engine.
		'^weak.*/with$' '/(dlclose|unload)/'
		# Links without cmake; see address_rust.
		'^programs'
		# Compares the system calls of programs, to which the run-time adds its own.
		'^fence-is-silent$'
	)
	case $1 in
	address)
		tests+=("${static_only[@]}"
			# The children of these start threads. The run-times of gcc 12 and clang 14 leave their
			# own allocator's locks to a child as the parent's threads held them.
			'/(forks?|held-fork|retire-fork[a-z-]*|urcu-fork)/'
			# Lets no thread be started, which the search for leaks needs.
			'/worker/'
			# Looks for leaks by way of ptrace, which the kernel forbids of a set-uid program.
			'/secure/'
		)
		;;
	thread)
		tests+=("${static_only[@]}"
			# The run-time refuses threads in the child of a process that has threads, and does not
			# know of a child by _Fork.
			'/(forks?|fork-handler|held-fork[a-z-]*|retire-fork[a-z-]*|spawn|urcu-fork|urcu-sections)/'
			# liburcu's hash table is not instrumented.
			'^urcu/lfht'
			# Exits while a callback blocks, and then the run-time does not come to an end.
			'/retire-at-exit/'
			# Counts the process's threads, of which the run-time has one of its own.
			'/worker/'
			# Runs in mode rseq; see demo.
			'^examples/reload$'
			# Its handler changes errno, on purpose; the run-time reports handlers that do.
			'/null/'
			# Its cold stores race, on purpose, and its readers look at elements by atomic
			# accesses: torture and reclaim show more.
			'^hunt/'
			# Step through what is now mostly the run-time's instructions.
			'/sleep-steps/'
			# The run-time needs memory of its own where there is none.
			'/no-memory/'
			# Half a minute each of system calls that a supervisor answers.
			'/refused/membarrier'
		)
		;;
	esac
	local IFS='|'
	echo "${tests[*]}"
}

# Alternate signal stacks would be mapped where a test leaves no memory, and taken off a cancelled
# thread whose stack older run-times believe to be in use.
export ASAN_OPTIONS=use_sigaltstack=0
export UBSAN_OPTIONS=print_stacktrace=1

# Older run-times of ThreadSanitizer do not find their way in an address space that is very random.
as_is=()
if setarch --addr-no-randomize true 2>/dev/null; then
	as_is=(setarch --addr-no-randomize)
fi

# --- the parts -----------------------------------------------------------------------------------

jobs=$(nproc)

configure_and_build() {
	local dir=$1
	shift
	cmake -S . -B "$dir" "$@" && cmake --build "$dir" -j"$jobs"
}

# build PART [CMAKE_OPTION...]
build() {
	local name=$1
	shift
	part "$name: build" configure_and_build "build/sanitize/$name" "$@"
}

# ctests PART CTEST_OPTION...
ctests() {
	local name=$1 dir=build/sanitize/$1
	shift
	part "$name: C and C++ tests" "${as_is[@]}" ctest --test-dir "$dir" --output-on-failure \
		-j"$jobs" "$@"
	count_ctest "$dir"
}

# torture PART HOW PARAMETER...: all that hazptrtorture can do, at once and often.
torture() {
	local name=$1 how=$2
	shift 2
	part "$name: torture, $how" "${as_is[@]}" "build/sanitize/$name/ffi-tests/torture/hazptrtorture" \
		shutdown_secs=10 stat_interval=0 verbose=0 nreaders=-2 nwriters=2 nested=3 \
		defer_modulus=50 irq_acquire=50 irq_release=50 onoff_interval=1 preempt_duration=10 \
		preempt_interval=500 shuffle_interval=1 stutter=2 "$@" && passed=$((passed + 1))
}

# demo PART: as examples/demo.sh, on plain memory, under a sanitizer that sees each access.
demo() {
	local mode
	for mode in membarrier fence; do
		part "$1: examples/reload, $mode" "${as_is[@]}" env HAZPTR_MODE=$mode \
			"build/sanitize/$1/ffi-tests/reload" --seconds 3 --file examples/services &&
			passed=$((passed + 1))
	done
}

# address_cargo COMMAND [OPTION...]: with the flags that cmake/sanitize.cmake gives the engine.
address_cargo() {
	local command=$1
	shift
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo "$command" --locked \
		--target x86_64-unknown-linux-gnu "$@"
}

# The run-time is Rust's own here. (ThreadSanitizer would see races where there are none: Rust's
# standard library is not built for it.)
address_rust() {
	local dir=build/sanitize/address-rust mode
	local programs=$dir/programs/x86_64-unknown-linux-gnu/release/programs

	# These leave what they make; the C tests look for leaks.
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 part 'address-rust: unit tests' \
		address_cargo test --lib --target-dir $dir/unit-tests && count_cargo
	build address-rust -DHAZPTR_SANITIZE=address -DHAZPTR_TESTS=OFF || return
	HAZPTR_ARCHIVE=$PWD/$dir/lib/libhazptr.a part 'address-rust: build of random programs' \
		address_cargo build --release --manifest-path ffi-tests/programs/Cargo.toml \
		--target-dir $dir/programs || return
	for mode in rseq membarrier fence; do
		part "address-rust: random programs, $mode" \
			env HAZPTR_MODE=$mode HAZPTR_EXPECT=$mode $programs --count 2000 &&
			passed=$((passed + 1))
	done
	part 'address-rust: random programs, no lines' \
		env HAZPTR_MAX_LINES=0 HAZPTR_EXPECT=rseq $programs --count 2000 &&
		passed=$((passed + 1))
}

# compiled SANITIZER COMPILER
compiled() {
	local compiler=$2 name=$1-$2 cxx mode
	case $compiler in
	gcc) cxx=g++ ;;
	clang) cxx=clang++ ;;
	esac
	build "$name" -DHAZPTR_SANITIZE="$1" -DCMAKE_C_COMPILER="$compiler" -DCMAKE_CXX_COMPILER=$cxx ||
		return
	ctests "$name" -E "$(left_out "$1")"
	case $1 in
	address)
		for mode in rseq membarrier fence; do
			torture "$name" $mode mode=$mode
		done
		;;
	thread)
		demo "$name"
		torture "$name" membarrier mode=membarrier
		torture "$name" fence mode=fence
		torture "$name" 'no lines' mode=membarrier max_lines=0
		;;
	esac
}

memcheck() {
	build memcheck || return
	ctests memcheck -R valgrind
}

scripts/setup.sh cmake c++ valgrind clang strace || exit 1
for name in "${selected[@]}"; do
	case $name in
	address-rust) address_rust ;;
	memcheck) memcheck ;;
	*) compiled "${name%-*}" "${name#*-}" ;;
	esac
done

echo
echo "sanitize: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
