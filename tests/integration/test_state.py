"""The state on disk: damaged, foreign, shared by two, or too much of it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from itertools import count
from pathlib import Path

import pytest
from conftest import (
    BIN,
    Backend,
    MakeBackend,
    alive,
    gate,
    open_gate,
    statuses,
    wait_until,
    with_settings,
)


def state_of(backend: Backend) -> Path:
    return Path(backend.health()["state"])


def leave(backend: Backend) -> None:
    """The daemon goes, and the guardian starts another one at the next command."""
    daemon = backend.health()["pid"]
    backend.meow("exit", "--keep-tasks")
    wait_until(lambda: not alive(daemon), "it has left")


def stopped(backend: Backend) -> Path:
    """The database of a backend that has left."""
    state = state_of(backend)
    backend.meow("exit", "-y")
    wait_until(lambda: backend.own_processes() == [], "all have left")
    return state / "state.db"


def foreign(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs(a)")
    other.close()


def garbage(path: Path) -> None:
    path.write_bytes(b"not a database " * 500)


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("damage", [garbage, foreign, truncated])
def test_a_state_that_cannot_be_used_is_refused_and_set_aside_on_request(
    backend: Backend, damage: object
) -> None:
    backend.meow("create", "true", "-n", "t", "-c", "0")
    backend.meow("wait", "t")
    path = stopped(backend)
    damage(path)  # type: ignore[operator]
    before = path.read_bytes()
    for arguments in (["create", "true", "-n", "new", "-c", "0"], ["list"], ["test"]):
        refused = backend.meow(*arguments, check=1 if arguments[0] != "test" else None)
        if refused.returncode != 3:  # `test` starts nothing
            assert str(path) in refused.stderr
            assert "meow test --set-aside" in refused.stderr
        assert path.read_bytes() == before
    moved = Path(backend.json("test", "--set-aside")["moved_to"])
    assert moved.parent == path.parent and moved.read_bytes() == before
    backend.meow("create", "true", "-n", "new", "-c", "0")
    backend.meow("wait", "new")
    assert statuses(backend) == {"new": "Done"}
    assert moved.read_bytes() == before


def test_a_sound_state_is_not_set_aside(backend: Backend) -> None:
    backend.meow("create", "true", "-n", "t", "-c", "0")
    daemon = backend.health()["pid"]
    refused = backend.meow("test", "--set-aside", check=2)
    assert "is sound" in refused.stderr
    assert backend.health()["pid"] == daemon
    assert "t" in statuses(backend)


def test_what_runs_while_the_state_is_set_aside_is_told_of_and_can_be_ended(backend: Backend) -> None:
    for name in ("first", "second"):
        backend.meow("create", f"{gate(backend, name)}; echo {name} >> ends", "-n", name, "-c", "0")
    wait_until(lambda: backend.task("second")["task"]["pid"], "both run")
    old = {n: backend.task(n)["task"] for n in ("first", "second")}
    state = state_of(backend)
    leave(backend)
    for end in ("", "-wal", "-shm"):
        (state / f"state.db{end}").unlink(missing_ok=True)
    garbage(state / "state.db")
    backend.meow("create", "true", "-n", "new", "-c", "0", check=1)
    backend.meow("test", "--set-aside")
    backend.meow("create", "echo new >> ends", "-n", "new", "-c", "0")
    backend.meow("wait", "new")
    assert backend.task("new")["task"]["id"] > old["second"]["id"], "no key is used twice"
    unknown = wait_until(lambda: backend.health()["unknown"], "they are told of")
    assert {u["pid"] for u in unknown} == {t["pid"] for t in old.values()}
    assert str(old["first"]["pid"]) in backend.meow("test").stdout
    assert all(alive(t["pid"]) for t in old.values())
    open_gate(backend, "first")
    wait_until(lambda: len(backend.health()["unknown"]) == 1, "one ends by itself")
    assert backend.json("test", "--end-unknown") == {"ended": 1}
    wait_until(lambda: backend.health()["unknown"] == [], "the other is stopped")
    assert not alive(old["second"]["pid"])
    assert (backend.work / "ends").read_text().split() == ["new", "first"]


def test_exit_ends_what_the_state_does_not_know(backend: Backend) -> None:
    backend.meow("create", "sleep 1000", "-n", "t", "-c", "0")
    wait_until(lambda: backend.task("t")["task"]["pid"], "it runs")
    pid = backend.task("t")["task"]["pid"]
    state = state_of(backend)
    leave(backend)
    for end in ("", "-wal", "-shm"):
        (state / f"state.db{end}").unlink(missing_ok=True)
    wait_until(lambda: backend.health()["unknown"], "it is told of")
    assert backend.json("exit", "-y")["stopped"] == 1
    assert not alive(pid)


def test_damage_that_is_met_at_work_is_refused_from_then_on(backend: Backend) -> None:
    """A table that no start reads: what runs goes on, and nothing is written to what is damaged."""
    backend.meow("create", f"{gate(backend, 'gate')}", "-n", "t", "-c", "0")
    backend.meow("create", "true", "-n", "done", "-c", "0")
    backend.meow("wait", "done")
    pid = wait_until(lambda: backend.task("t")["task"]["pid"], "it runs")
    path = state_of(backend) / "state.db"
    leave(backend)
    with sqlite3.connect(path) as database:
        page = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'hidden'").fetchone()[0]
        # too large to be looked at whole by each start
        database.execute("INSERT INTO objects VALUES(1000000, zeroblob(33554432))")
    database.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"x" * 4096)
    assert backend.health()["pid"]
    removed = backend.meow("remove", "done", check=1)
    assert "damaged" in removed.stderr and "meow test --set-aside" in removed.stderr
    refused = backend.meow("test", "--set-aside", "--json", check=0)
    assert "state.db.set-aside-" in refused.stdout
    assert [u["pid"] for u in wait_until(lambda: backend.health()["unknown"], "told")] == [pid]
    open_gate(backend, "gate")
    wait_until(lambda: not alive(pid), "it ends by itself")


def test_a_second_daemon_on_one_state_is_refused(backend: Backend, tmp_path: Path) -> None:
    backend.meow("create", "true", "-n", "t", "-c", "0")
    state = state_of(backend)
    daemon = backend.health()["pid"]
    link = tmp_path / "link"
    link.symlink_to(state.parent)
    for directory in (state, link / state.name):
        second = subprocess.run(
            [str(BIN / "meowd"), "--state", str(directory), "--socket", str(tmp_path / "s")],
            check=False,
            env=backend.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert second.returncode == 1
        assert f"another daemon (process {daemon})" in second.stderr and "kill" in second.stderr
        assert not (tmp_path / "s").exists()
    assert backend.health()["pid"] == daemon
    backend.meow("wait", "t")


def test_a_daemon_started_by_hand_keeps_the_backends_out(backend: Backend, tmp_path: Path) -> None:
    backend.meow("create", "true", "-n", "t", "-c", "0")
    backend.meow("wait", "t")
    state = stopped(backend).parent
    with subprocess.Popen(
        [str(BIN / "meowd"), "--state", str(state), "--socket", str(tmp_path / "s")],
        env=backend.environment,
    ) as first:
        try:
            wait_until((tmp_path / "s").exists, "it serves")
            refused = backend.meow("list", check=3)
            assert f"another daemon (process {first.pid})" in refused.stderr
        finally:
            first.terminate()
    assert statuses(backend) == {"t": "Done"}


def test_a_second_guardian_makes_way(backend: Backend) -> None:
    backend.meow("_start")
    state = state_of(backend)
    second = subprocess.run(
        [str(BIN / "meow-supervisor"), "--guardian", "--state", str(state), "--meowd", str(BIN / "meowd")],
        check=False,
        env=backend.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 75 and "is locked by another process" in second.stderr


def test_old_history_is_forgotten_when_something_ends_and_its_logs_stay(
    make_backend: MakeBackend, tmp_path: Path
) -> None:
    backend = with_settings(make_backend, tmp_path, 'history-age = "1s"\n')
    backend.meow("create", "echo words", "-n", "old", "-c", "0")
    backend.meow("wait", "old")
    backend.meow("create", f"{gate(backend, 'gate')}", "-n", "runs", "-c", "0")
    task = backend.task("old")["task"]
    log = Path(task["stdout"])
    ended = task["ended"]
    wait_until(lambda: time.time() * 1000 > ended + 1000, "a second is over")

    names = (f"t{number}" for number in count())

    def forgotten() -> bool:
        backend.meow("create", "true", "-n", next(names), "-c", "0")  # its end is the occasion
        return "old" not in statuses(backend)

    wait_until(forgotten, "it is forgotten")
    shown = backend.meow("show", f"#{task['id']}", check=2)
    assert "no longer known" in shown.stderr and "history-age" in shown.stderr
    assert log.read_text() == "words\n"
    assert backend.status("runs") == "Running"
    with sqlite3.connect(f"file:{state_of(backend)}/state.db?mode=ro", uri=True) as database:
        wait_until(
            lambda: (
                database.execute("SELECT count(*) FROM tasks WHERE id = ?", (task["id"],)).fetchone()[0] == 0
            ),
            "its rows are gone",
        )
    database.close()
    open_gate(backend, "gate")
    backend.meow("wait", "runs")


def test_a_state_that_was_restored_from_a_copy_starts_nothing_twice(backend: Backend) -> None:
    """Tasks that came after the copy are unknown to it, and their numbers are not given again."""
    backend.meow("create", "true", "-n", "before", "-c", "0")
    backend.meow("wait", "before")
    path = stopped(backend)
    copy = shutil.copy(path, backend.work / "copy.db")
    backend.meow("create", f"echo ran >> runs; {gate(backend, 'gate')}", "-n", "after", "-c", "0")
    pid = wait_until(lambda: backend.task("after")["task"]["pid"], "it runs")
    number = backend.task("after")["task"]["id"]
    leave(backend)
    for end in ("-wal", "-shm"):
        path.with_name(f"state.db{end}").unlink(missing_ok=True)
    shutil.copy(copy, path)
    backend.meow("create", "true", "-n", "new", "-c", "0")
    backend.meow("wait", "new")
    assert backend.task("new")["task"]["id"] > number
    assert [u["pid"] for u in backend.health()["unknown"]] == [pid]
    open_gate(backend, "gate")
    wait_until(lambda: backend.health()["unknown"] == [], "it ends")
    assert (backend.work / "runs").read_text() == "ran\n"
