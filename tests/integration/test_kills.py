"""Every part is killed at every numbered point, while every kind of work is under way.

The points are the calls of `fault_point` in the sources. A file `NAME@N` in the folder of faults kills
whoever passes NAME for the Nth time, or the process whose pid is in it: that is how hosts of hooks and
functions are killed. After each kill: what was acknowledged is there, no attempt ran twice, every exit
status is right, and nothing is `lost` unless guardian and supervisor both died.

By default each point strikes once. With CATTINO_ALL_KILLS=1 it strikes at its first, second and third pass
during every kind of work; the totals are printed.
"""

from __future__ import annotations

import ctypes
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import MakeBackend, alive, gate, host_pids, open_gate, submit, wait_until
from faulty import HELPED_BY, VERBS, Victims, children, points, with_faults

ALL = bool(os.environ.get("CATTINO_ALL_KILLS"))


class Reaper:
    """Takes the place of the machine's first process, which may be slow, and reaps orphans at once: how a
    task ended must not be read off a zombie that nobody was to keep.
    """

    PR_SET_CHILD_SUBREAPER = 36

    def __init__(self) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.set_subreaper(1)
        # There is always a child to wait for.
        self.last = subprocess.Popen(["sleep", "infinity"], start_new_session=True)
        self.thread = threading.Thread(target=self.reap)
        self.thread.start()

    def set_subreaper(self, on: int) -> None:
        assert self.libc.prctl(self.PR_SET_CHILD_SUBREAPER, on, 0, 0, 0) == 0, ctypes.get_errno()

    def reap(self) -> None:
        """Children of our session are those of `subprocess`, which reaps them."""
        while True:
            zombie = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            assert zombie is not None
            pid = zombie.si_pid
            if pid == self.last.pid:
                return
            try:
                if os.getsid(pid) == os.getsid(0):
                    time.sleep(0.001)
                else:
                    os.waitpid(pid, 0)
            except ProcessLookupError:  # it has been reaped meanwhile
                pass

    def end(self) -> None:
        self.last.kill()
        self.thread.join()
        self.last.wait()
        self.set_subreaper(0)


@pytest.fixture(scope="module", autouse=True)
def reaper() -> Iterator[None]:
    reaper = Reaper()
    yield
    reaper.end()


def may_be_lost(point: str) -> bool:
    """Guardian and supervisor are both killed there."""
    return point.startswith("guardian.") and HELPED_BY.get(point) == "meow-supervisor"


@dataclass
class Totals:
    kills: int = 0
    lost: int = 0
    hosts: int = 0
    unreached: list[str] = field(default_factory=list)


def strike(victims: Victims, point: str, verb: str, nth: int, totals: Totals) -> bool:
    """True if somebody was killed."""
    where = f"{point}@{nth} during {verb}"
    try:
        wrong = VERBS[verb](victims, lambda: victims.arm(point, nth))
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from error
    if victims.disarm():
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
    print(
        f"\n{totals.kills} kills, {totals.lost} attempts lost; {totals.hosts} kills of hosts; "
        f"{len(totals.unreached)} not passed"
    )


def chosen(point: str) -> list[tuple[str, int]]:
    """All verbs three times, each point beginning with another one."""
    first = points("fault_point").index(point) % len(VERBS)
    verbs = [*VERBS][first:] + [*VERBS][:first]
    return [(verb, nth) for nth in (1, 2, 3) for verb in verbs]


@pytest.mark.parametrize("point", points("fault_point"))
def test_whoever_is_killed_at_a_point_nothing_is_lost(
    make_backend: MakeBackend, tmp_path: Path, all_totals: Totals, point: str
) -> None:
    backend = with_faults(make_backend, tmp_path / "faults")
    victims = Victims(backend)
    kills = 0
    for verb, nth in chosen(point):
        kills += strike(victims, point, verb, nth, all_totals)
        if kills > 0 and not ALL:
            return
    assert kills > 0, f"nobody passes {point}"


# ---- hosts of hooks and functions ---------------------------------------------------------------------

HOSTED = """
import shlex, subprocess

NOTES = {notes!r}

def note(*words):
    with open(NOTES, "a") as file:
        print(*words, file=file)

STUBBORN = f"trap '' TERM; echo stubborn >> {{NOTES}}; while :; do sleep 1000; done"

def stubborn():
    subprocess.Popen(["sh", "-c", STUBBORN], start_new_session=True)
    os.execlp("sleep", "sleep", "1000")

def again():
    if os.environ["CATTINO_ATTEMPT"] == "1":
        with open({gate!r}) as file:
            file.readline()
        sys.exit(7)

class Hooked(ProcTask):
    def on_start(self):
        note("on_start", self.name, self.attempt)
    def on_end(self):
        note("on_end", self.name, self.attempt, self.exit_code)

def task(name, function, command, **more):
    def noted():
        note("ran", name, os.environ["CATTINO_ATTEMPT"])
        function()
    if {hooks!r}:
        command = f'echo ran {{name}} "$CATTINO_ATTEMPT" >> {{NOTES}}; {{command}}'
        return Hooked(command, task_name=name, min_devices=0, **more)
    return ProcTask(noted, task_name=name, min_devices=0, **more)

a = task("a", again, '[ "$CATTINO_ATTEMPT" != 1 ] || {{ read line < {gate}; exit 7; }}', retries=1, backoff=0)
b = task("b", lambda: sys.exit(4), "exit 4")
k = task("k", stubborn, f"setsid sh -c {{shlex.quote(STUBBORN)}} & exec sleep 1000")
z = task("z", lambda: None, "true", held=True)  # the host stays as long as it waits
chain = TaskGroup([a, b], execute_strategy="sequential", group_name="chain")
cattino.export(TaskGroup([chain, k, z], group_name={group!r}))
"""


