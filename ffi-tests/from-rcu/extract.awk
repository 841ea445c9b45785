# SPDX-License-Identifier: MIT OR Apache-2.0
# The code of one side of docs/from-rcu.md, with its lines' numbers: awk -v side=rcu -f extract.awk
FNR == 1 { printf "#line 1 \"%s\"\n", FILENAME }
/^```c / { inside = $2 == side; if (inside) printf "#line %d\n", FNR + 1; next }
/^```/ { inside = 0; next }
inside
