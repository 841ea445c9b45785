#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# `make fresh`: do the README's commands work where nothing is installed? Needs root.
#
# Everything runs in name spaces of its own: what is mounted goes away with the last process, and
# nothing of the host is ever mounted into the chroot, only copied.
set -euo pipefail
set -m # a job is then a process group of its own, and Ctrl-C comes to this shell alone
here=$(cd "$(dirname "$0")/.." && pwd)

usage() {
	cat <<'END'
usage: scripts/fresh.sh [--only TARGET] [--keep]

Makes a minimal Debian 12 with nothing but gcc, make and a copy of this machine's Rust, clones the
committed tree into it and runs there the commands of README.md's section "Try it". Takes about ten
minutes and two gigabytes. Logs go to build/fresh/.

  --only TARGET   of those commands only `make TARGET`
  --keep          leave the chroot behind, and say where it is
  --help          this text

Exit status: 0 if every command passed, 1 if one failed, 2 for wrong arguments.
END
}

say() { printf 'fresh: %s\n' "$*"; }

die() {
	say "$*" >&2
	exit 1
}

only='' keep=''
while [ $# -gt 0 ]; do
	case $1 in
	--only)
		[ $# -gt 1 ] || { usage >&2; exit 2; }
		only=$2
		shift
		;;
	--keep) keep=yes ;;
	--help | -h) usage && exit ;;
	*) usage >&2 && exit 2 ;;
	esac
	shift
done

if [ "$(id -u)" != 0 ]; then
	die "only root can make a chroot: sudo env \"PATH=\$PATH\" $here/scripts/fresh.sh"
fi
"$here/scripts/setup.sh" mmdebstrap git

# The commands as committed, and as a reader of the README sees them.
mapfile -t commands < <(git -C "$here" show HEAD:README.md |
	sed -n '/^## Try it$/,/^## I/s/^    \(make [^#]*[^# ]\) *#.*/\1/p' |
	if [ "$only" ]; then grep -x "make $only" || true; else cat; fi)
