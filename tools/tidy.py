#!/usr/bin/env python3
"""Keeps the rules of the source tree that no compiler knows: rooms, words, lengths, listed tests.

Prints `file:line: what, and what to do` for each breach and exits 1 if there is any.
With --headers it also compiles each header of src/ alone.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from source_tree import Include, includes_of, list_files, read_text, strip_code

LONGEST_FILE = 600

# Which room may include which (besides itself): the arrows of the design. A room that is missing here
# may not exist.
ARROWS: dict[str, set[str]] = {
    "base": set(),
    "core": {"base"},
    "wire": {"base"},
    "sys": {"base"},
    "devices": {"base", "sys", "core/device.h"},
    "store": {"base", "sys", "core"},
    "settings": {"base"},
    "supervisor": {"base", "sys"},
    "host": {"base", "sys"},
    "engine": {
        "base",
        "sys",
        "core",
        "settings",
        "devices",
        "store",
        "host",
        "supervisor/client.h",
        "supervisor/messages.h",
    },
    "server": {"base", "sys", "core", "wire", "settings", "engine", "host/channel.h"},
    "cli": {"base", "sys", "wire", "settings"},
    "sim": {"base", "core", "wire"},
}

# Headers that would bring a clock, threads, files, the environment or randomness into the core.
IMPURE = {
    "atomic", "chrono", "condition_variable", "ctime", "filesystem", "fstream", "future", "iostream",
    "mutex", "random", "shared_mutex", "stop_token", "thread", "fcntl.h", "time.h", "unistd.h",
    "unordered_map", "unordered_set",
}  # fmt: skip


@dataclass(frozen=True)
class Ban:
    """A pattern that code may not contain; `rooms` empty means every room."""

    pattern: re.Pattern[str]
    message: str
    rooms: frozenset[str] = frozenset()
    in_comments: bool = False
    in_tests: bool = True


def ban(pattern: str, message: str, *rooms: str, comments: bool = False, tests: bool = True) -> Ban:
    return Ban(re.compile(pattern), message, frozenset(rooms), comments, tests)


BANS = [
    ban(
        r"std::this_thread::sleep|\b(?:u|nano)?sleep\s*\(\s*[^)\s]",
        "sleeping blocks a thread: arm a timer of the loop (tests: move the clock)",
    ),
    ban(
        r"(?<![\w.>])(?:std::|::)?system\s*\(",
        "system() runs a shell unseen: spawn through sys/process",
    ),
    ban(
        r"\busing\s+namespace\b",
        "`using namespace` hides where a name comes from: name it, or use an alias",
    ),
    ban(
        r"\bstd::unordered_\w+",
        "iteration over unordered containers is not deterministic: use std::map, std::set or a sorted vector",
        "core",
    ),
    ban(
        r"\b(?:float|double)\b",
        "no floating point in decisions: use integers (MiB, ppm, microseconds)",
        "core",
    ),
    ban(r"\bFIXME\b", "FIXME: fix it now, or say what is missing in the docs", comments=True),
    ban(
        r"\bTODO\b(?!\s*:\s*(?:\S+\s+){2,}\S)",
        "TODO without a reason: write `TODO: what is missing and why it can wait`",
        comments=True,
    ),
]
GETENV = re.compile(r"\b(?:secure_)?getenv\s*\(")
GETENV_MAINS = {"server", "cli", "supervisor", "sim"}
MAIN = re.compile(r"^int main\(", re.MULTILINE)

# What betrays the machine or the workplace that a change was made on. The patterns do not match themselves.
FOREIGN = [
    (
        re.compile(r"(?<![\w.}$)~-])/(?:work|root)/"),
        "a path of one machine: use a path relative to the repository",
    ),
    (
        re.compile(r"\bfarm[-](?:bench|studio)\b|/[.]library/|\bshared/(?:notes|hooks)\b"),
        "a word of somebody's workplace: the repository speaks of itself alone",
    ),
    (
        re.compile(r"\b(?:pypi|pythonhosted|npmjs|crates|golang|deb[.]debian)[.](?:org|io|com)\b"),
        "the host of a package registry: name the package, not where it comes from",
    ),
    (
        re.compile(r"\b[Ii]ssues?[ -]#?\d"),
        "the number of an issue: say what it was about",
    ),
]


@dataclass(frozen=True, order=True)
class Breach:
    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class Tree:
    """The repository, read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.texts: dict[str, str] = {}
        for name in list_files(root):
            text = read_text(root / name)
            if text is not None:
                self.texts[name] = text
        self.sources = {n: t for n, t in self.texts.items() if is_source(n)}
        self.includes: dict[str, list[Include]] = {
            n: includes_of(t) for n, t in self.sources.items()
        }

    def room_of(self, name: str) -> str:
        parts = name.split("/")
        return parts[1] if parts[0] == "src" and len(parts) > 2 else ""


