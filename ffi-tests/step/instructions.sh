#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Lists what step.c needs to know of a shared library's code, one thing a line, numbers in hex:
#
#   descriptors ADDRESS SIZE                          the section of the sequences' descriptors
#   function ADDRESS SIZE NAME                        an exported function
#   instruction ADDRESS LENGTH SYMBOL TEXT...         in the order of addresses
#
# usage: instructions.sh LIBRARY. Exits with 77 if the tools are not there.
set -eu
LC_ALL=C
export LC_ALL

library=$1
for tool in objdump nm awk; do
	command -v "$tool" >/dev/null || exit 77
done
objdump -h -j __rseq_cs "$library" | awk '$2 == "__rseq_cs" { print "descriptors", $4, $3 }'
nm -D -S --defined-only "$library" |
	awk '$3 == "T" { sub(/@.*/, "", $4); print "function", $1, $2, $4 }'
objdump -d -w "$library" | awk -F '\t' '
	/^[0-9a-f]+ <.*>:$/ { symbol = $0; sub(/^[^<]*</, "", symbol); sub(/>:$/, "", symbol) }
	NF >= 3 {
		at = $1; gsub(/[ :]/, "", at)
		length_ = split($2, bytes, " ")
		text = $3; gsub(/ +/, " ", text); sub(/ *#.*/, "", text)
		printf "instruction %s %x %s %s\n", at, length_, symbol, text
	}'
