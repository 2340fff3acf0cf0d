"""A private backend with the real programs for each test, and words to talk to it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("CATTINO_BIN", ROOT / "build" / "asan" / "bin"))
PATIENCE_S = 60  # a deadline for events that come in milliseconds when all is well


def alive(pid: int) -> bool:
    """True if the process exists and is not a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


class Backend:
    """One home, one guardian, one daemon. `meow` runs the command line against it."""

    def __init__(self, home: Path, work: Path, **environment: str) -> None:
        self.home = home
        self.work = work
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("CATTINO_", "CUDA_"))}
        self.environment = {
            **inherited,
            "CATTINO_HOME": str(home),
            "CATTINO_PYTHON": sys.executable,
            "CATTINO_PACKAGE": str(ROOT / "python"),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "NO_COLOR": "1",
            **environment,
        }

    def meow(
        self, *arguments: str, check: Optional[int] = 0, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Runs `meow ARGUMENTS` in the work directory; `check` is the exit status it must have."""
        environment = {**self.environment, **options.pop("environment", {})}
        done = subprocess.run(
            [str(BIN / "meow"), *arguments],
            cwd=options.pop("cwd", self.work),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=options.pop("timeout", PATIENCE_S),
            **options,
        )
        if check is not None:
            assert done.returncode == check, f"meow {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str, check: Optional[int] = 0) -> Any:
        """The answer of `meow … --json`."""
        return json.loads(self.meow(*arguments, "--json", check=check).stdout)

    def task(self, name: str) -> dict[str, Any]:
        """The task as `meow show --json` has it."""
        answer: dict[str, Any] = self.json("show", name)
        return answer

    def status(self, name: str) -> str:
        return str(self.task(name)["task"]["status"])

    def health(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.json("test")
        return answer

    def write(self, name: str, text: str) -> Path:
        """A file in the work directory."""
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def exit(self) -> None:
        self.meow("exit", "-y", check=None)

    def own_processes(self) -> list[int]:
        """Processes of this home: daemon, supervisor, guardian (by the home in their command line)."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    line = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if line and b"meow" in line[0] and any(str(self.home).encode() in part for part in line):
                    found.append(int(entry.name))
        return found


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """Waits for something that has no event to wait for. Fails with `what` after PATIENCE_S."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)


@pytest.fixture
def make_backend(tmp_path: Path) -> Iterator[Callable[..., Backend]]:
    made: list[Backend] = []

    def make(**environment: str) -> Backend:
        number = len(made)
        home = tmp_path / f"home{number}"
        work = tmp_path / f"work{number}"
        home.mkdir()
        work.mkdir()
        backend = Backend(home, work, **environment)
        made.append(backend)
        return backend

    yield make
    for backend in made:
        backend.exit()
        for pid in backend.own_processes():
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(backend.work, ignore_errors=True)


@pytest.fixture
def backend(make_backend: Callable[..., Backend]) -> Backend:
    """Four declared devices of 24 GiB, eight cores."""
    return make_backend(CATTINO_DEVICES="4x24GiB", CATTINO_CPUS="8")
