#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Sees to it that the programs a make target needs are there: setup.sh PROGRAM...
# Debian packages that are missing are installed if we are root; else the command is printed. So it is
# under fakeroot, as who builds packages has it, and with HAZPTR_SETUP=no.
set -eu

# Not in everybody's path; daemons are there.
PATH=$PATH:/usr/sbin
packages=
want() {
	command -v "$1" >/dev/null 2>&1 || packages="$packages $2"
}

command -v cargo >/dev/null 2>&1 || {
	echo "setup: cargo is missing: install Rust 1.85 or later (https://rustup.rs, or Debian 13's cargo)" >&2
	exit 1
}
want cc gcc
for program in "$@"; do
	case $program in
	pkg-config) want pkg-config pkgconf ;;
	c++) want c++ g++ ;;
	ninja) want ninja ninja-build ;;
	abidiff | abidw) want "$program" abigail-tools ;;
	man) want man man-db ;;
	dh) want dh debhelper ;;
	dpkg-buildpackage) want dpkg-buildpackage dpkg-dev ;;
	xz) want xz xz-utils ;;
	knotd) want knotd knot ;;
	kdig) want kdig knot-dnsutils ;;
	lib*-dev)
		dpkg-query --status "$program" 2>/dev/null | grep -q '^Status: .* installed$' ||
			packages="$packages $program"
		;;
	*) want "$program" "$program" ;;
	esac
done
[ -n "$packages" ] || exit 0

install="apt-get install -y --no-install-recommends$packages"
if [ "$(id -u)" = 0 ] && [ -z "${FAKEROOTKEY-}" ] && [ "${HAZPTR_SETUP-}" != no ] &&
	command -v apt-get >/dev/null 2>&1; then
	echo "setup: installing$packages"
	log=$(mktemp)
	# No daemon that comes along is to run, now or after the next start.
	policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		trap 'rm -f $policy' EXIT
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod 755 $policy
	fi
	# shellcheck disable=SC2086 # a list
	if ! { apt-get update && DEBIAN_FRONTEND=noninteractive $install; } >"$log" 2>&1; then
		cat "$log" >&2
		exit 1
	fi
	rm -f "$log"
	case " $packages " in
	*" knot "*) if [ -d /run/systemd/system ]; then systemctl --quiet disable knot; fi ;;
	esac
else
	echo "setup: programs are missing; as root:" >&2
	echo "    apt-get update && $install" >&2
	exit 1
fi
