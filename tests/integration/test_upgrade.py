"""A newer version takes over while tasks run. The newer programs are the same but for their version."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from conftest import BIN, Backend, alive, gate, open_gate, statuses, submit, wait_until

LATER = BIN / "later"
VERSION = "999.0.0"


def program_of(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/exe")


def upgraded(backend: Backend) -> dict[str, Any]:
    """Lets the newer version take over; what `meow test` says then."""
    backend.programs = LATER
    backend.meow("exit", "--keep-tasks")
    backend.meow("list")
    return backend.health()


def test_a_newer_version_takes_over_while_tasks_run(backend: Backend) -> None:
    backend.meow("create", f"{gate(backend, 'gate')}; exit 7", "-n", "t", "-c", "4")
    backend.meow("create", "echo next", "-n", "next", "-c", "4")
    wait_until(lambda: backend.task("t")["task"]["pid"], "it runs")
    before, task = backend.health(), backend.task("t")["task"]
    after = upgraded(backend)
    assert (before["version"], after["version"]) != (VERSION, before["version"])
    assert after["version"] == VERSION and f"/{VERSION}-" in program_of(after["pid"])
    assert [after[k] for k in ("guardian", "supervisor")] == [before[k] for k in ("guardian", "supervisor")]

    # The newer daemon has the older supervisor start, stop and end things.
    backend.meow("create", "echo hello; exit 3", "-n", "small", "-c", "0", "--log-limit", "1MiB")
    backend.meow("wait", "small", check=1)
    assert backend.task("small")["task"]["exit"]["code"] == 3
    assert backend.health()["supervisor"] == before["supervisor"] and alive(task["pid"])

    open_gate(backend, "gate")
    backend.meow("wait", check=None)
    ended = backend.task("t")["task"]
    assert (ended["pid"], ended["attempt"], ended["exit"]["code"]) == (task["pid"], 1, 7)
    assert statuses(backend) == {"t": "Failed", "next": "Done", "small": "Failed"}

    # Nothing runs: the supervisor makes way, too.
    wait_until(lambda: not alive(before["supervisor"]), "the older supervisor leaves")
    backend.meow("create", "true", "-n", "later", "-c", "0")
    backend.meow("wait", "later")
    assert f"/{VERSION}-" in program_of(backend.health()["supervisor"])

    # Whoever dies, the newer one is started again.
    os.kill(backend.health()["pid"], signal.SIGKILL)
    wait_until(lambda: not alive(after["pid"]), "it is dead")
    backend.meow("list")
    assert backend.health()["version"] == VERSION


def test_a_newer_supervisor_takes_over_from_an_older_one_that_died(backend: Backend) -> None:
    backend.meow("create", f"{gate(backend, 'gate')}; exit 7", "-n", "t", "-c", "0")
    wait_until(lambda: backend.task("t")["task"]["pid"], "it runs")
    supervisor = upgraded(backend)["supervisor"]
    os.kill(supervisor, signal.SIGKILL)
    open_gate(backend, "gate")
    backend.meow("wait", "t", check=1)
    task = backend.task("t")
    assert task["task"]["exit"]["code"] == 7 and len(task["attempts"]) == 1
    assert f"/{VERSION}-" in program_of(backend.health()["supervisor"])


def test_hooks_and_their_objects_stay_over_an_upgrade(backend: Backend) -> None:
    body = f"""
        class Counting(ProcTask):
            def on_start(self):
                self.started = os.getpid()
            def on_end(self):
                print("same process:", self.started == os.getpid())
        cattino.export(Counting({gate(backend, "gate")!r}, task_name="t", min_devices=0))
    """
    submit(backend, body)
    wait_until(lambda: backend.task("t")["task"]["pid"], "it runs")
    upgraded(backend)
    open_gate(backend, "gate")
    backend.meow("wait", "t")
    assert "same process: True\n" in Path(backend.task("t")["task"]["stdout"]).read_text()


def test_with_nothing_to_keep_everything_is_started_anew(backend: Backend) -> None:
    backend.meow("create", "true", "-n", "t", "-c", "0")
    backend.meow("wait", "t")
    guardian = backend.health()["guardian"]
    backend.programs = LATER
    backend.meow("exit", "--keep-tasks")
    wait_until(lambda: not alive(guardian), "the older guardian leaves")
    backend.meow("list")
    after = backend.health()
    for role in ("pid", "guardian", "supervisor"):
        assert f"/{VERSION}-" in program_of(after[role])
    assert statuses(backend) == {"t": "Done"}


def test_an_older_version_never_downgrades(backend: Backend) -> None:
    backend.programs = LATER
    backend.meow("create", f"{gate(backend, 'gate')}", "-n", "t", "-c", "0")
    wait_until(lambda: backend.task("t")["task"]["pid"], "it runs")
    backend.programs = BIN
    backend.meow("exit", "--keep-tasks")
    assert backend.meow("test", check=None).stderr.count(VERSION) == 1  # which version to use
    backend.meow("list")
    assert backend.health()["version"] == VERSION
    backend.meow("exit", "-y")
    backend.meow("create", "true", "-n", "next", "-c", "0")
    backend.meow("wait", "next")
    assert backend.health()["version"] == VERSION


def test_a_refusal_by_another_version_says_what_to_do(backend: Backend) -> None:
    backend.meow("create", "true", "-n", "t", "-c", "0")
    same = backend.meow("create", "true", "-c", "99", check=2)
    assert "--keep-tasks" not in same.stderr
    backend.programs = LATER
    refused = backend.meow("create", "true", "-c", "99", check=2)
    assert "`meow exit --keep-tasks`" in refused.stderr and VERSION in refused.stderr
    assert "`meow exit --keep-tasks`" in backend.meow("test").stderr
