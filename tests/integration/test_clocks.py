"""Time limits and waits over restarts of the daemon, and while the wall clock jumps about."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import BIN, Backend, MakeBackend, alive, statuses, wait_until

HOUR = 3600
CLOCK = BIN.parent / "fakes" / "libwall_clock.so"


class Clock:
    """The wall clock of a backend: right at first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wrong_by(0)

    def wrong_by(self, seconds: int) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_text(f"{seconds}\n")
        fresh.rename(self.path)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "clock")


@pytest.fixture
def backend(make_backend: MakeBackend, clock: Clock) -> Backend:
    return make_backend(
        CATTINO_DEVICES="4x24GiB",
        CATTINO_CPUS="8",
        LD_PRELOAD=str(CLOCK),
        FAKE_WALL_CLOCK=str(clock.path),
        ASAN_OPTIONS="verify_asan_link_order=0",
    )


def kill_daemon(backend: Backend) -> None:
    daemon = backend.health()["pid"]
    os.kill(daemon, signal.SIGKILL)
    wait_until(lambda: not alive(daemon), "it is dead")


def running(backend: Backend, name: str) -> dict[str, Any]:
    wait_until(lambda: backend.task(name)["task"]["pid"], f"{name} runs")
    task: dict[str, Any] = backend.task(name)["task"]
    return task


def now(backend: Backend) -> int:
    return int(backend.json("list")["now"])


def test_the_clock_can_be_set_at_all(backend: Backend, clock: Clock) -> None:
    """Else the tests below say nothing."""
    clock.wrong_by(100 * HOUR)
    backend.meow("create", "true", "-n", "t", "-c", "0")
    created = backend.task("t")["task"]["created"]
    assert created / 1000 > time.time() + 99 * HOUR


@pytest.mark.parametrize("jump", [0, 3 * HOUR, -3 * HOUR])
def test_a_time_limit_counts_from_the_start_of_the_attempt(backend: Backend, clock: Clock, jump: int) -> None:
    backend.meow("create", "sleep 1000", "-n", "short", "-c", "0", "--time-limit", "3s")
    backend.meow("create", "sleep 1000", "-n", "long", "-c", "0", "--time-limit", "1h")
    before = {name: running(backend, name) for name in ("short", "long")}
    clock.wrong_by(jump)
    kill_daemon(backend)
    backend.meow("wait", "short", check=1)
    short, long = backend.task("short")["task"], backend.task("long")["task"]
    assert short["reason"]["kind"] == "timed_out" and short["attempt"] == 1
    assert short["started"] == before["short"]["started"]
    assert 3000 <= short["ended"] - short["started"] < 60_000
    assert long["status"] == "Running" and long["started"] == before["long"]["started"]
    assert now(backend) - long["started"] < 120_000


def test_a_time_limit_runs_out_while_no_daemon_lives(backend: Backend) -> None:
    backend.meow("create", "sleep 1000", "-n", "t", "-c", "0", "--time-limit", "2s")
    running(backend, "t")
    until = time.monotonic() + 2.5
    backend.meow("exit", "--keep-tasks")
    wait_until(lambda: time.monotonic() > until, "time passes")
    backend.meow("wait", "t", check=1)
    assert backend.task("t")["task"]["reason"]["kind"] == "timed_out"


@pytest.mark.parametrize("jump", [0, 3 * HOUR, -3 * HOUR])
def test_waits_end_when_they_should(backend: Backend, clock: Clock, jump: int) -> None:
    """A backoff and a `not_before` that have begun, with the clock set and the daemon killed meanwhile."""
    again = "test -e again || { touch again; exit 1; }"
    backend.meow("create", again, "-n", "retry", "-c", "0", "--retries", "1", "--backoff", "3s")
    backend.meow("create", "exit 1", "-n", "patient", "-c", "0", "--retries", "1", "--backoff", "1h")
    backend.meow("create", "true", "-n", "soon", "-c", "0", "--not-before", "+3s")
    backend.meow("create", "true", "-n", "late", "-c", "0", "--not-before", "+2h")

    def backs_off() -> bool:
        reasons = [backend.task(n)["task"]["reason"] for n in ("retry", "patient")]
        return all(reason and reason.get("kind") == "backoff" for reason in reasons)

    wait_until(backs_off, "they wait for their second attempts")
    due = backend.task("retry")["task"]["reason"]["until"]
    clock.wrong_by(jump)
    kill_daemon(backend)
    backend.meow("wait", "retry", "soon")
    assert backend.task("retry")["attempts"][1]["started"] >= due
    found = statuses(backend)
    assert (found["patient"], found["late"]) == ("Waiting", "Waiting")
    assert {backend.task(n)["task"]["reason"]["kind"] for n in ("patient", "late")} == {
        "backoff",
        "not_before",
    }


@pytest.mark.parametrize("jump", [3 * HOUR, -3 * HOUR])
def test_not_before_means_the_wall_clock_as_it_is_now(backend: Backend, clock: Clock, jump: int) -> None:
    """The daemon's own clock does not jump; what a user asks for is understood all the same."""
    backend.meow("create", "sleep 1000", "-n", "holds", "-c", "0")
    running(backend, "holds")
    clock.wrong_by(jump)
    backend.meow("create", "true", "-n", "soon", "-c", "0", "--not-before", "+1s")
    backend.meow("create", "true", "-n", "late", "-c", "0", "--not-before", "+1h")
    backend.meow("wait", "soon")
    assert backend.status("late") == "Waiting"


def test_shown_times_never_run_backwards(backend: Backend, clock: Clock) -> None:
    shown = []
    for number, jump in enumerate((0, -HOUR, 5 * HOUR, -100 * HOUR)):
        clock.wrong_by(jump)
        backend.meow("create", "true", "-n", f"t{number}", "-c", "0")
        backend.meow("wait", f"t{number}")
        task = backend.task(f"t{number}")["task"]
        shown += [task["created"], task["started"], task["ended"], now(backend)]
    assert shown == sorted(shown)
    assert shown[-1] - shown[0] < HOUR * 1000


def test_a_daemon_starts_with_the_clock_behind_what_is_stored(backend: Backend, clock: Clock) -> None:
    backend.meow("create", "true", "-n", "old", "-c", "0")
    backend.meow("wait", "old")
    backend.meow("create", "true", "-n", "waits", "-c", "4", "--hold")
    backend.meow("exit", "-y")
    clock.wrong_by(-100 * HOUR)
    backend.meow("create", "true", "-n", "new", "-c", "0")
    backend.meow("resume", "waits")
    backend.meow("wait")
    old, new, waited = (backend.task(n)["task"] for n in ("old", "new", "waits"))
    assert old["ended"] <= new["created"] <= new["started"] <= new["ended"]
    assert waited["created"] <= waited["started"] <= waited["ended"]
    assert [task["shown"] for task in backend.json("list")["tasks"]] == ["old", "waits", "new"]


def test_a_clock_that_was_put_right_is_believed_when_nothing_runs(backend: Backend, clock: Clock) -> None:
    clock.wrong_by(-100 * HOUR)
    backend.meow("create", "true", "-n", "early", "-c", "0")
    backend.meow("wait", "early")
    backend.meow("exit", "-y")
    clock.wrong_by(0)
    backend.meow("create", "true", "-n", "right", "-c", "0")
    created = backend.task("right")["task"]["created"]
    assert abs(created / 1000 - time.time()) < HOUR
