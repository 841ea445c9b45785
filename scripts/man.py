#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""`make man`: manual pages out of the comments in include/hazptr.h, by scdoc. With --check nothing is written:
exit status 1 if a page in man/ is not what would be, or a linter has something to say; 77 if a
program that is needed is not there."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Of the interface as it is described; pages are to be the same whenever they are made.
DATE = "1795651200"  # 2026-11-26

INTRO = """\
A reader protects one object by a hazard, in about a nanosecond: it loads a pointer by *hazptr_acquire*(3), and
from then on whoever wants to free what it points to waits, by *hazptr_synchronize*(3), until the reader has
called *hazptr_release*(3). Nobody waits for readers of other objects. *hazptr_retire*(3) is the wait put off: it
has a function called when nobody protects the object any more.

A writer first makes the object unreachable, by storing another pointer in its place; then it waits, or retires
it."""

KEYS = re.compile(
    r"(?:(?<=^)|(?<=\n)|(?<=[.)] ))"
    r"((?:Threads|Signal handlers|Fork|NULL|Ownership|Cost|Errors|Requires|@\w+)"
    r"(?:, (?:threads|signal handlers|fork|NULL|ownership|cost|errors|@\w+))*): ")


class Item:
    """What a comment describes: its name, its declaration, its text."""

    def __init__(self, comment, declaration):
        lines = [re.sub(r"^ \* ?", "", line) for line in comment.split("\n")]
        self.paragraphs = [part.strip() for part in "\n".join(lines).split("\n\n") if part.strip()]
        self.declaration = declaration
        found = re.search(r"(\w+)\s*\(", declaration) or re.search(r"(\w+)\s*\{", declaration)
        self.name = found.group(1) if found else declaration.split()[1]

    def summary(self):
        """Its first sentence, as the head of a page has it."""
        text = re.split(r"[.:](?:\s|$)", self.paragraphs[0])[0]
        text = re.sub(r"[@`*]", "", " ".join(text.split()))
        return text if text.startswith(("NULL", "As hazptr")) else text[0].lower() + text[1:]


def items(header):
    """Functions, structs and constants of the header, each with its comment."""
    pattern = re.compile(r"/\*\*\n((?: \*[^\n]*\n)+?) \*/\n((?:HAZPTR_API|struct|#define)[^\n]*)", re.M)
    for m in pattern.finditer(header):
        yield Item(m.group(1).rstrip("\n"), m.group(2))


def markup(text):
    """Text of a comment for scdoc."""
    text = " ".join(text.split()).replace("\\", "\\\\")
    # Emphasis, put aside before what looks like it is made plain.
    text = re.sub(r"\*\*(.+?)\*\*", lambda m: "\0b" + m[1].replace("@", "") + "\0B", text)
    text = re.sub(r"`([^`]*)`", "\0b\\1\0B", text)
    text = re.sub(r"\b(hazptr_\w+)\(\)", "\0b\\1\0B(3)", text)
    text = re.sub(r"@(\w+)", "\0u\\1\0U", text)
    text = re.sub(r"\b([a-z]+)\(([1-8])\)", "\0b\\1\0B(\\2)", text)
    text = re.sub(r"([_*#\[\]|<>~])", r"\\\1", text)
    return text.replace("\0b", "*").replace("\0B", "*").replace("\0u", "_").replace("\0U", "_")


def plain(text):
    """A declaration, nothing of which is markup."""
    return re.sub(r"([_*\[\]\\])", r"\\\1", text)


def synopsis(item):
    """A function's declaration, a line for each argument if it is long."""
    text = item.declaration.removeprefix("HAZPTR_API ")
    if len(text) > 70:
        head, arguments = text.split("(", 1)
        arguments = re.split(r", (?![^(]*\))", arguments)
        text = head + "(" + (",\n" + " " * 4).join(arguments)
    return "\n".join("\t" + line for line in text.split("\n"))


def function_page(item, known):
    """Its page, for scdoc."""
    description, notes, returns = [], [], []
    for paragraph in item.paragraphs:
        before, *rest = re.split(r"(?:(?<=^)|(?<=\n)|(?<=\. ))(?=Returns )", paragraph, maxsplit=1)
        pieces = KEYS.split(before)
        if pieces[0].strip():
            description.append(markup(pieces[0]))
        notes += [(key, text.strip()) for key, text in zip(pieces[1::2], pieces[2::2])]
        if rest:
            pieces = KEYS.split(rest[0])
            returns.append(markup(pieces[0]))
            notes += [(key, text.strip()) for key, text in zip(pieces[1::2], pieces[2::2])]
    page = [f'{item.name}(3) "hazptr" "hazptr"', "# NAME", f"{item.name} - {plain(item.summary())}", "# SYNOPSIS",
            "*\\#include <hazptr.h>*", "```\n" + synopsis(item).replace("\t", "") + "\n```",
            "# DESCRIPTION", *description]
    if returns:
        page += ["# RETURN VALUE", *returns]
    if notes:
        page += ["# NOTES", *[f"*{key.replace('@', '')}*: {markup(text)}" for key, text in notes]]
    named = set(re.findall(r"\bhazptr_\w+(?=\(\))", "\n".join(item.paragraphs))) & known - {item.name}
    page += ["# SEE ALSO", ", ".join([f"*{name}*(3)" for name in sorted(named)] + ["*hazptr*(7)"])]
    return "\n\n".join(page) + "\n"