def is_source(name: str) -> bool:
    return name.startswith(("src/", "tests/", "bench/")) and name.endswith((".h", ".cc"))


def check_rooms(tree: Tree) -> Iterator[Breach]:
    for name in tree.sources:
        room = tree.room_of(name)
        if not room:
            continue
        if room not in ARROWS:
            yield Breach(
                name, 1, f"room {room} is not in the table of tools/tidy.py: add it and its arrows"
            )
            continue
        for include in tree.includes[name]:
            message = (
                misplaced(tree, name, room, include.target)
                if include.quoted
                else impure(room, include.target)
            )
            if message:
                yield Breach(name, include.line, message)


def misplaced(tree: Tree, name: str, room: str, target: str) -> str | None:
    """What is wrong with `#include "target"` in a file of `room`; None if nothing is."""
    other = target.split("/")[0]
    is_test = name.endswith("_test.cc")
    if is_test and target == "sys/test_directory.h":
        return None
    if is_test and other == "fakes":
        return (
            None if f"tests/{target}" in tree.texts else f'"{target}": there is no tests/{target}'
        )
    if other not in ARROWS or "/" not in target:
        return f'"{target}" is not in a room: include ours as "room/file.h", others as <file.h>'
    if f"src/{target}" not in tree.texts:
        return f'"{target}" does not exist: there is no src/{target}'
    allowed = ARROWS[room]
    if other == room or other in allowed or target in allowed:
        return None
    listed = ", ".join(sorted(allowed)) or "nothing"
    return f'{room} may not include "{target}" (only {listed}): move what both need to a room below'


def impure(room: str, target: str) -> str | None:
    if room == "core" and target in IMPURE:
        return f"<{target}> in core: the core has no clock, thread, file, environment or randomness; pass a value in"
    return None


def check_cycles(tree: Tree) -> Iterator[Breach]:
    """Depth-first; a cycle is told once, at the include that closes it."""
    done: set[str] = set()
    path: list[str] = []

    def visit(name: str) -> Iterator[Breach]:
        path.append(name)
        for include in tree.includes.get(name, []):
            target = f"src/{include.target}"
            if not include.quoted or target in done:
                continue
            if target in path:
                ring = [*path[path.index(target) :], target]
                shown = " -> ".join(step.removeprefix("src/") for step in ring)
                yield Breach(
                    name, include.line, f"include cycle {shown}: forward-declare in one of them"
                )
            elif target in tree.includes:
                yield from visit(target)
        path.pop()
        done.add(name)

    for name in tree.sources:
        if name not in done:
            yield from visit(name)


def check_shape(tree: Tree) -> Iterator[Breach]:
    """First line, #pragma once, length."""
    for name, text in tree.texts.items():
        lines = text.count("\n") + (0 if text.endswith("\n") else 1)
        ours = name in tree.sources or name.endswith(".py")
        if ours and lines > LONGEST_FILE:
            yield Breach(
                name, LONGEST_FILE + 1, f"{lines} lines, {LONGEST_FILE} at most: split it by noun"
            )
        if name not in tree.sources:
            continue
        if not re.match(r"// \S.*\w", text):
            yield Breach(
                name, 1, "no role: begin the file with a `// …` line that says what it is for"
            )
        if name.endswith(".h") and not re.search(r"^#pragma once$", text, re.MULTILINE):
            yield Breach(name, 1, "a header without `#pragma once`: add it below the first comment")


