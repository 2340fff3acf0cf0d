#!/usr/bin/env python3
"""Runs clang-tidy over src/**/*.cc, two at a time, and remembers which sources were clean.

A source is clean as long as it, the headers of src/ it includes (however far), its compile command and
.clang-tidy are what they were: their hash is the name of a stamp under build/lint. Without --analyzer the
checks of the static analyzer are left out, which take more than half of the time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from source_tree import includes_of, list_files

TOOL = "clang-tidy-14"


class Checker:
    def __init__(self, root: Path, build: Path, analyzer: bool) -> None:
        self.root = root
        self.build = build
        self.analyzer = analyzer
        self.stamps = root / "build" / "lint"
        self.config = (root / ".clang-tidy").read_bytes()
        commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
        self.commands = {
            os.path.relpath(entry["file"], root): str(entry["command"]) for entry in commands
        }

    def headers_of(self, name: str) -> frozenset[str]:
        """All headers of src/ that a file reaches."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            text = (self.root / waiting.pop()).read_text(encoding="utf-8", errors="replace")
            for include in includes_of(text):
                header = f"src/{include.target}"
                if include.quoted and header not in found and (self.root / header).is_file():
                    found.add(header)
                    waiting.append(header)
        return frozenset(found)

    def stamp_of(self, name: str) -> Path:
        digest = hashlib.sha256(self.config + self.commands[name].encode())
        for part in [name, *sorted(self.headers_of(name))]:
            digest.update(part.encode() + b"\0" + (self.root / part).read_bytes())
        return self.stamps / digest.hexdigest()

    def check(self, name: str) -> str:
        """What clang-tidy says of one source; empty if it is clean."""
        deep = self.stamp_of(name)
        stamp = deep if self.analyzer else deep.with_name(deep.name + "-quick")
        if stamp.exists() or deep.exists():
            return ""
        fewer = [] if self.analyzer else ["--checks=-clang-analyzer-*"]
        done = subprocess.run(
            [TOOL, "--quiet", *fewer, "-p", str(self.build), name],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            stamp.touch()
            return ""
        return done.stdout.strip() or done.stderr.strip() or f"{name}: {TOOL} failed"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("-p", dest="build", type=Path, help="build tree (default: build/asan)")
    parser.add_argument("-j", dest="parallel", type=int, default=2)
    parser.add_argument("--analyzer", action="store_true", help="the static analyzer, too")
    parser.add_argument("--tests", action="store_true", help="unit tests too: twice the time")
    parser.add_argument("sources", nargs="*", help="default: all of src/ but unit tests")
    options = parser.parse_args()
    root = Path(__file__).resolve().parent.parent
    build = (options.build or root / "build" / "asan").resolve()
    if not (build / "compile_commands.json").is_file():
        print(f"clang-tidy: no compile_commands.json in {build}: configure it first")
        return 1
    checker = Checker(root, build, options.analyzer)
    checker.stamps.mkdir(parents=True, exist_ok=True)
    wanted = options.sources or [
        name
        for name in list_files(root)
        if name.startswith("src/")
        and name.endswith(".cc")
        and (options.tests or not (name.endswith("_test.cc") or "/test_" in name))
    ]
    listed = "\n".join(path.read_text() for path in (root / "src").rglob("CMakeLists.txt"))
    absent = [name for name in wanted if name not in checker.commands]
    unknown = [name for name in absent if Path(name).name not in listed]  # else: not chosen here
    for name in unknown:
        print(f"{name}:1: not in the build tree: list it in a CMakeLists.txt, configure again")
    known = [name for name in wanted if name not in absent]
    bad = len(unknown)
    with ThreadPoolExecutor(options.parallel) as pool:
        for output in pool.map(checker.check, known):
            if output:
                bad += 1
                print(output, flush=True)
    print(f"clang-tidy: {len(wanted)} sources, {bad} to mend")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
