"""A private backend with the real programs for each test, and words to talk to it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Callable, Optional

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
        self.programs = BIN  # where `meow` and what it starts are
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("CATTINO_", "CUDA_"))}
        self.environment = {
            **inherited,
            "CATTINO_HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "no-config"),  # no test finds the settings of who runs it
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
            [str(self.programs / "meow"), *arguments],
            check=False,  # with its words, below
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

    def end(self) -> None:
        """Ends all of this home, also what does not hear."""
        self.exit()
        for pid in self.kill():
            wait_until(lambda pid=pid: not alive(pid), "it is gone")

    def kill(self) -> list[int]:
        """SIGKILL to all of this home. One may have left meanwhile, because another was killed."""
        pids = self.own_processes()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return pids

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


MakeBackend = Callable[..., Backend]

HEAD = """
import os, sys
import cattino
from cattino.tasks import ProcTask, TaskGraph, TaskGroup

def quick(name, command="true", **more):
    more.setdefault("min_devices", 0)
    return ProcTask(command, task_name=name, **more)

def line(*tasks):
    return TaskGroup(list(tasks), execute_strategy="sequential", group_name="g")
"""


def submit(backend: Backend, body: str, *arguments: str, check: int = 0) -> Any:
    """Runs `meow create` on a script of HEAD and `body`; the answer as JSON."""
    backend.write("task.py", HEAD + textwrap.dedent(body))
    done = backend.meow("create", "--json", "task.py", *arguments, check=check)
    return json.loads(done.stdout) if check == 0 else done


def in_python(backend: Backend) -> dict[str, Any]:
    """What a plain interpreter is run with: in the work directory, it finds the package and the programs."""
    environment = {**backend.environment, "PYTHONPATH": str(ROOT / "python")}
    return {"cwd": backend.work, "env": environment, "text": True}


def start_script(backend: Backend, text: str) -> subprocess.Popen[str]:
    """A plain interpreter runs it."""
    backend.write("script.py", text)
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "script.py"], stdout=pipe, stderr=pipe, **in_python(backend))


def python(
    backend: Backend,
    *arguments: str,
    text: str = "",
    check: Optional[int] = 0,
    timeout: float = PATIENCE_S,
) -> subprocess.CompletedProcess[str]:
    """Runs it; `check` is the exit status it must have."""
    done = subprocess.run(
        [sys.executable, *arguments],
        input=text,
        capture_output=True,
        timeout=timeout,
        check=False,  # with its words, below
        **in_python(backend),
    )
    assert check is None or done.returncode == check, done.stderr
    return done


def tasks(backend: Backend) -> dict[str, dict[str, Any]]:
    """Every task by the name shown."""
    return {t["shown"]: t for t in backend.json("list", "--all")["tasks"]}


def statuses(backend: Backend) -> dict[str, str]:
    return {name: str(task["status"]) for name, task in tasks(backend).items()}


def out(backend: Backend, name: str) -> str:
    return Path(backend.task(name)["task"]["stdout"]).read_text()


def err(backend: Backend, name: str) -> str:
    return Path(backend.task(name)["task"]["stderr"]).read_text()


def gate(backend: Backend, name: str) -> str:
    """Makes a fifo; the command returned ends when `open_gate` is called."""
    os.mkfifo(backend.work / name)
    return f"read line < {backend.work / name}"


def open_gate(backend: Backend, name: str) -> None:
    def opened() -> bool:
        try:
            descriptor = os.open(backend.work / name, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False
        os.write(descriptor, b"go\n")
        os.close(descriptor)
        return True

    wait_until(opened, f"somebody waits at the gate {name}")


def with_settings(make_backend: MakeBackend, tmp_path: Path, text: str, **environment: str) -> Backend:
    settings = tmp_path / "config" / "cattino" / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(text)
    environment = {"CATTINO_DEVICES": "4x24GiB", "CATTINO_CPUS": "8", **environment}
    return make_backend(XDG_CONFIG_HOME=str(tmp_path / "config"), **environment)


LOGGING = """
import asyncio

def note(*words):
    with open("events", "a") as file:
        print(*words, file=file)

class Task(ProcTask):
    count = 0
    async def on_start(self):
        await super().on_start()
        self.count += 1
        note("start", self.name, self.count)
    def on_end(self):
        self.count += 10
        note("end", self.name, self.count, self.exit_code)

class Group(TaskGroup):
    def on_start(self):
        note("group-start", self.name)
    async def on_end(self):
        note("group-end", self.name)
"""


def events(backend: Backend) -> list[str]:
    path = backend.work / "events"
    return path.read_text().splitlines() if path.exists() else []


def hooked(backend: Backend, body: str, **options: Any) -> Any:
    return submit(backend, LOGGING + textwrap.dedent(body), **options)


def host_pids(backend: Backend) -> list[int]:
    """The Python hosts of this home, by what their environment says."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes()
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if b"cattino.host" in line and str(backend.home).encode() in environment:
            found.append(int(entry.name))
    return found


def removed(cgroup: Path) -> bool:
    """Ends who is in it, and removes it as soon as they have ended."""
    try:
        if (cgroup / "cgroup.kill").exists():
            (cgroup / "cgroup.kill").write_text("1")
        cgroup.rmdir()
    except OSError:
        return not cgroup.exists()
    return True


def remove_cgroups(backend: Backend) -> None:
    """What a backend that was killed could not remove."""
    for journal in backend.home.rglob("supervisor.journal"):
        for line in journal.read_text().splitlines():
            pool = Path(line[2:])
            if line.startswith("C ") and pool.exists():
                for below in [*pool.glob("*/"), pool]:
                    wait_until(partial(removed, below), f"{below} is removed")


@pytest.fixture
def make_backend(tmp_path: Path) -> Iterator[MakeBackend]:
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
        backend.end()
        remove_cgroups(backend)
        shutil.rmtree(backend.work, ignore_errors=True)
        for programs in backend.home.glob(".state/*/bin"):  # 150 MB for each backend
            shutil.rmtree(programs, ignore_errors=True)


@pytest.fixture
def backend(make_backend: MakeBackend) -> Backend:
    """Four declared devices of 24 GiB, eight cores."""
    return make_backend(CATTINO_DEVICES="4x24GiB", CATTINO_CPUS="8")
