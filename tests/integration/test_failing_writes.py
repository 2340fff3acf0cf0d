"""Writes and syncs that fail, at every numbered point, while every kind of work is under way.

The points are the calls of `fault_fails` in the sources. A file `NAME@N` in the folder of faults lets the
Nth pass of NAME fail. What is refused is refused with the reason, and asked for again until it is taken.
Then: each attempt ran once, every exit status is right, and all is the same after everybody was killed.

By default each point strikes once, at one of its first three passes, and few random stories are told.
CATTINO_ALL_KILLS=1: each pass during every kind of work. CATTINO_FAILING_WRITES_SEEDS: how many stories.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import pytest
from conftest import MakeBackend, alive, gate, open_gate, submit, wait_until
from faulty import VERBS, Arm, Verb, Victims, at_gate, children, ends_wrong, points, with_faults

ALL = bool(os.environ.get("CATTINO_ALL_KILLS"))
SEEDS = int(os.environ.get("CATTINO_FAILING_WRITES_SEEDS", "2"))
POINTS = points("fault_fails")
EVERYBODY = ("guardian", "meowd", "meow-supervisor")

REASONS = (
    "cannot sync",
    "the disk is full",
    "no space left on the disk",
    "Input/output error",
    "disk I/O error",
)
MAY_BE_DONE = ("cannot sync", "it takes effect as soon as it can be stored")
DONE_MEANWHILE = ("its end has been asked for already", "it has ended")


class Refusing(Victims):
    """What is refused is asked for again."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.backend.health()  # a daemon that cannot open the state answers nobody
        self.refused = 0
        self.to_kill: tuple[str, ...] = ()  # once, when an answer has come

    def do(self, *arguments: str, done: Callable[[], Any]) -> None:
        self.insist(lambda: self.backend.meow(*arguments, check=None), done)

    def submit(self, body: str, done: Callable[[], Any]) -> None:
        self.insist(lambda: submit(self.backend, body, check=None), done)

    def insist(self, ask: Callable[[], Any], done: Callable[[], Any]) -> None:
        said: list[str] = []

        def taken() -> bool:
            answer = ask()
            if answer.returncode == 0:
                return True
            if said and any(words in answer.stderr for words in DONE_MEANWHILE):
                return True
            assert any(reason in answer.stderr for reason in REASONS), answer
            self.refused += 1
            said.append(answer.stderr)
            is_done = bool(done())
            may_be = any(words in text for text in said for words in MAY_BE_DONE)
            assert may_be or not is_done, f"refused, and yet done: {said}"
            return is_done

        wait_until(taken, "it is taken")
        self.kill(self.to_kill)
        self.to_kill = ()
        wait_until(done, "what was answered holds")

    def kill(self, names: tuple[str, ...]) -> None:
        """All at once, as far as that goes: the guardian first, so that it starts nobody."""
        if not names:
            return
        guardian = self.backend.health()["guardian"]
        found = {"guardian": guardian, **children(guardian)}
        pids = [found[name] for name in names if name in found]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(map(alive, pids)), "they are dead")

    def all_tasks(self) -> dict[str, Any]:
        found = self.backend.json("list", "--all", "--limit", "100000")["tasks"]
        return {str(task["id"]): (task["status"], task["attempt"], task["exit"]) for task in found}

    def check_sound(self) -> None:
        """When nothing runs: service is back, and all of it is there when everybody has been killed."""
        before = self.all_tasks()
        self.kill(EVERYBODY)
        assert self.all_tasks() == before
        state = Path(self.backend.health()["state"])
        with sqlite3.connect(f"file:{state}/state.db?mode=ro", uri=True) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        database.close()


# ---- work that fills and moves the log of the database --------------------------------------------------


def leave(victims: Victims, arm: Arm) -> bool:
    """The daemon leaves, and moves its log into the database; the task goes on."""
    name = at_gate(victims, 5)
    daemon = victims.backend.health()["pid"]
    arm()

    def is_another() -> bool:
        victims.backend.meow("_start")
        return bool(victims.backend.health()["pid"] != daemon)

    victims.do("exit", "-y", "--keep-tasks", done=is_another)
    open_gate(victims.backend, name)
    return ends_wrong(victims, name, 5)


def bulk(victims: Victims, arm: Arm) -> bool:
    """A submission so large that the log is moved while it is taken in, twice."""
    name = victims.name()
    arm()
    for part in (f"{name}a", f"{name}b"):
        victims.submit(
            f"""
            large = os.urandom(6_000_000)
            def work():
                with open("ran.{part}", "a") as file:
                    print(os.environ["CATTINO_ATTEMPT"], file=file)
                sys.exit(len(large) % 7)
            cattino.export(ProcTask(work, task_name={part!r}, min_devices=0))
            """,
            done=lambda part=part: victims.known(part),
        )
    return ends_wrong(victims, f"{name}b", 6_000_000 % 7)


WORK: dict[str, Verb] = {**VERBS, "bulk": bulk, "leave": leave}
FIRST = {"store.sync-fails": "leave"}  # SQLite itself syncs only when the log is moved


@dataclass
class Totals:
    failures: int = 0
    refused: int = 0
    lost: int = 0
    unreached: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def all_totals() -> Iterator[Totals]:
    totals = Totals()
    yield totals
    print(
        f"\n{totals.failures} failures, {totals.refused} requests refused, {totals.lost} attempts lost; "
        f"{len(totals.unreached)} not passed"
    )


@pytest.fixture
def victims(make_backend: MakeBackend, tmp_path: Path) -> Refusing:
    return Refusing(with_faults(make_backend, tmp_path / "faults"))


