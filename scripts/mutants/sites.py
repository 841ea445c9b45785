# SPDX-License-Identifier: MIT OR Apache-2.0
"""Where the engine can be weakened.

Found in the text: each memory ordering above Relaxed, each fence and barrier, each wake-up. Written down in
written.py: checks that are made a second time, orders of two steps, the instructions of the sequences."""

import re
from collections import namedtuple
from pathlib import Path

# tests: which of ctest's meet it, if not those that meet everything.
Mutant = namedtuple("Mutant", "file function name start end new tests")

FENCES = re.compile(
    r"fence::(?:full|light|after_rmw)\(\)|barrier::(?:heavy|before_sleep)\(control\)"
    r"|(?<!fn )\bshared\(control\)|(?<!fn )\bsweep\(\)(?=;)"
)
WAKE = "sys::futex_wake("
WEAKER = {
    "Acquire": ["Relaxed"],
    "Release": ["Relaxed"],
    "AcqRel": ["Acquire", "Release"],
    "SeqCst": ["AcqRel"],
}


def code_of(path):
    """The text, with comments blanked, and cut off where the unit tests begin."""
    text = path.read_text()
    tests = re.search(r"^#\[cfg\([^\n]*\btest\b[^\n]*\)\]\nmod tests", text, re.M)
    code = text[: tests.start()] if tests else text
    return re.sub(r"//[^\n]*", lambda m: " " * len(m.group()), code)



def function_at(code, position):
    names = re.findall(r"(?:\bfn|macro_rules!) (\w+)", code[:position])
    return names[-1] if names else "-"


def closing(code, position):
    """Where the bracket ends that is open at a place."""
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(code[position], 0)
        position += 1
    return position


def found(path, code):
    for m in re.finditer(r"Ordering::(\w+)\b", code):
        function = function_at(code, m.start())
        # A light fence holds the compiler back only: its calls are taken out instead.
        if function != "light":
            for weaker in WEAKER.get(m.group(1), []):
                yield Mutant(path.name, function, f"{m.group(1)} is {weaker}", m.start(), m.end(),
                             f"Ordering::{weaker}", None)
    for m in FENCES.finditer(code):
        yield Mutant(path.name, function_at(code, m.start()), f"no {m.group()}", m.start(), m.end(), "()",
                     None)
    start = code.find(WAKE)
    while start >= 0:
        if not code[:start].endswith("fn "):
            yield Mutant(path.name, function_at(code, start), "nobody is woken", start,
                         closing(code, start + len(WAKE)), "()", None)
        start = code.find(WAKE, start + 1)


def bodies(code, function):
    """From where a function's name stands to where the next one's does; of each that has it."""
    for m in re.finditer(rf"(?:\bfn|macro_rules!) {function}\b", code):
        after = re.search(r"(?:\bfn|macro_rules!) \w+", code[m.end():])
        yield m.start(), m.end() + after.start() if after else len(code)


def written(path, code, sites):
    for function, name, old, new, *tests in sites:
        text = re.compile(r"\s+".join(re.escape(word) for word in old.split()))
        places = [m for begin, end in bodies(code, function) for m in text.finditer(code, begin, end)]
        if len(places) != 1:
            raise SystemExit(f"mutants: {path.name}: {function}: {name}: {len(places)} places for {old!r}")
        yield Mutant(path.name, function, name, places[0].start(), places[0].end(), new,
                     tests[0] if tests else None)


def all_mutants(source):
    """All there are, in the order of the text."""
    from written import WRITTEN

    mutants = []
    paths = {path.name: path for path in sorted(Path(source).glob("*.rs"))}
    for name in WRITTEN:
        if name not in paths:
            raise SystemExit(f"mutants: no such file: {name}")
    for name, path in paths.items():
        code = code_of(path)
        here = [*found(path, code), *written(path, code, WRITTEN.get(name, []))]
        mutants += sorted(here, key=lambda mutant: mutant.start)
    return list(numbered(mutants))


def numbered(mutants):
    """The same, with names apart where a function has two alike."""
    seen = {}
    for mutant in mutants:
        names = (mutant.file, mutant.function, mutant.name)
        seen[names] = seen.get(names, 0) + 1
        yield mutant if seen[names] == 1 else mutant._replace(name=f"{mutant.name} ({seen[names]})")
