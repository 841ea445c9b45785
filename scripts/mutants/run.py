#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""`make mutants`: weakens the engine in one place after another, and sees who notices."""

import argparse
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import sites  # noqa: E402
from written import MODELS  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
RUNGS = ["unit", "loom", "ctest", "model"]

# Which of loom's tests meet a file. In what is not named here there is nothing for loom to see: sequences,
# and which way an acquire takes.
LOOM = {
    "retirement": "batch cohort fence ledger list policy protected reclaim retire shard worker",
    "protection": "backup barrier control fence line portable release synchronize wait",
    "held": "backup barrier control fence held portable release wait",
    "lines": "line portable registry",
    "locks": "lock",
    "modes": "barrier control held init sweep",
    "safe": "safe",
}
# Of ctest's: what meets all of the engine, in about a minute.
CTESTS = r"^shared/.*/(rseq|nolines)$|^hunt/clean/|^refused/|^soak/(rseq|membarrier|delayed)"

HELP = """One copy of the tree for each job, in build/mutants. Each mutant goes through these until one
notices: the unit tests; loom (models/loom), unless there is nothing for it to see; and of those that are
left, the C tests (ctest), a part of them that meets all of the engine; and of what still is, where a model
has the same weakness under a name (models), that. What is noticed by nobody is printed as left over.

Exit status: 0 if at least 95 of 100 are noticed, 1 if not, 2 for wrong arguments or a mutant that does not
compile, 130 if interrupted (what is known by then is printed)."""


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/mutants/run.py", description=__doc__, epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-l", "--list", action="store_true", help="only list the mutants")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count(), help="copies of the tree (%(default)s)")
    parser.add_argument("--rungs", default=",".join(RUNGS), help="which to try, in this order (%(default)s)")
    parser.add_argument("--known", type=Path, help="a table of before: what it has as noticed is not tried again")
    parser.add_argument("pattern", nargs="?", default="",
                        help="only mutants whose 'file: function: name' this regular expression finds")
    return parser.parse_args()


