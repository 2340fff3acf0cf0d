#!/usr/bin/env python3
"""Whether programs run on other machines: the glibc they need, and the shared libraries.

tools/check_wheel.py DIRECTORY     with meow, meowd and meow-supervisor in it, or WHEEL.whl
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PROGRAMS = ("meow", "meowd", "meow-supervisor")
GLIBC_MAX = (2, 34)
LIBRARIES = {
    "libc.so.6",
    "libm.so.6",
    "libgcc_s.so.1",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
}


def faults(program: Path) -> list[str]:
    """What would keep it from running elsewhere; empty if nothing."""
    if not program.exists():
        return [f"{program.name}: is missing"]
    found = []
    for line in _lines("objdump", "-T", str(program)):
        version = re.search(r"\(?GLIBC_(\d+)\.(\d+)", line)
        if version and (int(version[1]), int(version[2])) > GLIBC_MAX:
            found.append(
                f"{program.name}: {line.split()[-1]} needs glibc {version[1]}.{version[2]}"
            )
    for line in _lines("objdump", "-p", str(program)):
        words = line.split()
        if words[:1] == ["NEEDED"] and words[1] not in LIBRARIES:
            found.append(f"{program.name}: needs {words[1]}")
    return found


def is_sanitized(program: Path) -> bool:
    return any(
        re.search(r"NEEDED\s+lib(asan|tsan|ubsan)", line)
        for line in _lines("objdump", "-p", str(program))
    )


def _lines(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def check(directory: Path) -> list[str]:
    return [fault for name in PROGRAMS for fault in faults(directory / name)]


def check_wheel(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as unpacked:
        names = archive.namelist()
        found = [] if "cattino/__init__.py" in names else ["the package cattino is missing"]
        for name in names:
            if Path(name).name in PROGRAMS and ".data/scripts/" in name:
                (Path(unpacked) / Path(name).name).write_bytes(archive.read(name))
        return found + check(Path(unpacked))


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    place = Path(arguments[0])
    found = check_wheel(place) if place.suffix == ".whl" else check(place)
    for fault in found:
        print(fault)
    if not found:
        print(f"{place}: runs with glibc {GLIBC_MAX[0]}.{GLIBC_MAX[1]} and no other library")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
