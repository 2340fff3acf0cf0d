"""The files of the repository and what they include: shared by tidy.py and clang_tidy_cached.py."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"(?P<ours>[^"]+)"|<(?P<other>[^>]+)>)')


@dataclass(frozen=True)
class Include:
    """One include directive; `quoted` tells ours ("room/file.h") from others (<vector>)."""

    line: int
    target: str
    quoted: bool


def list_files(root: Path) -> list[str]:
    """Tracked files and new ones that git does not ignore; all files where there is no git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if (root / ".git").exists():
        output = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout
        names = {name for name in output.decode().split("\0") if name}
    else:
        names = {str(path.relative_to(root)) for path in root.rglob("*")}
    return sorted(name for name in names if (root / name).is_file())


def read_text(path: Path) -> str | None:
    """The text of a file; None if it is binary."""
    data = path.read_bytes()
    if b"\0" in data:
        return None
    return data.decode("utf-8", errors="replace")


def includes_of(text: str) -> list[Include]:
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        match = INCLUDE.match(line)
        if match:
            ours = match["ours"]
            found.append(Include(number, ours or match["other"], ours is not None))
    return found


def strip_code(text: str) -> str:
    """C++ text with comments blanked and the insides of literals removed; lines stay where they are."""
    token = re.compile(
        r"""//[^\n]*|/\*.*?\*/|(?:u8|[uUL])?R"(?P<mark>[^(\s\\]{0,16})\(.*?\)(?P=mark)"
        |"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'""",
        re.DOTALL | re.VERBOSE,
    )

    def blank(match: re.Match[str]) -> str:
        found = match[0]
        lines = "\n" * found.count("\n")
        return (" " if found.startswith("/") else '""') + lines

    return token.sub(blank, text)