class Tree:
    """A copy of the tree, in which one mutant at a time is tried."""

    def __init__(self, number):
        self.path = ROOT / "build" / "mutants" / f"tree-{number}"
        self.env = dict(os.environ, CARGO_TARGET_DIR=str(self.path / "target"))
        self.path.mkdir(parents=True, exist_ok=True)
        files = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                               check=True, capture_output=True).stdout.decode().split("\0")
        for name in filter(None, files):
            source, target = ROOT / name, self.path / name
            if source.is_file() and not (target.is_file() and target.read_bytes() == source.read_bytes()):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)

        # As they are now, whatever becomes of the tree meanwhile.
        self.sources = {path.name: path.read_text() for path in (self.path / "src").glob("*.rs")}

    def run(self, command, seconds, **env):
        """Its output and how it ended: 0, another number, or None if it did not."""
        process = subprocess.Popen(command, cwd=self.path, env=dict(self.env, **env), stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
        with lock:
            running.add(process)
        try:
            output, _ = process.communicate(timeout=seconds)
            return output, process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.communicate()[0], None
        finally:
            with lock:
                running.discard(process)

    def write(self, mutant):
        text = self.sources[mutant.file]
        (self.path / "src" / mutant.file).write_text(text[: mutant.start] + mutant.new + text[mutant.end :])

    def restore(self, mutant):
        (self.path / "src" / mutant.file).write_text(self.sources[mutant.file])

    def build(self, command, **env):
        output, status = self.run(command, 600, **env)
        if status != 0:
            raise DoesNotCompile(output)

    def unit(self, mutant):
        package = ["--package", "libhazptr-rust"] if mutant.file == "safe.rs" else []
        cargo = ["cargo", "test", "--quiet", "--locked", *package]
        self.build([*cargo, "--no-run"])
        only = ["--test", "safe", "--"] if package else ["--lib", "--", "--skip", "up_to_date"]
        output, status = self.run([*cargo, *only], 60)
        return noticed(output, status, r"^    ([\w:]+)$")

    def loom(self, mutant):
        name = mutant.file.removesuffix(".rs")
        modules = [module for module, files in LOOM.items() if name in files.split()]
        if not modules or mutant.tests:
            return None
        env = {"RUSTFLAGS": "--cfg loom", "CARGO_TARGET_DIR": str(self.path / "target" / "loom")}
        cargo = ["cargo", "test", "--quiet", "--locked", "--lib", "--manifest-path", "models/loom/Cargo.toml"]
        self.build([*cargo, "--no-run"], **env)
        for module in modules:
            test = f"sync::tests::{module}::"
            output, status = self.run([*cargo, "--", "--test-threads", "1", test], 300, **env)
            if found := noticed(output, status, r"^    ([\w:]+)$"):
                return found if found != "no end" else f"{test} (no end)"
        return None

    def configure(self):
        """Builds all that ctest runs, once."""
        if not (self.path / "build" / "build.ninja").is_file():
            self.build(["cmake", "-S", ".", "-B", "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
                        "-DCMAKE_LINK_DEPENDS_NO_SHARED=ON"])
        output, status = self.run(["cmake", "--build", "build"], 1800)
        if status != 0:
            raise DoesNotCompile(output)

    def programs(self, selected):
        """What the selected tests run, as ninja knows it, and the libraries."""
        output, _ = self.run(["ctest", "--test-dir", "build", "--show-only=json-v1", *selected], 60)
        commands = [test["command"][0] for test in json.loads(output)["tests"] if "command" in test]
        build = self.path / "build"
        inside = {os.path.relpath(command, build) for command in commands if command.startswith(f"{build}/")}
        return ["hazptr_libraries", *sorted(inside)]

    def model(self, mutant):
        if not (variant := MODELS.get(label(mutant))):
            return None
        name, defines = variant.split(" ", 1)
        # Exits with 0 if the model fails with these names as it is to.
        output, status = self.run(["models/run.sh", "--names", defines, name], 600)
        if status != 0:
            raise DoesNotCompile(output)
        return variant

    def ctest(self, mutant):
        if re.search(r" is (Relaxed|Acquire|Release|AcqRel)$", mutant.name) and mutant.file != "fence.rs":
            return None  # The same instructions, on this machine.
        for tests in filter(None, [mutant.tests, CTESTS]):
            selected = ["-R", tests, "-E", "/valgrind$"]
            self.build(["cmake", "--build", "build", "--target", *self.programs(selected)])
            output, status = self.run(["ctest", "--test-dir", "build", *selected, "--stop-on-failure", "-j3",
                                       "--timeout", "300"], 1800)
            if found := noticed(output, status, r"^\s*\d+ - (\S+) \("):
                return found
        return None


class DoesNotCompile(Exception):
    pass


def noticed(output, status, name):
    """The first test that failed, if one did."""
    if status == 0:
        return None
    if status is None:
        return "no end"
    # Where one thread of loom's has failed, others may keep the rest from being printed.
    names = re.findall(name, output, re.M) or re.findall(r"^thread '([\w:]*::[\w:]+)'", output, re.M)
    return names[0] if names else f"exit status {status}"


lock = threading.Lock()
running = set()
interrupted = threading.Event()


def label(mutant):
    return f"{mutant.file}: {mutant.function}: {mutant.name}"


def say(mutant, rung, test, seconds):
    print(f"| `{mutant.file}` | `{mutant.function}` | {mutant.name} | {rung} | {test} | {seconds:.0f} s |", flush=True)


def work(trees, rungs, mutants, results):
    """Every mutant through the rungs that can be climbed side by side."""
    todo = queue.Queue()
    for mutant in mutants:
        todo.put(mutant)

    def climb(tree):
        while not interrupted.is_set():
            try:
                mutant = todo.get_nowait()
            except queue.Empty:
                return
            start = time.monotonic()
            tree.write(mutant)
            try:
                for rung in rungs:
                    if test := getattr(tree, rung)(mutant):
                        break
                else:
                    continue
                if interrupted.is_set():
                    return
                with lock:
                    results[label(mutant)] = (rung, test)
                    say(mutant, rung, test.removeprefix("sync::tests::"), time.monotonic() - start)
            except DoesNotCompile as error:
                if not interrupted.is_set():
                    with lock:
                        results[label(mutant)] = ("", "does not compile")
                        print(f"mutants: {label(mutant)}: does not compile:\n{error}", file=sys.stderr, flush=True)
            finally:
                tree.restore(mutant)

    threads = [threading.Thread(target=climb, args=[tree]) for tree in trees]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def stop(*_):
    interrupted.set()
    for process in list(running):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def main():
    options = arguments()
    rungs = options.rungs.split(",")
    if not set(rungs) <= set(RUNGS):
        print(f"mutants: --rungs: of {', '.join(RUNGS)}", file=sys.stderr)
        return 2
    alone = [rung for rung in rungs if rung in ("ctest", "model")]
    mutants = [mutant for mutant in sites.all_mutants(ROOT / "src") if re.search(options.pattern, label(mutant))]
    if options.list:
        for mutant in mutants:
            print(label(mutant))
        return 0
    if not mutants:
        print(f"mutants: none has '{options.pattern}'; see --list", file=sys.stderr)
        return 2
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    print(f"mutants: {len(mutants)}, {options.jobs} at a time", file=sys.stderr, flush=True)
    trees = [Tree(number) for number in range(min(options.jobs, len(mutants)))] if rungs != alone else []
    results = {}
    if options.known:
        rows = [row.strip("| \n").split(" | ") for row in options.known.open() if row.startswith("| `")]
        names = {f"{row[0]}: {row[1]}: {row[2]}".replace("`", ""): row for row in rows if row[3] in RUNGS}
        for mutant in mutants:
            if row := names.get(label(mutant)):
                results[label(mutant)] = (row[3], row[4])
    todo = [mutant for mutant in mutants if label(mutant) not in results]
    print("| file | function | weakened | noticed by | test | after |\n|---|---|---|---|---|---|", flush=True)
    work(trees, [rung for rung in rungs if rung not in alone], todo, results)
    rest = [mutant for mutant in mutants if label(mutant) not in results]
    if alone and rest and not interrupted.is_set():
        print(f"mutants: {len(rest)} left for {' and '.join(alone)}", file=sys.stderr, flush=True)
        # One at a time: these have threads enough.
        tree = Tree("ctest")
        if "ctest" in alone:
            tree.configure()
        work([tree], alone, rest, results)
    broken = [name for name, (rung, _) in results.items() if not rung]
    caught = len(results) - len(broken)
    left = [mutant for mutant in mutants if label(mutant) not in results]
    for mutant in left:
        say(mutant, "nobody" if not interrupted.is_set() else "not tried", "", 0)
    print(f"\nmutants: {len(mutants)}, noticed {caught} ({100 * caught / len(mutants):.1f} %)"
          + "".join(f", {sum(r == rung for r, _ in results.values())} by {rung}" for rung in rungs))
    if interrupted.is_set():
        return 130
    if broken:
        return 2
    return 0 if caught >= 0.95 * len(mutants) else 1


if __name__ == "__main__":
    sys.exit(main())
