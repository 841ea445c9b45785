#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Each fence and barrier of the engine stands in the table of docs/algorithm.md, and the other way round.
# usage: proof.sh [SOURCE_DIR]; exit status 1 if they differ.
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

# As the code has them: file, function, what it calls. Tests and comments do not count.
in_code() {
	awk '
		FNR == 1 { name = ""; tests = 0 }
		/^mod tests/ { tests = 1 }
		tests || /^[ \t]*\/\// { next }
		match($0, /(^|[ (])fn [a-z_0-9]+/) {
			name = substr($0, RSTART, RLENGTH)
			sub(/.*fn /, "", name)
		}
		{
			line = $0
			while (match(line, /(fence::(full|light|after_rmw)|barrier::(heavy|before_sleep)|sweep::every_cpu|sys::membarrier)\(/)) {
				print FILENAME, name, substr(line, RSTART, RLENGTH - 1)
				line = substr(line, RSTART + RLENGTH)
			}
		}
	' src/*.rs | sort
}

# As the table has them: | `src/file.rs` | `function` | `what` | ...
in_proof() {
	sed -n '/^## Every fence/,/^## /s/^| `\(src\/[a-z_]*\.rs\)` | `\([a-z_0-9]*\)` | `\([a-z_:]*\)` |.*/\1 \2 \3/p' \
		docs/algorithm.md | sort
}

if ! diff <(in_code) <(in_proof) >/dev/null; then
	echo 'proof.sh: the code (<) and the table in docs/algorithm.md (>) differ:' >&2
	diff <(in_code) <(in_proof) >&2 || true
	exit 1
fi
echo "proof.sh: $(in_code | wc -l) fences and barriers, each in the table"