def overview(everything):
    """hazptr(7)."""
    functions = [item for item in everything if item.declaration.startswith("HAZPTR_API")]
    structs = [item for item in everything if item.declaration.startswith("struct")]
    init = next(item for item in functions if item.name == "hazptr_init")
    environment = next(text for text in init.paragraphs if text.startswith("The environment"))
    page = ['hazptr(7) "hazptr" "hazptr"', "# NAME", "hazptr - hazard pointers for user space", "# SYNOPSIS",
            "*\\#include <hazptr.h>*", "*cc* ... $(pkg-config --cflags --libs hazptr)", "# DESCRIPTION", INTRO,
            "# FUNCTIONS"]
    page += [f"*{item.name}*(3)\n\t{plain(item.summary())}" for item in functions]
    page += ["# TYPES"]
    page += [f"*struct {item.name}*\n\t" + markup(" ".join(item.paragraphs)) for item in structs]
    page += ["# ENVIRONMENT", markup(environment), "# SEE ALSO", "*membarrier*(2), *rseq*(2)"]
    return "\n\n".join(page) + "\n"


def pages():
    """File names and what is to be in them."""
    everything = list(items((ROOT / "include/hazptr.h").read_text()))
    functions = {item.name: item for item in everything if item.declaration.startswith("HAZPTR_API")}
    sources = {f"{name}.3": function_page(item, set(functions)) for name, item in functions.items()}
    sources["hazptr.7"] = overview(everything)
    for name, source in sources.items():
        done = subprocess.run(["scdoc"], input=source, text=True, capture_output=True,
                              env=dict(os.environ, SOURCE_DATE_EPOCH=DATE))
        if done.returncode != 0:
            raise SystemExit(f"man.py: {name}: {done.stderr.strip()}\n{source}")
        # The generator's name and version stay out, so that another one makes the same pages; and paragraphs
        # that begin where a section does, or are empty, at which linters frown.
        text = re.sub(r'^\.\\" Generated by scdoc.*\n', "", done.stdout, flags=re.M)
        text = re.sub(r"^(\.(?:SH|TH) .*\n)(\.P\n)+", r"\1", text, flags=re.M)
        text = re.sub(r"^(\.P\n)+(?=\.SH|\.P\b|\.RE|\Z)", "", text, flags=re.M)
        yield name, re.sub(r"^\.RE\n(?=\\fB)", ".RE\n.P\n", text, flags=re.M)


def lint(path):
    """What the linters say of a page."""
    commands = (["mandoc", "-T", "lint", "-W", "warning", path],
                ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path])
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, MANROFFSEQ=""))
        said = done.stdout if command[0] == "mandoc" else done.stderr
        yield from (f"{command[0]}: {line}" for line in said.splitlines() if line.strip())


def main():
    parser = argparse.ArgumentParser(prog="scripts/man.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-c", "--check", action="store_true", help="write nothing: compare, and lint")
    check = parser.parse_args().check
    if missing := [tool for tool in ["scdoc"] + check * ["mandoc", "man"] if not shutil.which(tool)]:
        print(f"man.py: not found: {', '.join(missing)}", file=sys.stderr)
        return 77
    there = ROOT / "man"
    wanted = dict(pages())
    complaints = []
    if check:
        for name in sorted(wanted.keys() | {path.name for path in there.glob("*")}):
            now = (there / name).read_text() if (there / name).is_file() else None
            if now != wanted.get(name):
                complaints.append(f"man/{name}: not up to date; `make man`")
        with tempfile.TemporaryDirectory() as work:
            for name, text in wanted.items():
                path = Path(work) / name
                path.write_text(text)
                complaints += [line.replace(f"{work}/", "") for line in lint(str(path))]
    else:
        there.mkdir(exist_ok=True)
        for path in there.glob("*.[37]"):
            if path.name not in wanted:
                path.unlink()
        for name, text in wanted.items():
            (there / name).write_text(text)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f"man: {len(wanted)} pages" + (f", {len(complaints)} complaints" if check else ""))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
