"""Words that the conformance tests share: scripts, what they said, and how their tasks ended."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any, Callable

_PATH = Path(__file__).resolve().parents[1] / "integration" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("integration_words", _PATH)
assert _SPEC is not None and _SPEC.loader is not None
_WORDS = importlib.util.module_from_spec(_SPEC)
sys.modules["integration_words"] = _WORDS
_SPEC.loader.exec_module(_WORDS)

Backend: Any = _WORDS.Backend
MakeBackend = Callable[..., Any]
PATIENCE_S = _WORDS.PATIENCE_S
ROOT = _WORDS.ROOT
alive = _WORDS.alive
backend = _WORDS.backend
err = _WORDS.err
gate = _WORDS.gate
host_pids = _WORDS.host_pids
in_python = _WORDS.in_python
make_backend = _WORDS.make_backend
open_gate = _WORDS.open_gate
out = _WORDS.out
python = _WORDS.python
statuses = _WORDS.statuses
tasks = _WORDS.tasks
wait_until = _WORDS.wait_until
with_settings = _WORDS.with_settings

# Every script begins so. `note` adds a line to the file `notes`, `say` answers the test.
PRELUDE = """
import asyncio, functools, json, os, subprocess, sys, threading, time, traceback
import cattino
from cattino.tasks import DeviceRequiredTask, ProcTask, Task, TaskGraph, TaskGroup

NOTES = os.path.abspath("notes")

def note(*words):
    with open(NOTES, "a") as file:
        print(*words, file=file)

def say(value):
    print("ANSWER " + json.dumps(value), flush=True)

def chain_of(error):
    found = [error]
    while found[-1].__cause__ is not None:
        found.append(found[-1].__cause__)
    return found

def small(name, command="true", kind=ProcTask, **more):
    more.setdefault("min_devices", 0)
    more.setdefault("cpus", 0)
    return kind(command, task_name=name, **more)

def chain(*tasks, name="g"):
    return TaskGroup(list(tasks), execute_strategy="sequential", group_name=name)
"""


def write(backend: Any, body: str, name: str = "task.py") -> Path:
    path: Path = backend.write(name, PRELUDE + textwrap.dedent(body))
    return path


def create(backend: Any, body: str, *arguments: str, check: int = 0, **options: Any) -> Any:
    """`meow create` of a script; what it answers, or what it says if it must be refused."""
    write(backend, body)
    done = backend.meow("create", "--json", "task.py", *arguments, check=None, **options)
    assert (done.returncode == 0) == (check == 0), done.stdout + done.stderr
    return json.loads(done.stdout) if check == 0 else done.stdout + done.stderr


def answers(text: str) -> list[Any]:
    start = "ANSWER "
    return [json.loads(line[len(start) :]) for line in text.splitlines() if line.startswith(start)]


def script(backend: Any, body: str, *arguments: str, **options: Any) -> Any:
    """Runs a script in a plain interpreter; what it said, the only value or a list."""
    write(backend, body, "script.py")
    said = answers(python(backend, "script.py", *arguments, **options).stdout)
    return said[0] if len(said) == 1 else said


def ended(backend: Any, *names: str, timeout: float = PATIENCE_S) -> Any:
    """Waits for the ends; the status of each, the only one or a list."""
    backend.meow("wait", *names, check=None, timeout=timeout)
    found = [backend.status(name) for name in names]
    return found[0] if len(found) == 1 else found


def runs(backend: Any, name: str) -> None:
    wait_until(lambda: backend.task(name)["task"]["pid"], f"{name} runs")


def notes(backend: Any) -> list[str]:
    path = backend.work / "notes"
    return path.read_text().splitlines() if path.exists() else []


def noted(backend: Any, line: str) -> None:
    soon(lambda: line in notes(backend), f"{line!r} is noted")


def soon(condition: Callable[[], Any], what: str) -> None:
    """For what is not there yet: it comes in milliseconds, and a test that fails need not take a minute."""
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)


def reason(backend: Any, name: str) -> str:
    found = backend.task(name)["task"]["reason"]
    return str(found["text"] if found else "")


def kill_daemon(backend: Any) -> None:
    """kill -9, and the next one is there."""
    old = backend.health()["pid"]
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: not alive(old), "the daemon is gone")
    backend.meow("test")


def chain_of(error: BaseException) -> list[BaseException]:
    """It, what it came from, and so on."""
    found: list[BaseException] = [error]
    while found[-1].__cause__ is not None:
        found.append(found[-1].__cause__)
    return found


def within(seconds: float, work: Callable[[], Any]) -> Any:
    """What `work` returns; fails if that takes longer."""
    found: list[Any] = []
    failed: list[BaseException] = []

    def do() -> None:
        try:
            found.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), f"took longer than {seconds} s"
    if failed:
        raise failed[0]
    return found[0]
