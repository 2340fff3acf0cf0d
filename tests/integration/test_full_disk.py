"""A disk that is really full: a small tmpfs under the state, the logs, or both, whose size is the disk's.

Root alone may mount one. CATTINO_FULL_DISK_SEEDS says how many random stories are told (20 take minutes).
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from conftest import (
    Backend,
    alive,
    gate,
    open_gate,
    submit,
    wait_until,
)

SEEDS = int(os.environ.get("CATTINO_FULL_DISK_SEEDS", "2"))
ROOMY = 2 << 30
CHUNK = 4096


class Disk:
    """A tmpfs that is filled by making it as small as what is on it."""

    def __init__(self, at: Path) -> None:
        self.at = at
        at.mkdir(parents=True, mode=0o700)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={ROOMY},mode=0700", "cattino-test", str(at)],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")

    def resize(self, size: int) -> bool:
        options = f"remount,size={size}"
        done = subprocess.run(["mount", "-o", options, str(self.at)], check=False, capture_output=True)
        return done.returncode == 0

    def used(self) -> int:
        now = os.statvfs(self.at)
        return (now.f_blocks - now.f_bfree) * now.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Leaves so many bytes. Somebody may write meanwhile: then again."""
        wait_until(lambda: self.resize(self.used() + leave), "the disk is full")

    def free(self) -> None:
        assert self.resize(ROOMY)

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.at)], check=False)


class Place:
    """Backend and disk of a test; the backend ends before the disk is taken away."""

    def __init__(self, backend: Backend, disk: Disk) -> None:
        self.backend = backend
        self.disk = disk
        backend.meow("_start")
        self.health = backend.health()
        self.state = Path(self.health["state"])

    def check_sound(self) -> None:
        """Nobody was restarted, and the state is whole."""
        now = self.backend.health()
        for who in ("pid", "supervisor", "guardian"):
            assert now[who] == self.health[who], f"the {who} was restarted"
        with sqlite3.connect(f"file:{self.state}/state.db?mode=ro", uri=True) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        database.close()