def host_of(victims: Victims, functions: list[int]) -> int:
    (host,) = set(host_pids(victims.backend)) - set(functions)
    return host


def check_notes(victims: Victims, group: str, hooks: bool) -> None:
    """Each attempt ran once; its hooks were called, again at most by the next host."""
    text = (victims.backend.work / f"notes.{group}").read_text()
    notes = [tuple(line.split()) for line in text.splitlines()]
    ran = [("ran", *words) for words in (("a", "1"), ("a", "2"), ("b", "1"), ("k", "1"))]
    assert sorted(note for note in notes if note[0] == "ran") == ran, notes
    if not hooks:
        return
    ends = {("a", "1"): "7", ("a", "2"): "0", ("b", "1"): "4", ("k", "1"): "-15"}
    for attempt, code in ends.items():
        begun, ended = ("on_start", *attempt), ("on_end", *attempt, code)
        assert 1 <= notes.count(begun) <= 2 and 1 <= notes.count(ended) <= 2, (attempt, notes)
        assert notes.index(begun) < notes.index(("ran", *attempt)) < notes.index(ended), notes
    assert len([note for note in notes if note[0] == "on_end"]) <= len(ends) + 1, notes


def strike_host(victims: Victims, point: str, nth: int, hooks: bool, totals: Totals) -> bool:
    """Kills a host while its tasks end, are retried, start and are killed; True if it was."""
    backend = victims.backend
    group = victims.name()
    words = {"notes": f"notes.{group}", "gate": group, "hooks": hooks, "group": group}
    gate(backend, group)
    submit(backend, HOSTED.format(**words))
    for name in (f"{group}/chain/a", f"{group}/k"):
        victims.runs(name)
    running = [backend.task(f"{group}/{name}")["task"]["pid"] for name in ("chain/a", "k")]
    notes = backend.work / f"notes.{group}"
    wait_until(
        lambda: notes.read_text().count("ran ") == 2 and "stubborn" in notes.read_text(), "all have begun"
    )
    host = host_of(victims, running)
    victims.arm(point, nth, host)
    open_gate(backend, group)
    backend.meow("kill", f"{group}/k")
    if point == "engine.submission-staged":
        VERBS["crowd"](victims, lambda: None)
    else:
        assert not VERBS["submit"](victims, lambda: None)
    ended = {name: victims.ended(f"{group}/{name}") for name in ("chain/a", "chain/b", "k")}
    left = victims.disarm()
    assert alive(host) == bool(left), "whose pid is in the file is killed, and nobody else"
    assert ended["chain/a"]["status"] == "Done" and ended["chain/b"]["exit"]["code"] == 4
    assert ended["k"]["status"] == "Failed" and not any(map(alive, running))
    check_notes(victims, group, hooks)
    backend.meow("cancel", f"{group}/z")
    wait_until(lambda: not host_pids(backend), "no host is left")
    what = "hooks" if hooks else "functions"
    if left:
        totals.unreached.append(f"{point}@{nth}, host of {what}")
        return False
    totals.hosts += 1
    return True


def chosen_for_hosts() -> list[tuple[str, bool]]:
    if ALL:
        both = [(point, hooks) for point in points("fault_point") for hooks in (True, False)]
        both.remove(("engine.hook-called", False))
        return both
    return [
        ("engine.hook-called", True),
        ("engine.exit-heard", False),
        ("supervisor.end-seen", False),
        ("supervisor.recovering", True),
        ("guardian.end-seen", False),
    ]


@pytest.mark.parametrize(("point", "hooks"), chosen_for_hosts())
def test_a_host_that_is_killed_at_a_point_is_missed_by_nobody(
    make_backend: MakeBackend, tmp_path: Path, all_totals: Totals, point: str, hooks: bool
) -> None:
    """Whoever passes the point lives; hooks are called by the next host, functions go on."""
    victims = Victims(with_faults(make_backend, tmp_path / "faults"))
    kills = 0
    for nth in (1, 2, 3) if ALL else (1,):
        try:
            kills += strike_host(victims, point, nth, hooks, all_totals)
        except AssertionError as error:
            raise AssertionError(f"{point}@{nth}, hooks={hooks}: {error}") from error
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
    backend = with_faults(make_backend, tmp_path / "faults")
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
