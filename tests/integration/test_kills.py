"""Every part is killed at every numbered point, while every kind of work is under way.

The points are the calls of `fault_point` in the sources. A file `NAME@N` in the folder of faults kills
whoever passes NAME for the Nth time. After each kill: what was acknowledged is there, no attempt ran twice,
every exit status is right, and nothing is `lost` unless guardian and supervisor both died.

By default each point strikes once. With CATTINO_ALL_KILLS=1 it strikes at its first, second and third pass
during every kind of work; the totals are printed.
"""

from __future__ import annotations

import os
import random
import re
import shlex
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import pytest
from conftest import ROOT, Backend, MakeBackend, alive, gate, open_gate, submit, wait_until

ALL = bool(os.environ.get("CATTINO_ALL_KILLS"))
SEEDS = ",".join(map(str, range(1100)))
CALL = re.compile(r'fault_point\("([a-z.-]+)"\)')

# Whom to kill so that a point is passed: it lies on the way of a restart.
HELPED_BY = {
    "guardian.end-seen": "meow-supervisor",
    "guardian.reported": "meow-supervisor",
    "guardian.reaped": "meow-supervisor",
    "guardian.before-supervisor": "meow-supervisor",
    "guardian.supervisor-started": "meow-supervisor",
    "guardian.before-daemon": "meowd",
    "guardian.daemon-started": "meowd",
    "supervisor.recovering": "meow-supervisor",
    "supervisor.recovered": "meow-supervisor",
    "engine.reconciling": "meowd",
}


def points() -> list[str]:
    """The names of all points, in order."""
    found: set[str] = set()
    for path in (ROOT / "src").rglob("*.cc"):
        found.update(CALL.findall(path.read_text()))
    return sorted(found)


def children(guardian: int) -> dict[str, int]:
    """The guardian's daemon and supervisor, by the names of their programs."""
    found = {}
    listed = Path(f"/proc/{guardian}/task/{guardian}/children").read_text()
    for pid in map(int, listed.split()):
        try:
            found[Path(f"/proc/{pid}/comm").read_text().strip()] = pid
        except OSError:
            continue  # gone
    return found


@dataclass
class Totals:
    kills: int = 0
    lost: int = 0
    unreached: list[str] = field(default_factory=list)


