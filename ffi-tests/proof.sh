#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# scripts/proof.sh finds the table of fences complete, and notices where it is not.
# usage: proof.sh SOURCE_DIR
set -euo pipefail

source=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$source/scripts/proof.sh" "$source"

# notices WHAT FILE SED: of a copy that has been changed so.
notices() {
	rm -rf "$work/copy"
	mkdir -p "$work/copy/docs"
	cp -r "$source/src" "$work/copy"
	cp "$source/docs/algorithm.md" "$work/copy/docs"
	sed -i "$3" "$work/copy/$2"
	! cmp -s "$source/$2" "$work/copy/$2" || { echo "proof.sh: $1: nothing is changed" >&2 && exit 1; }
	if "$source/scripts/proof.sh" "$work/copy" >/dev/null 2>&1; then
		echo "proof.sh: not noticed: $1" >&2
		exit 1
	fi
}
notices 'a fence that is gone' src/wait.rs 's/fence::full();//'
notices 'one that is weaker' src/portable.rs 's/fence::full()/fence::light()/'
notices 'one that is new' src/release.rs 's/delay::point(Point::Removed);/&fence::full();/'
notices 'a row that is gone' docs/algorithm.md '/`publish_in` | `fence::full`/d'
notices 'a row that is of another function' docs/algorithm.md 's/`publish_in` | `fence::full`/`publish` | `fence::full`/'