if [ ${#commands[@]} = 0 ]; then
	say "README.md's section \"Try it\" has no command ${only:+\"make $only\"}" >&2
	exit 2
fi
toolchain=$(rustc --print sysroot)
if [ ! -x "$toolchain/bin/cargo" ] || [ "$toolchain" = /usr ]; then
	die "needs a Rust in a directory of its own, as rustup installs it, not $toolchain"
fi

# --- jobs in their own name spaces ---------------------------------------------------------------

job=
# contained COMMAND...: the first process's end is the end of all of them, and of their mounts.
contained() {
	unshare --mount --pid --fork --kill-child --mount-proc "$@" </dev/null &
	job=$!
}

# shellcheck disable=SC2317 # reached by the trap
# Kills the first process; unshare ends only when all others are gone.
end_job() {
	if [ "$job" ]; then
		# shellcheck disable=SC2046 # none or one
		kill -KILL $(cat "/proc/$job/task/$job/children") || kill -KILL "$job" || true
		wait "$job" || true
		job=
	fi 2>/dev/null
}

# shellcheck disable=SC2317
finish() {
	end_job
	if [ "$keep" ]; then
		[ -d "$work/root" ] && say "the chroot is $work/root; it has no /proc mounted"
	elif grep -qF " $work/" /proc/self/mountinfo; then
		# Not by this script. rm would follow it if it is of the same file system.
		say "something is mounted below $work: left as it is" >&2
	else
		rm -rf --one-file-system "$work"
	fi
}

work=$(mktemp -d "${TMPDIR:-/var/tmp}/hazptr-fresh.XXXXXX")
root=$work/root
logs=$here/build/fresh
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$logs"

# --- the chroot ----------------------------------------------------------------------------------

# Debian, from where this machine's apt gets it, if it is a Debian 12 too.
make_debian() {
	local sources=() file
	# shellcheck source=/dev/null
	if [ "$(. /etc/os-release && echo "${VERSION_CODENAME-}")" = bookworm ]; then
		for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
			if [ -s "$file" ]; then sources+=("$file"); fi
		done
	fi
	apt-config dump | grep '^Acquire::' | grep -v '^Acquire::IndexTargets' >"$work/apt.conf"
	contained mmdebstrap --mode=root --variant=minbase --include=gcc,make,libc6-dev \
		--aptopt="$work/apt.conf" bookworm "$root" "${sources[@]}" >"$logs/debian.log" 2>&1
	wait "$job" || {
		tail -n 20 "$logs/debian.log" >&2
		die 'mmdebstrap failed'
	}
	job=
}

# What this machine's apt trusts, and how it finds hosts.
copy_network() {
	local file
	for file in /etc/apt/trusted.gpg{,.d} /etc/apt/{keyrings,preferences.d} /usr/share/keyrings \
		/etc/{resolv.conf,hosts}; do
		if [ -e "$file" ]; then
			cp -rL "$file" "$root$(dirname "$file")/"
		fi
	done
	file=${CARGO_HTTP_CAINFO:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}
	if [ -f "$file" ]; then
		mkdir -p "$root/etc/ssl/certs"
		cp -L "$file" "$root/etc/ssl/certs/ca-certificates.crt"
	fi
}

copy_rust() {
	local config=${CARGO_HOME:-$HOME/.cargo}
	mkdir -p "$root/opt/rust" "$root/srv/.cargo"
	tar -C "$toolchain" --exclude=./share -cf - . | tar -C "$root/opt/rust" -xf -
	for config in "$config"/config{,.toml}; do
		if [ -f "$config" ]; then cp -L "$config" "$root/srv/.cargo/"; fi
	done
}

# The variables by which cargo and apt find their way out.
network_variables() {
	env | grep -E '^(CARGO_(HTTP|NET|SOURCE)_[A-Z0-9_]*|[a-z]+_proxy|[A-Z]+_PROXY)=' |
		grep -v '^CARGO_HTTP_CAINFO=' || true
}

# --- the commands --------------------------------------------------------------------------------

# try COMMAND LOG: shows what it prints while it runs.
try() {
	local variables status=0 reader
	mapfile -t variables < <(network_variables)
	: >"$2"
	# shellcheck disable=SC2016 # for the inner shells
	contained sh -c 'root=$1 && shift && mount -t proc proc "$root/proc" &&
		mount -t tmpfs tmpfs "$root/dev/shm" && exec chroot "$root" "$@"' sh "$root" \
		/usr/bin/env -i HOME=/srv LANG=C.UTF-8 TERM=dumb "${variables[@]}" \
		PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		bash -c 'cd /srv/hazptr && eval "$1"; exit $?' bash "$1" >"$2" 2>&1
	tail -n +1 -f --pid="$job" "$2" | sed -u 's/^/    /' &
	reader=$!
	wait "$job" || status=$?
	job=
	wait "$reader"
	return "$status"
}

say "making a minimal Debian 12 in $work (about a minute)"
make_debian
say 'copying Rust, and cloning the committed tree'
copy_network
copy_rust
git clone --quiet --no-hardlinks "$here" "$root/srv/hazptr"
say "packages: $(chroot "$root" dpkg-query -W | wc -l); $("$toolchain/bin/rustc" --version);" \
	"commit $(git -C "$root/srv/hazptr" log -1 --format='%h %s')"

failed=0 results=()
for command in "${commands[@]}"; do
	log=$logs/${command// /-}.log
	say "$command"
	SECONDS=0
	if try "$command" "$log"; then
		results+=("passed  $command, $SECONDS s")
	else
		results+=("FAILED  $command, $SECONDS s; its last lines, of $log:"
			"$(tail -n 15 "$log" | sed 's/^/    /')")
		failed=1
	fi
done
say 'in the bare system:'
printf '%s\n' "${results[@]}"
exit "$failed"