@pytest.fixture(params=["state", "all"])
def place(request: Any, tmp_path: Path) -> Iterator[Place]:
    """Only the state on the small disk, or the logs as well."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    home, work = tmp_path / "home", tmp_path / "work"
    work.mkdir()
    disk = Disk(home / ".state" if request.param == "state" else home)
    backend = Backend(home, work, CATTINO_DEVICES="4x24GiB", CATTINO_CPUS="8")
    try:
        yield Place(backend, disk)
    finally:
        disk.free()
        backend.end()
        disk.unmount()


def fill_up(place: Place) -> None:
    """Full to the last byte, and found so: what little room a log has left is taken by refused requests."""
    place.disk.fill()
    names = (f"before{number}" for number in count())
    wait_until(
        lambda: place.backend.meow("create", "true", "-n", next(names), "-c", "0", check=None).returncode,
        "the disk is found full",
    )


def test_requests_are_refused_with_the_reason_and_taken_when_there_is_room(place: Place) -> None:
    backend = place.backend
    backend.meow("create", f"{gate(backend, 'gate')}; exit 3", "-n", "runs", "-c", "0")
    wait_until(lambda: backend.task("runs")["task"]["pid"], "it runs")
    fill_up(place)
    refused = backend.meow("create", "true", "-n", "refused", "-c", "0", check=None)
    assert refused.returncode in (1, 3)
    assert "no space left on" in refused.stderr.lower()
    assert "make room" in refused.stderr
    cancelled = backend.meow("cancel", "runs", check=None)
    assert cancelled.returncode != 0 and "make room" in cancelled.stderr
    assert backend.status("runs") == "Running", "what was refused has changed nothing"
    pid = backend.task("runs")["task"]["pid"]
    open_gate(backend, "gate")
    wait_until(lambda: not alive(pid), "it ends while the disk is full")
    place.disk.free()
    backend.meow("wait", "runs", check=1)
    assert backend.task("runs")["task"]["exit"]["code"] == 3
    backend.meow("create", "true", "-n", "refused", "-c", "0")
    backend.meow("wait", "refused")
    place.check_sound()


def test_the_next_of_a_chain_starts_when_there_is_room(place: Place) -> None:
    backend = place.backend
    mark = backend.work / "runs"
    submit(
        backend,
        f"""
        first = quick("a", {gate(backend, "gate") + f"; echo a >> {mark}"!r})
        cattino.export(line(first, quick("b", "echo b >> {mark}"), quick("c", "echo c >> {mark}")))
        """,
    )
    pid = wait_until(lambda: backend.task("g/a")["task"]["pid"], "it runs")
    fill_up(place)
    open_gate(backend, "gate")
    wait_until(lambda: not alive(pid), "the first has ended")
    assert mark.read_text() == "a\n"
    place.disk.free()
    backend.meow("wait", "g")
    assert mark.read_text() == "a\nb\nc\n"
    place.check_sound()


def test_whoever_is_killed_while_the_disk_is_full_goes_on_when_there_is_room(place: Place) -> None:
    """Daemon and supervisor; the exit status of what ends meanwhile is kept."""
    backend = place.backend
    backend.meow("create", f"{gate(backend, 'gate')}; exit 3", "-n", "t", "-c", "0")
    pid = wait_until(lambda: backend.task("t")["task"]["pid"], "it runs")
    fill_up(place)
    for victim in ("supervisor", "pid"):
        os.kill(place.health[victim], signal.SIGKILL)
        wait_until(lambda victim=victim: not alive(place.health[victim]), "it is dead")
    open_gate(backend, "gate")
    wait_until(lambda: not alive(pid), "the task ends")
    place.disk.free()
    backend.meow("wait", "t", check=1)
    assert backend.task("t")["task"]["exit"]["code"] == 3
    backend.meow("create", "true", "-n", "later", "-c", "0")
    backend.meow("wait", "later")


def test_a_task_that_fills_the_disk_with_its_own_log_harms_nobody_else(place: Place) -> None:
    if place.disk.at != place.backend.home:
        pytest.skip("its log is on another disk")
    backend = place.backend
    backend.meow("create", f"{gate(backend, 'gate')}; exit 3", "-n", "other", "-c", "0")
    wait_until(lambda: backend.task("other")["task"]["pid"], "it runs")
    place.disk.fill(8 << 20)
    backend.meow("create", "head -c 50000000 /dev/zero; echo $? > status", "-n", "chatty", "-c", "0")
    wait_until((backend.work / "status").exists, "it has met the end of the disk")
    assert (backend.work / "status").read_text().strip() != "0"
    open_gate(backend, "gate")
    place.disk.free()
    backend.meow("wait", "other", "chatty", check=1)
    assert backend.task("other")["task"]["exit"]["code"] == 3
    place.check_sound()


# ---- random stories -----------------------------------------------------------------------------------


def chain(place: Place, name: str, length: int, pause_s: float) -> subprocess.CompletedProcess[str]:
    """Submits tasks one after the other, each of which notes that it ran."""
    mark = place.backend.work / "runs"
    note = f"echo $CATTINO_TASK_NAME.$CATTINO_ATTEMPT >> {mark}; sleep {pause_s:.3f}"
    place.backend.write(
        f"{name}.py",
        f"""
import cattino
from cattino.tasks import ProcTask, TaskGroup
tasks = [ProcTask({note!r}, task_name=f"{name}-{{i}}", min_devices=0, cpus=0.1) for i in range({length})]
cattino.export(TaskGroup(tasks, execute_strategy="sequential", group_name="{name}"))
""",
    )
    return place.backend.meow("create", f"{name}.py", check=None)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_moments(place: Place, seed: int) -> None:
    dice = random.Random(seed)
    length = 6
    taken: list[str] = []
    doubtful: list[str] = []
    for number in range(8):
        leave = dice.choice([0, 0, CHUNK, 4 * CHUNK, 16 * CHUNK])
        if dice.random() < 0.6:
            place.disk.fill(leave)
        name = f"s{number}"
        done = chain(place, name, length, dice.uniform(0, 0.03))
        (taken if done.returncode == 0 else doubtful).append(name)
        time.sleep(dice.uniform(0, 0.1))  # a moment of the dice's choice
        if dice.random() < 0.7:
            place.disk.free()
    place.disk.free()
    backend = place.backend
    for name in taken:
        backend.meow("wait", name)
    backend.meow("wait", check=None)  # what was taken though its answer was an error
    runs = (backend.work / "runs").read_text().split() if taken else []
    assert len(runs) == len(set(runs)), "an attempt ran twice"
    names = [run.rpartition(".")[0].rpartition("/")[2] for run in runs]
    assert len(names) == len(set(names)), "a task ran twice"
    expected = {f"{name}-{i}" for name in taken for i in range(length)}
    assert expected <= set(names), "an acknowledged task was lost"
    for name in doubtful:  # all or nothing
        assert len([n for n in names if n.startswith(f"{name}-")]) in (0, length)
    found = {t["fullname"]: t for t in backend.json("list", "--all")["tasks"]}
    assert {t["status"] for t in found.values()} <= {"Done"}
    place.check_sound()