class Victims:
    """A backend with a folder of faults, and what is checked after each of them."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.folder = Path(backend.environment["CATTINO_FAULTS"])
        self.folder.mkdir()
        self.count = 0
        backend.meow("_start")

    def name(self) -> str:
        self.count += 1
        return f"t{self.count}"

    def command(self, name: str, then: str = "") -> str:
        """Notes that an attempt has begun; then does the rest."""
        return f'echo "$CATTINO_ATTEMPT" >> ran.{name}; {then}'

    def arm(self, point: str, nth: int) -> None:
        """From now on: whoever passes. Kills another one, where it takes that to come by."""
        helper = HELPED_BY.get(point)
        if helper is not None:
            guardian = self.backend.health()["guardian"]
            wait_until(lambda: helper in children(guardian), f"there is a {helper}")
        (self.folder / f"{point}@{nth}").touch()
        if helper is not None:
            os.kill(children(guardian)[helper], signal.SIGKILL)

    def disarm(self) -> bool:
        """True if it struck."""
        left = list(self.folder.iterdir())
        for path in left:
            path.unlink()
        return not left

    def attempts(self, name: str) -> list[str]:
        path = self.backend.work / f"ran.{name}"
        return path.read_text().split() if path.exists() else []

    def ended(self, name: str) -> dict[str, Any]:
        """The task, after its end or its loss."""
        self.backend.meow("wait", name, check=None)
        task: dict[str, Any] = self.backend.task(name)["task"]
        return task


Arm = Callable[[], None]


def lost(task: dict[str, Any]) -> bool:
    """True if nobody can know how its attempt ended; it is held then."""
    is_lost = task["exit"] is not None and task["exit"]["text"] == "lost"
    if is_lost:
        assert task["status"] == "Waiting", task
    return is_lost


def submission(victims: Victims, arm: Arm) -> bool:
    name = victims.name()
    arm()
    victims.backend.meow("create", victims.command(name, "exit 3"), "-n", name, "-c", "0")
    task = victims.ended(name)
    assert victims.attempts(name) == ["1"]
    return lost(task) or not (task["exit"]["code"] == 3 and task["status"] == "Failed")


def start(victims: Victims, arm: Arm) -> bool:
    """Of a successor."""
    first, name = victims.name(), victims.name()
    wait = gate(victims.backend, first)
    group = f"of-{name}"
    submit(
        victims.backend,
        f"""
        chain = [quick({first!r}, {wait!r}), quick({name!r}, {victims.command(name)!r})]
        cattino.export(TaskGroup(chain, execute_strategy="sequential", group_name={group!r}))
        """,
    )
    wait_until(lambda: victims.backend.task(f"{group}/{first}")["task"]["pid"], f"{first} runs")
    arm()
    open_gate(victims.backend, first)
    before = victims.ended(f"{group}/{first}")
    if lost(before):
        return True
    task = victims.ended(f"{group}/{name}")
    assert victims.attempts(name) == ["1"]
    return lost(task) or task["status"] != "Done"


def exit_(victims: Victims, arm: Arm) -> bool:
    name = victims.name()
    then = f"{gate(victims.backend, name)}; exit 5"
    victims.backend.meow("create", victims.command(name, then), "-n", name, "-c", "0")
    wait_until(lambda: victims.backend.task(name)["task"]["pid"], f"{name} runs")
    arm()
    open_gate(victims.backend, name)
    task = victims.ended(name)
    assert victims.attempts(name) == ["1"]
    return lost(task) or task["exit"]["code"] != 5


def cancel(victims: Victims, arm: Arm) -> bool:
    """Of one that waits for a user."""
    name = victims.name()
    victims.backend.meow("create", victims.command(name), "-n", name, "-c", "0", "--hold")
    arm()
    victims.backend.meow("cancel", name)
    task = victims.ended(name)
    assert victims.attempts(name) == [] and task["status"] == "Cancelled"
    return False


def killed(victims: Victims, arm: Arm, name: str, then: str) -> bool:
    """`then` puts the pid of whom to watch into `pid.NAME`."""
    victims.backend.meow("create", victims.command(name, then), "-n", name, "-c", "0")
    path = victims.backend.work / f"pid.{name}"
    pid = int(wait_until(lambda: path.exists() and path.read_text(), f"{name} runs"))
    arm()
    victims.backend.meow("kill", name)
    task = victims.ended(name)
    assert victims.attempts(name) == ["1"] and task["status"] == "Failed" and not alive(pid)
    return False


def kill(victims: Victims, arm: Arm) -> bool:
    name = victims.name()
    return killed(victims, arm, name, f"echo $$ > pid.{name}; exec sleep 1000")


def stubborn(victims: Victims, arm: Arm) -> bool:
    """What it leaves over hears no SIGTERM."""
    name = victims.name()
    child = f"trap '' TERM; echo $$ > pid.{name}; while :; do sleep 1000; done"
    return killed(victims, arm, name, f"setsid sh -c {shlex.quote(child)} & exec sleep 1000")


def listed(victims: Victims, start: str) -> list[str]:
    found = victims.backend.json("list", "--limit", "5000")["tasks"]
    return [task["fullname"] for task in found if task["fullname"].startswith(start)]


def crowd(victims: Victims, arm: Arm) -> bool:
    """So many that they are stored in pieces."""
    name = victims.name()
    arm()
    victims.backend.meow(
        "create", victims.command(name), "-n", name, "-c", "0", "--hold", "-m", "--", f"[{SEEDS}]"
    )
    assert len(listed(victims, f"{name}/")) == SEEDS.count(",") + 1
    victims.backend.meow("remove", "--all", f"^{name}/")
    assert not listed(victims, f"{name}/")
    return False


def retry(victims: Victims, arm: Arm) -> bool:
    name = victims.name()
    then = f'[ "$CATTINO_ATTEMPT" != 1 ] || {{ {gate(victims.backend, name)}; exit 7; }}'
    victims.backend.meow(
        "create", victims.command(name, then), "-n", name, "-c", "0", "--retries", "1", "--backoff", "0s"
    )
    wait_until(lambda: victims.backend.task(name)["task"]["pid"], f"{name} runs")
    arm()
    open_gate(victims.backend, name)
    task = victims.ended(name)
    if lost(task):
        return True
    assert victims.attempts(name) == ["1", "2"] and task["status"] == "Done"
    return False


def hook(victims: Victims, arm: Arm) -> bool:
    name = victims.name()
    arm()
    submit(
        victims.backend,
        f"""
        class Hooked(ProcTask):
            count = 0
            def on_start(self):
                self.count += 1
                print("start", file=open("hooks.{name}", "a"))
            def on_end(self):
                print("end", self.count, self.exit_code, file=open("hooks.{name}", "a"))
        cattino.export(Hooked({victims.command(name, "exit 4")!r}, task_name={name!r}, min_devices=0))
        """,
    )
    task = victims.ended(name)
    assert victims.attempts(name) == ["1"]
    if lost(task):
        return True
    noted = (victims.backend.work / f"hooks.{name}").read_text().split("\n")[:-1]
    assert task["exit"]["code"] == 4 and noted == ["start", "end 1 4"], noted
    return False


def function(victims: Victims, arm: Arm) -> bool:
    name = victims.name()
    arm()
    submit(
        victims.backend,
        f"""
        def work():
            with open("ran.{name}", "a") as file:
                print(os.environ["CATTINO_ATTEMPT"], file=file)
            sys.exit(6)
        cattino.export(ProcTask(work, task_name={name!r}, min_devices=0))
        """,
    )
    task = victims.ended(name)
    assert victims.attempts(name) == ["1"]
    return lost(task) or task["exit"]["code"] != 6


VERBS = {
    "submit": submission,
    "start": start,
    "exit": exit_,
    "cancel": cancel,
    "kill": kill,
    "stubborn": stubborn,
    "crowd": crowd,
    "retry": retry,
    "hook": hook,
    "function": function,
}


def may_be_lost(point: str) -> bool:
    """Guardian and supervisor are both killed there."""
    return point.startswith("guardian.") and HELPED_BY.get(point) == "meow-supervisor"


def strike(victims: Victims, point: str, verb: str, nth: int, totals: Totals) -> bool:
    """True if somebody was killed."""
    where = f"{point}@{nth} during {verb}"
    try:
        wrong = VERBS[verb](victims, lambda: victims.arm(point, nth))
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from error
    if not victims.disarm():
        totals.unreached.append(where)
        return False
    totals.kills += 1
    if wrong:
        assert may_be_lost(point), f"{where}: lost, or a wrong status"
        totals.lost += 1
    return True


@pytest.fixture(scope="module")
def all_totals() -> Iterator[Totals]:
    totals = Totals()
    yield totals
    print(f"\n{totals.kills} kills, {totals.lost} attempts lost; {len(totals.unreached)} not passed")


def chosen(point: str) -> list[tuple[str, int]]:
    """All verbs three times, each point beginning with another one."""
    first = points().index(point) % len(VERBS)
    verbs = [*VERBS][first:] + [*VERBS][:first]
    return [(verb, nth) for nth in (1, 2, 3) for verb in verbs]


@pytest.mark.parametrize("point", points())
def test_whoever_is_killed_at_a_point_nothing_is_lost(
    make_backend: MakeBackend, tmp_path: Path, all_totals: Totals, point: str
) -> None:
    backend = make_backend(
        CATTINO_DEVICES="4x24GiB", CATTINO_CPUS="8", CATTINO_FAULTS=str(tmp_path / "faults")
    )
    victims = Victims(backend)
    kills = 0
    for verb, nth in chosen(point):
        kills += strike(victims, point, verb, nth, all_totals)
        if kills > 0 and not ALL:
            return
    assert kills > 0, f"nobody passes {point}"


# ---- a graph under fire -------------------------------------------------------------------------------


def graph_of(dice: random.Random, tasks: int) -> dict[int, list[int]]:
    """Each task and those before it, at most three."""
    return {t: sorted(dice.sample(range(t), min(t, dice.randrange(4)))) for t in range(tasks)}


@pytest.mark.parametrize("seed", range(20 if ALL else 1))
def test_a_graph_comes_to_its_right_end_under_fire(
    make_backend: MakeBackend, tmp_path: Path, seed: int
) -> None:
    """Daemon or supervisor is killed every 100 to 500 ms."""
    dice = random.Random(seed)
    (tmp_path / "faults").mkdir()  # so that nobody takes it for a crash loop
    backend = make_backend(
        CATTINO_DEVICES="4x24GiB", CATTINO_CPUS="8", CATTINO_FAULTS=str(tmp_path / "faults")
    )
    before = graph_of(dice, 200)
    submit(
        backend,
        f"""
        tasks = [
            quick(f"t{{n}}", f"sleep 0.{{n % 4 + 1}}; echo $CATTINO_TASK_NAME >> ran; exit 0")
            for n in range(200)
        ]
        graph = TaskGraph()
        graph.add_tasks_from(tasks)
        for n, first in {before!r}.items():
            for m in first:
                graph.add_edge(tasks[m], tasks[n])
        cattino.export(TaskGroup(tasks, execute_strategy=graph, group_name="g"))
        """,
    )
    guardian = backend.health()["guardian"]
    kills = 0

    def wait() -> int:
        """Again and again: a command gives up when it has lost the daemon too often."""
        while (code := backend.meow("wait", "g", check=None).returncode) == 3:
            pass
        return code

    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(wait)
        while not waiting.done():
            time.sleep(dice.uniform(0.1, 0.5))
            victim = children(guardian).get(dice.choice(["meowd", "meow-supervisor"]))
            if victim is not None and not waiting.done():
                os.kill(victim, signal.SIGKILL)
                kills += 1
        assert waiting.result() == 0
    print(f"seed {seed}: {kills} kills")
    assert kills > 10
    found = backend.json("list", "--all")["tasks"]
    assert len(found) == 200
    assert all(task["status"] == "Done" and task["attempt"] == 1 for task in found)
    ran = [line.removeprefix("g/t") for line in (backend.work / "ran").read_text().split()]
    place = {int(name): at for at, name in enumerate(ran)}
    assert len(ran) == len(place) == 200
    assert all(place[m] < place[n] for n, first in before.items() for m in first)
