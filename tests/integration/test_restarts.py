"""Whoever is killed or restarted: exit statuses, tasks and settings are as they should be."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import (
    Backend,
    MakeBackend,
    alive,
    gate,
    open_gate,
    out,
    statuses,
    submit,
    tasks,
    wait_until,
    with_settings,
)


@pytest.mark.parametrize(
    "victims", [["supervisor"], ["guardian"], ["pid", "supervisor"], ["guardian", "pid"]]
)
def test_whoever_is_killed_every_exit_status_is_right(backend: Backend, victims: list[str]) -> None:
    ends = {"zero": "exit 0", "three": "exit 3", "signal": "kill -TERM $$"}
    for name, end in ends.items():
        backend.meow("create", f"{gate(backend, name)}; {end}", "-n", name, "-c", "0")
    body = f'cattino.export(line(quick("a", "{gate(backend, "first")}"), quick("b")))'
    submit(backend, body)
    wait_until(lambda: all(tasks(backend)[n]["pid"] for n in [*ends, "g/a"]), "all run")
    health = backend.health()
    for victim in victims:
        os.kill(health[victim], signal.SIGKILL)
    for name in [*ends, "first"]:
        open_gate(backend, name)
    backend.meow("wait", *ends, "g", check=1)
    found = tasks(backend)
    assert found["zero"]["exit"]["code"] == 0 and found["three"]["exit"]["code"] == 3
    assert found["signal"]["exit"]["signal"] == signal.SIGTERM
    assert found["g/a"]["status"] == found["g/b"]["status"] == "Done"
    assert all(len(backend.task(n)["attempts"]) == 1 for n in found)
    backend.meow("create", "true", "-n", "later", "-c", "4")
    backend.meow("wait", "later")


def test_a_daemon_that_loses_its_guardian_while_it_starts_makes_way(backend: Backend) -> None:
    """Several times: how far the daemon has come when it is alone differs."""
    backend.meow("create", "true", "-n", "t", "-c", "0")
    try:
        for number in range(8):
            health = backend.health()
            guardian = health["guardian"]
            children = Path(f"/proc/{guardian}/task/{guardian}/children")
            before = set(children.read_text().split())
            os.kill(health["pid"], signal.SIGKILL)
            while not (new := set(children.read_text().split()) - before):
                pass  # the guardian starts another daemon: it is caught before it has come far
            (daemon,) = map(int, new)
            os.kill(daemon, signal.SIGSTOP)
            for victim in (guardian, health["supervisor"]):
                os.kill(victim, signal.SIGKILL)
            os.kill(daemon, signal.SIGCONT)
            backend.meow("create", "true", "-n", f"t{number}", "-c", "0", timeout=5)
            backend.meow("wait", f"t{number}", timeout=5)
    finally:  # an orphan would not hear of `meow exit`
        backend.kill()


def test_when_all_are_killed_nothing_runs_twice_and_nothing_is_forgotten(backend: Backend) -> None:
    command = f"echo run >> runs; {gate(backend, 'gate')}; exit 3"
    backend.meow("create", command, "-n", "t", "-c", "4")
    backend.meow("create", "true", "-n", "next", "-c", "4")
    wait_until(lambda: backend.task("t")["task"]["pid"], "it runs")
    pid = backend.task("t")["task"]["pid"]
    health = backend.health()
    for victim in ("pid", "supervisor", "guardian"):
        os.kill(health[victim], signal.SIGKILL)
    assert alive(pid)
    assert backend.status("t") == "Running" and backend.status("next") == "Waiting"
    open_gate(backend, "gate")
    backend.meow("wait", "next", check=None)
    task = backend.task("t")["task"]
    # a kernel that keeps exit statuses for strangers tells it; elsewhere it is lost, and held
    if task["status"] == "Failed":
        assert task["exit"] == {"text": "exit status 3", "code": 3}
    else:
        assert task["exit"] == {"text": "lost"} and task["status"] == "Waiting"
    assert (backend.work / "runs").read_text() == "run\n"


def test_a_kill_of_a_task_after_a_restart_still_ends_its_whole_tree(backend: Backend) -> None:
    backend.meow(
        "create", "(setsid sh -c 'echo $$ > pid; exec sleep 1000' &) ; sleep 1000", "-n", "t", "-c", "0"
    )
    path = backend.work / "pid"
    wait_until(lambda: path.exists() and path.read_text(), "its child runs")
    health = backend.health()
    os.kill(health["pid"], signal.SIGKILL)
    os.kill(health["supervisor"], signal.SIGKILL)
    backend.meow("kill", "t", "-w")
    assert backend.status("t") == "Failed"
    assert not alive(int(path.read_text()))


def test_acknowledged_changes_survive_a_kill_at_once(backend: Backend) -> None:
    backend.meow("create", "sleep 1000", "-n", "holder", "-c", "4")
    backend.meow("create", "true", "-n", "t0")
    for arguments in (["create", "true", "-n", "t1"], ["cancel", "t0"], ["remove", "t1"]):
        daemon = backend.health()["pid"]  # not more than four: then it counts as a crash loop
        backend.meow(*arguments)
        os.kill(daemon, signal.SIGKILL)
        wait_until(lambda pid=daemon: not alive(pid), "it is dead")
    expected = {"holder": "Running", "t0": "Cancelled"}
    assert statuses(backend) == expected
    assert len(backend.task("holder")["attempts"]) == 1


def test_wait_goes_on_over_a_killed_daemon(backend: Backend) -> None:
    backend.meow("create", f"{gate(backend, 'gate')}; exit 3", "-n", "t", "-c", "0")
    wait_until(lambda: backend.task("t")["task"]["pid"], "it runs")
    daemon = backend.health()["pid"]
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(backend.meow, "wait", "t", check=None)
        os.kill(daemon, signal.SIGKILL)
        open_gate(backend, "gate")
        assert waiting.result().returncode == 1


def test_exit_stops_what_runs_and_keeps_what_waits(backend: Backend) -> None:
    backend.meow("create", "sleep 1000", "-n", "runs", "-c", "4")
    backend.meow("create", "echo ran", "-n", "waits", "-c", "4")
    backend.meow("create", "exit 3", "-n", "failed", "-c", "0")
    backend.meow("wait", "failed", check=1)
    pid = backend.task("runs")["task"]["pid"]
    assert backend.json("exit", "-y") == {"stopped": 1, "cancelled": 0}
    assert not alive(pid) and backend.own_processes() == []
    assert backend.meow("test", check=None).returncode == 3
    backend.meow("wait", "waits")
    assert statuses(backend) == {"runs": "Cancelled", "waits": "Done", "failed": "Failed"}
    assert out(backend, "waits") == "ran\n"


def test_exit_that_keeps_tasks_disturbs_none(backend: Backend) -> None:
    backend.meow("create", f"{gate(backend, 'gate')}; exit 7", "-n", "t", "-c", "4")
    backend.meow("create", "true", "-n", "next", "-c", "4")
    wait_until(lambda: backend.task("t")["task"]["pid"], "it runs")
    pid, daemon = backend.task("t")["task"]["pid"], backend.health()["pid"]
    backend.meow("exit", "--keep-tasks")
    wait_until(lambda: not alive(daemon), "the daemon leaves")
    assert alive(pid)
    open_gate(backend, "gate")
    backend.meow("wait", check=None)
    task = backend.task("t")["task"]
    assert (task["pid"], task["exit"]["code"], task["attempt"]) == (pid, 7, 1)
    assert backend.status("next") == "Done"
    assert backend.health()["pid"] != daemon


def test_everything_looks_the_same_after_a_restart(backend: Backend) -> None:
    submit(
        backend,
        """
        cattino.export(line(quick("a", "exit 3"), quick("b")))
        cattino.export(quick("d", min_devices=2, requires_memory_per_device=0.25, priority=3, env={"A": "1"}))
        """,
    )
    backend.meow("wait", check=None)
    backend.meow("create", "sleep 1000", "-n", "hold", "-c", "4")
    backend.meow("create", "true", "-n", "w", "-c", "3", "-p", "9")
    names = ("g/a", "g/b", "d", "w", "hold")

    def everything() -> list[Any]:
        found = [backend.task(n) for n in names]
        found.append(backend.json("list", "--all")["groups"])
        found.append(backend.json("devices")["devices"])
        return found

    before = everything()
    os.kill(backend.health()["pid"], signal.SIGKILL)
    wait_until(lambda: len(backend.json("devices")["devices"]) == 4, "the devices are known again")
    assert everything() == before


def test_a_mended_settings_file_is_read_by_the_next_command(
    make_backend: MakeBackend, tmp_path: Path
) -> None:
    backend = with_settings(make_backend, tmp_path, 'override-exist-task = "rename"\n')
    refused = backend.meow("create", "true", "-n", "t", "-c", "0", check=None)
    assert refused.returncode != 0
    assert "settings.toml:1" in refused.stderr and "override-exist-tasks" in refused.stderr
    (tmp_path / "config" / "cattino" / "settings.toml").write_text('override-exist-tasks = "rename"\n')
    backend.meow("create", "true", "-n", "t", "-c", "0")


def test_exit_ends_a_backend_that_refuses_its_settings(make_backend: MakeBackend, tmp_path: Path) -> None:
    backend = with_settings(make_backend, tmp_path, "nonsense = 1\n")
    backend.meow("create", "true", "-n", "t", "-c", "0", check=None)
    backend.meow("exit", "-y", check=None)
    wait_until(lambda: backend.own_processes() == [], "guardian and supervisor are gone")


def test_nobody_else_may_look(backend: Backend) -> None:
    backend.meow("_start")
    state = Path(backend.health()["state"])
    assert state.stat().st_mode & 0o777 == 0o700
    socket = Path(backend.meow("_start").stdout.strip())
    assert socket.stat().st_mode & 0o077 == 0