def check_words(tree: Tree) -> Iterator[Breach]:
    for name, text in tree.sources.items():
        room = tree.room_of(name)
        file = name.rsplit("/", 1)[-1]
        is_test = file.endswith("_test.cc") or file.startswith("test_") or not room
        code = strip_code(text)
        for rule in BANS:
            if (rule.rooms and room not in rule.rooms) or (is_test and not rule.in_tests):
                continue
            yield from found(name, rule.pattern, text if rule.in_comments else code, rule.message)
        may_read = is_test or room == "settings" or (room in GETENV_MAINS and MAIN.search(code))
        if not may_read:
            advice = "getenv outside a main: take the value as an argument, or read it in settings"
            yield from found(name, GETENV, code, advice)


def found(name: str, pattern: re.Pattern[str], text: str, message: str) -> Iterator[Breach]:
    for match in pattern.finditer(text):
        yield Breach(name, text.count("\n", 0, match.start()) + 1, message)


def check_listed(tree: Tree) -> Iterator[Breach]:
    """A source that no CMakeLists.txt lists is never compiled; a test, never run."""
    listed: set[str] = set()
    for name, text in tree.texts.items():
        if name.rsplit("/", 1)[-1] == "CMakeLists.txt":
            folder = name.rpartition("/")[0]
            for word in re.findall(r"[\w./+-]+\.cc\b", re.sub(r"#[^\n]*", "", text)):
                listed.add(os.path.normpath(os.path.join(folder, word)))
    for name in tree.sources:
        if name.startswith("src/") and name.endswith(".cc") and name not in listed:
            what = (
                "a test that never runs" if name.endswith("_test.cc") else "a source never compiled"
            )
            yield Breach(name, 1, f"{what}: list it in the CMakeLists.txt of its room")


def check_text(tree: Tree) -> Iterator[Breach]:
    """All text files: trailing space, foreign words."""
    for name, text in tree.texts.items():
        code = name in tree.sources or name.endswith(
            (".py", ".sh", ".txt", ".cmake", ".toml", ".json")
        )
        for number, line in enumerate(text.split("\n"), start=1):
            if code and not name.startswith("tests/golden/") and line != line.rstrip():
                yield Breach(name, number, "trailing space: remove it")
            for pattern, message in FOREIGN:
                if pattern.search(line):
                    yield Breach(name, number, message)


def check_headers(tree: Tree, parallel: int) -> Iterator[Breach]:
    """Compiles each header of src/ as if it were a file of its own."""
    compiler = os.environ.get("CXX", "g++")
    headers = sorted(n for n in tree.sources if n.startswith("src/") and n.endswith(".h"))
    flags = [
        "-std=c++20",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-Isrc",
        "-fsyntax-only",
        "-x",
        "c++",
        "-",
    ]

    def compile_alone(name: str) -> Breach | None:
        text = f'#include "{name.removeprefix("src/")}"\n'
        done = subprocess.run(
            [compiler, *flags],
            cwd=tree.root,
            input=text,
            text=True,
            capture_output=True,
            check=False,
        )
        if done.returncode == 0:
            return None
        errors = [line for line in done.stderr.splitlines() if "error" in line]
        return Breach(
            name, 1, f"does not compile alone, include what it uses: {(errors or ['?'])[0]}"
        )

    with ThreadPoolExecutor(parallel) as pool:
        for breach in pool.map(compile_alone, headers):
            if breach:
                yield breach


CHECKS = [check_rooms, check_cycles, check_shape, check_words, check_listed, check_text]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--headers", action="store_true", help="also compile each header of src/ alone"
    )
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    options = parser.parse_args(arguments)
    tree = Tree(options.root)
    breaches = {breach for check in CHECKS for breach in check(tree)}
    if options.headers:
        breaches.update(check_headers(tree, parallel=2))
    for breach in sorted(breaches):
        print(breach)
    if breaches:
        print(f"tidy: {len(breaches)} to mend")
        return 1
    print(f"tidy: {len(tree.texts)} files, nothing to mend")
    return 0


if __name__ == "__main__":
    sys.exit(main())