def strike(victims: Refusing, verb: str, faults: list[tuple[str, int]], totals: Totals) -> int:
    """How many of the faults came to pass."""
    where = f"{' '.join(f'{point}@{nth}' for point, nth in faults)} during {verb}, killed: {victims.to_kill}"
    may_be_lost = victims.to_kill == EVERYBODY
    refused = victims.refused

    def arm() -> None:
        for point, nth in faults:
            victims.arm(point, nth)

    try:
        wrong = WORK[verb](victims, arm)
        left = victims.disarm()
        victims.check_sound()
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from error
    assert not wrong or may_be_lost, f"{where}: lost, or a wrong status"
    totals.lost += wrong
    totals.refused += victims.refused - refused
    totals.failures += len(faults) - len(left)
    totals.unreached += left
    return len(faults) - len(left)


def chosen(point: str) -> list[tuple[str, int]]:
    """All work, each point beginning with another one; one pass after the other."""
    at = [*WORK].index(FIRST[point]) if point in FIRST else POINTS.index(point)
    verbs = [*WORK][at:] + [*WORK][:at]
    if ALL:
        return [(verb, nth) for nth in (1, 2, 3) for verb in verbs]
    return [(verb, (at + number) % 3 + 1) for number, verb in enumerate(verbs)]


@pytest.mark.parametrize("point", POINTS)
def test_whatever_write_fails_nothing_is_lost(victims: Refusing, all_totals: Totals, point: str) -> None:
    struck = 0
    for verb, nth in chosen(point):
        struck += strike(victims, verb, [(point, nth)], all_totals)
        if struck and not ALL:
            return
    assert struck > 0, f"nobody passes {point}"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_failures(victims: Refusing, all_totals: Totals, seed: int) -> None:
    """Several at once, and whoever is killed besides when a request was answered."""
    dice = random.Random(seed)
    for _ in range(4):
        passes = [(point, nth) for point in POINTS for nth in (1, 2, 3)]
        victims.to_kill = dice.choice([(), ("meowd",), ("meowd", "meow-supervisor"), EVERYBODY])
        strike(victims, dice.choice([*WORK]), dice.sample(passes, dice.randint(1, 4)), all_totals)


@pytest.mark.parametrize("point", ["store.write-full", "store.write-short", "store.sync-fails"])
def test_a_first_start_that_fails_is_made_again(
    make_backend: MakeBackend, tmp_path: Path, point: str
) -> None:
    """At each of the first passes, all in a row: the state is made from nothing."""
    folder = tmp_path / "faults"
    folder.mkdir()
    backend = with_faults(make_backend, folder)
    for nth in range(1, 9):
        (folder / f"{point}@{nth}").touch()

    def taken() -> bool:
        done = backend.meow("create", "exit 3", "-n", "t", "-c", "0", check=None)
        assert done.returncode == 0 or any(reason in done.stderr for reason in REASONS), done
        return done.returncode == 0

    wait_until(taken, "it is taken")
    backend.meow("wait", "t", check=1)
    assert backend.task("t")["task"]["exit"]["code"] == 3


# ---- the journal, when it matters ---------------------------------------------------------------------


def arm_long(victims: Victims, point: str) -> None:
    """Longer than anything here takes: the last passes are not needed."""
    for nth in range(1, 9):
        victims.arm(point, nth)


def struck(victims: Victims, point: str) -> bool:
    return not (victims.folder / f"{point}@8").exists()


@pytest.mark.parametrize("torn", [False, True])
def test_an_end_that_cannot_be_journaled_is_heard_by_the_next_supervisor(
    victims: Refusing, torn: bool
) -> None:
    """What is not written, or only its first byte, is not reaped: the guardian finds the zombie."""
    backend = victims.backend
    backend.meow("create", f"{gate(backend, 'gate')}; exit 5", "-n", "t", "-c", "0")
    victims.runs("t")
    pid, found = backend.task("t")["task"]["pid"], children(backend.health()["guardian"])
    os.kill(found["meowd"], signal.SIGSTOP)  # it would acknowledge the end
    arm_long(victims, "journal.full")
    if torn:
        (victims.folder / "journal.full@1").unlink()
        victims.arm("journal.short", 1)
    open_gate(backend, "gate")
    wait_until(lambda: struck(victims, "journal.full") and not alive(pid), "it has ended")
    for name in ("meow-supervisor", "meowd"):
        os.kill(found[name], signal.SIGKILL)
    victims.disarm()
    backend.meow("wait", "t", check=1)
    assert backend.task("t")["task"]["exit"]["code"] == 5


def test_a_function_that_cannot_be_journaled_does_not_begin(victims: Refusing) -> None:
    """Else the next supervisor would not know it."""
    backend = victims.backend
    gate(backend, "gate")
    submit(
        backend,
        """
        def work():
            with open("ran.t", "a") as file:
                print(os.environ["CATTINO_ATTEMPT"], file=file)
            sys.exit(5)
        def wait():
            with open("gate") as file: file.readline()
        before = ProcTask(wait, task_name="before", min_devices=0)
        cattino.export(before, ProcTask(work, task_name="t", min_devices=0, held=True))
        """,
    )
    victims.runs("before")
    arm_long(victims, "journal.full")
    backend.meow("resume", "t")
    wait_until(lambda: struck(victims, "journal.full"), "its adoption cannot be journaled")
    victims.kill(("meow-supervisor",))
    assert not (backend.work / "ran.t").exists()
    victims.disarm()
    task = victims.ended("t")
    victims.check_attempts("t", task)
    assert task["exit"].get("code") == 5, task
    open_gate(backend, "gate")
    backend.meow("wait", "before")
