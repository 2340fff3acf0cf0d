"""`meow exit` asks before it ends tasks, where there is somebody to ask."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest
from conftest import PATIENCE_S, Backend, alive, wait_until


def exit_at_a_terminal(backend: Backend, answer: str, *options: str) -> tuple[int, str]:
    """`meow exit` with a terminal for everything; its exit status, and what stood on the terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(backend.programs / "meow"), "exit", *options],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=backend.work,
        env=backend.environment,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    asked = False
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the last one who had it open is gone
            break
        if not piece:
            break
        seen += piece
        if not asked and b"[y/N]" in seen:
            os.write(ours, answer.encode())
            asked = True
    os.close(ours)
    return process.wait(timeout=PATIENCE_S), seen.decode().replace("\r\n", "\n")


def run_tasks(backend: Backend, count: int) -> list[int]:
    for number in range(count):
        backend.meow("create", "sleep 1000", "-n", f"t{number}", "-c", "0")
    names = [f"t{number}" for number in range(count)]
    wait_until(lambda: all(backend.task(name)["task"]["pid"] for name in names), "they run")
    return [backend.task(name)["task"]["pid"] for name in names]


@pytest.mark.parametrize("answer", ["n\n", "\n", "\x04"])
def test_exit_asks_and_ends_nothing_unless_told_to(backend: Backend, answer: str) -> None:
    pids = run_tasks(backend, 3)
    status, seen = exit_at_a_terminal(backend, answer)
    question = "3 tasks run and would be ended; `--keep-tasks` leaves them running. End them? [y/N]"
    assert question in seen and status == 1 and "nothing was ended" in seen
    assert all(map(alive, pids)) and backend.health()["pid"]


def test_exit_ends_tasks_when_told_to(backend: Backend) -> None:
    pids = run_tasks(backend, 1)
    status, seen = exit_at_a_terminal(backend, "y\n")
    assert "1 task runs and would be ended; `--keep-tasks` leaves it running. End it? [y/N]" in seen
    assert status == 0 and not any(map(alive, pids)) and backend.own_processes() == []


def test_exit_does_not_ask_where_it_need_not(backend: Backend) -> None:
    pids = run_tasks(backend, 1)
    status, seen = exit_at_a_terminal(backend, "", "--keep-tasks")
    assert status == 0 and "[y/N]" not in seen and all(map(alive, pids))
    status, seen = exit_at_a_terminal(backend, "", "-y")
    assert status == 0 and "[y/N]" not in seen and not any(map(alive, pids))
    backend.meow("create", "true", "-n", "done", "-c", "0")
    backend.meow("wait", "done")
    status, seen = exit_at_a_terminal(backend, "")
    assert status == 0 and "[y/N]" not in seen, "nothing runs"


def test_exit_without_a_terminal_does_as_it_is_told(backend: Backend) -> None:
    pids = run_tasks(backend, 2)
    assert backend.json("exit") == {"stopped": 2, "cancelled": 0}
    assert not any(map(alive, pids))
