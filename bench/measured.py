"""What every row of the table is measured with: private backends, the floor program, CPU times."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / "build" / "release" / "bin"
OUT = ROOT / "build" / "bench"
FRESH = itertools.count()  # deleting many files slows ext4 down for minutes: every run has a new directory
TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")

Row = dict[str, Any]


class Backend:
    """A private backend with K declared devices, for one measurement."""

    def __init__(self, name: str, devices: str = "2x1GiB", cpus: int = 1000) -> None:
        self.home = fresh_directory(name)
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("CATTINO_")},
            "CATTINO_HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),  # not the settings of who runs it
            "CATTINO_DEVICES": devices,
            "CATTINO_CPUS": str(cpus),
            "CATTINO_MEOW": str(BIN / "meow"),
            "CATTINO_PYTHON": sys.executable,
            "PYTHONPATH": str(ROOT / "python"),
            "PATH": f"{BIN}:{os.environ['PATH']}",
        }
        self.meow("_start")

    def meow(self, *arguments: str, check: bool = True) -> str:
        return self._run([str(BIN / "meow"), *arguments], check)

    def python(self, code: str) -> str:
        return self._run([sys.executable, "-c", code])

    def _run(self, command: list[str], check: bool = True) -> str:
        return subprocess.run(
            command, env=self.environment, cwd=self.home, check=check, capture_output=True, text=True
        ).stdout

    def processes(self) -> list[int]:
        health = json.loads(self.meow("test", "--json"))
        return [health["pid"], health["supervisor"], health["guardian"]]

    def cpu_us(self) -> float:
        return sum(cpu_us(pid) for pid in self.processes())

    def __enter__(self) -> Backend:
        return self

    def __exit__(self, *_: object) -> None:
        self.meow("exit", "-y", check=False)


def fresh_directory(name: str) -> Path:
    path = OUT / "runs" / f"{name}-{next(FRESH)}"
    path.mkdir(parents=True)
    return path


def cpu_us(pid: int) -> float:
    """CPU time of a process itself, without its children, in microseconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_US


def switches(pid: int) -> int:
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for line in (thread / "status").read_text().splitlines():
            if "ctxt_switches" in line:
                total += int(line.split()[1])
    return total


def floor(*arguments: str) -> dict[str, Any]:
    """The floor program: the better of one and two launching threads."""
    best: Optional[dict[str, Any]] = None
    for threads in ("1", "2"):
        logs = fresh_directory("floor")
        done = subprocess.run(
            [str(BIN / "floor"), "--threads", threads, "--logs", str(logs), *arguments],
            check=True,
            capture_output=True,
            text=True,
        )
        result = json.loads(done.stdout)
        if best is None or result["tasks_per_second"] > best["tasks_per_second"]:
            best = result
    assert best is not None
    return best


def run_span_s(home: Path) -> float:
    """First start to last end, from the database, in seconds."""
    import sqlite3

    database = next(home.glob(".state/*/state.db"))
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        first, last = connection.execute("SELECT min(started), max(ended) FROM attempts").fetchone()
    return float(last - first) / 1e6
