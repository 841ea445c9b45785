#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# `make dist`: the committed tree and every crate that it needs in one archive, tried offline.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"

usage() {
	cat <<'END'
usage: scripts/dist.sh [--untried]

Makes build/dist/libhazptr-VERSION.tar.xz of the last commit: its files, and in vendor/ the sources
of all crates that its lock files name, without binaries. The same commit makes the same archive.
Then builds and installs from it, without network and without anything that cargo has at hand, and
runs a program.

  --untried   do not build from it
  --help      this text

Exit status: 0 made and, unless --untried, found to work; 1 something failed; 2 for wrong arguments.
END
}

say() { printf 'dist: %s\n' "$*"; }

die() {
	say "$*" >&2
	exit 1
}

untried=
for argument; do
	case $argument in
	--untried) untried=yes ;;
	--help | -h) usage && exit ;;
	*)
		say "no such option: $argument; see --help" >&2
		exit 2
		;;
	esac
done

scripts/setup.sh git xz
[ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$here" ] ||
	die "the archive is made of a commit, and $here is no git repository"
if [ -n "$(git status --porcelain)" ]; then
	say 'what is not committed is left out'
fi

version=$(git show HEAD:Cargo.toml | sed -n 's/^version = "\(.*\)"$/\1/p')
name=libhazptr-$version
output=$here/build/dist/$name.tar.xz
work=$(mktemp -d "${TMPDIR:-/var/tmp}/hazptr-dist.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$here/build/dist"

# quietly LOG COMMAND...: shows what it printed if it fails.
quietly() {
	local log=$1
	shift
	"$@" >"$log" 2>&1 || {
		cat "$log" >&2
		return 1
	}
}

# --- the archive ---------------------------------------------------------------------------------

# The manifests that have a lock file of their own, the library's first.
manifests() {
	git ls-tree -r --name-only HEAD |
		sed -n 's/^\(.*\/\)\?Cargo\.lock$/\1Cargo.toml/p' | sort
}

# contents DIRECTORY: as git ls-tree says it.
contents() {
	local file
	cd "$1"
	find . ! -type d -printf '%P\n' | sort | while read -r file; do
		if [ -L "$file" ]; then
			echo "$(readlink --no-newline "$file" | git hash-object --stdin) $file"
		else
			echo "$(git hash-object --no-filters "$file") $file"
		fi
	done
}

# export_tree DIRECTORY: the committed files, as they are.
export_tree() {
	mkdir "$1"
	git archive HEAD | tar -C "$1" -xf -
	diff <(git ls-tree -r --format='%(objectname) %(path)' HEAD) <(contents "$1") ||
		die "an attribute of git's changes these files, or leaves them out: take it away"
}

# add_crates DIRECTORY: and the lines that tell cargo of them.
add_crates() {
	local manifest sync=()
	while read -r manifest; do
		[ "$manifest" = Cargo.toml ] || sync+=(--sync "$manifest")
	done < <(manifests)
	(
		cd "$1"
		mkdir -p .cargo
		cargo vendor --locked "${sync[@]}" vendor >>.cargo/config.toml 2>"$work/log" || {
			cat "$work/log" >&2
			exit 1
		}
	)
}

# drop_binaries DIRECTORY: of what some crates have prebuilt, for other systems, nobody can see the
# source. Cargo then counts no files in them.
drop_binaries() {
	(
		cd "$1/vendor"
		find . -type f \( -name '*.o' -o -name '*.a' -o -name '*.wasm' \) -print -delete |
			cut -d/ -f2 | sort -u | while read -r crate; do
			sed -i 's/"files":{[^}]*}/"files":{}/' "$crate/.cargo-checksum.json"
		done
		# Those that are called otherwise: ELF, WebAssembly, archives.
		if grep -rlaP '\A(\x7fELF|\x00asm|!<arch>)' .; then
			die 'that is prebuilt too'
		fi
	)
}

# pack DIRECTORY: the same bytes for the same files, whoever owns them.
pack() {
	tar -C "$(dirname "$1")" --sort=name --format=posix --mtime="@$(git log -1 --format=%ct)" \
		--pax-option=delete=atime,delete=ctime --owner=0 --group=0 --numeric-owner \
		--mode=u=rwX,go=rX -cf - "$(basename "$1")"
}

say "$name of commit $(git log -1 --format='%h %s')"
for try in first second; do
	mkdir "$work/$try"
	export_tree "$work/$try/$name"
	add_crates "$work/$try/$name"
	drop_binaries "$work/$try/$name"
	umask 077
done
umask 022
pack "$work/first/$name" >"$work/$name.tar"
pack "$work/second/$name" | cmp - "$work/$name.tar" || die 'made twice, the archive differs'
say "compressing $(find "$work/first/$name/vendor" -mindepth 1 -maxdepth 1 | wc -l) crates"
xz --threads=1 --stdout "$work/$name.tar" >"$output.new"
mv "$output.new" "$output"
say "build/dist/$name.tar.xz: $(stat -c %s "$output") bytes," \
	"sha256 $(sha256sum "$output" | cut -d' ' -f1)"
[ -z "$untried" ] || exit 0

# --- does it build? ------------------------------------------------------------------------------

scripts/setup.sh cmake pkg-config
isolated=(unshare --net)
[ "$(id -u)" = 0 ] || isolated=(unshare --map-root-user --net)
"${isolated[@]}" true || die 'cannot turn off the network to try the archive; as root it works'

# alone COMMAND...: without network, and without what cargo has fetched or been told before.
alone() {
	env -u RUSTFLAGS -u CARGO_TARGET_DIR CARGO_HOME="$work/cargo-home" CARGO_NET_OFFLINE=true \
		PATH="$(rustc --print sysroot)/bin:$PATH" "${isolated[@]}" "$@"
}

tree=$work/unpacked/$name
mkdir "$work/cargo-home" "$work/unpacked"
tar -C "$work/unpacked" -xf "$output"
cd "$tree"

say 'building and installing, without network'
# Outside the tree: cargo looks for .cargo/config.toml from where it is run.
quietly "$work/log" alone cmake -S . -B "$work/build" -DHAZPTR_TESTS=OFF \
	-DCMAKE_INSTALL_PREFIX="$work/prefix"
quietly "$work/log" alone cmake --build "$work/build"
quietly "$work/log" alone cmake --install "$work/build"
export PKG_CONFIG_PATH=$work/prefix/lib/pkgconfig
# shellcheck disable=SC2046 # flags
cc examples/hello.c $(pkg-config --cflags --libs hazptr) -o hello
[ "$(LD_LIBRARY_PATH=$work/prefix/lib ./hello)" = 'port 8080' ] || die 'hello does not work'

say 'the crates of the tests'
while read -r manifest; do
	quietly "$work/log" alone cargo fetch --locked --manifest-path "$manifest"
done < <(cd "$here" && manifests)

# The control: it was not some other place that the crates came from.
rm -r vendor "$work/build"
alone cmake -S . -B "$work/build" -DHAZPTR_TESTS=OFF >"$work/log" 2>&1
if alone cmake --build "$work/build" >"$work/log" 2>&1; then
	die 'it builds without vendor/, so that nothing was shown'
fi
grep -q "$tree/vendor" "$work/log" || {
	cat "$work/log" >&2
	die 'without vendor/ it fails, but for another reason'
}
say 'it builds from vendor/, and from nothing else'
