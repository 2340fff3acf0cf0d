"""What is left after `kill -9`: one experiment, on Cattino and on every other queue that this machine has.

    bench/kills.py                       all of them, all experiments; prints the tables
    bench/kills.py --bin DIR             looks for programs there, before PATH (may be repeated)
    bench/kills.py --only pueue --only task-spooler --experiment everything
    bench/kills.py --json results.json   writes what was seen, too

Five tasks, two at a time: `r0` and `r3` run, and will end with exit status 0 and 3; `q1` to `q3` are queued.
The daemon is killed; the two commands are let go, and end; the daemon is started again as its documentation
says; then the tool is asked what it knows. Each task writes a line to a file when it begins and when it ends:
what happened is read from there, not from the tool.

Every experiment has a directory and a HOME of its own, and ends all that it started.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from peers import PEERS, QUEUED, RUNNING, Peer, World, reap, wait_until

ROOT = Path(__file__).resolve().parents[1]
GRACE_S = 2.0  # from the kill until the commands are let go: what the tool wants to kill, it has killed
SETTLE_S = 120.0  # so long the tool may take to make up its mind
QUIET_S = 3.0  # so long nothing begins or ends: nothing more will


def reap_from_now_on() -> None:
    """Goes on as a child of a process that reaps orphans at once, as init does on most systems: no tool shall
    read an exit status off a zombie that happened to be left."""
    set_child_subreaper = 36
    if ctypes.CDLL(None, use_errno=True).prctl(set_child_subreaper, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    child = os.fork()
    if child == 0:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


@dataclass(frozen=True)
class Experiment:
    title: str
    kill: str = "daemon"  # or "everything" that belongs to the tool, or "nothing"
    age_s: float = 35  # from the last answered submission to the kill: some tools write to disk every 30 s
    at_once: bool = False  # started again while the two commands still run, as a service manager does


EXPERIMENTS = {
    "control": Experiment("nothing is killed", kill="nothing", age_s=0),
    "daemon": Experiment("the daemon is killed, and started again when the running commands have ended"),
    "at-once": Experiment("the daemon is killed, and started again at once", at_once=True),
    "fresh": Experiment("the daemon is killed right after the submission was answered", age_s=0),
    "everything": Experiment(
        "everything that belongs to the tool is killed, and started again when the commands have ended",
        kill="everything",
    ),
    "everything-at-once": Experiment(
        "everything that belongs to the tool is killed, and started again at once",
        kill="everything",
        at_once=True,
    ),
}


@dataclass
class Task:
    """What became of one task."""

    name: str
    begins: int = 0
    went_on: bool = False  # the execution that ran at the kill came to its end
    overlapped: bool = False  # two executions at one time
    exit: Optional[int] = None  # as the tool says
    word: str = "no record"

    def right(self) -> bool:
        expected: int = {**RUNNING, **QUEUED}[self.name]
        return self.exit == expected


@dataclass
class Result:
    peer: str
    version: str
    experiment: str
    back_ms: Optional[float] = None  # from the start command (or the kill, if none is needed) to an answer
    by_itself: bool = False
    step: str = ""  # what had to be said before the queued tasks ran
    tasks: list[Task] = field(default_factory=list)
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        return {**self.__dict__, "tasks": [task.__dict__ for task in self.tasks]}


def come_back(peer: Peer, result: Result) -> None:
    """Starts the tool again and waits until it answers a question."""
    began = time.monotonic()
    peer.restart()
    wait_until(peer.answers, "an answer")
    if peer.has_daemon:
        result.back_ms = (time.monotonic() - began) * 1000


def settle(peer: Peer, patience_s: float = SETTLE_S) -> None:
    """Until all that the tool knows has ended and nothing begins or ends any more, or patience is over."""
    deadline = time.monotonic() + patience_s
    seen = peer.world.events()
    since = time.monotonic()
    while time.monotonic() < deadline:
        time.sleep(0.25)
        now = peer.world.events()
        if now != seen:
            seen, since = now, time.monotonic()
        quiet = time.monotonic() - since > QUIET_S
        if quiet and all(status.ended for status in peer.statuses().values()):
            return


def overlapped(world: World, name: str) -> bool:
    """True if two executions of a task ran at one time."""
    now: set[int] = set()
    for word, task, pid in world.events():
        if task == name and word == "begin":
            now.add(pid)
            if len(now) > 1:
                return True
        elif task == name:
            now.discard(pid)
    return False


def observe(peer: Peer, first: dict[str, int], result: Result) -> None:
    known = peer.statuses()
    for name in (*RUNNING, *QUEUED):
        task = Task(name, begins=len(peer.world.begun(name)))
        task.went_on = first.get(name) in peer.world.ended(name)
        task.overlapped = task.went_on and overlapped(peer.world, name)
        if name in known:
            task.exit, task.word = known[name].exit, known[name].word
        result.tasks.append(task)


def kill_at_one_moment(world: World, pids: list[int]) -> None:
    """Stopped first, so that none of them sees another one die; returns when they are gone."""
    for sign in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            os.kill(pid, sign)

    def gone() -> bool:
        reap()
        return not set(pids) & set(world.processes())

    wait_until(gone, "the killed processes are gone")


def experiment(peer: Peer, kind: Experiment, result: Result) -> None:
    world = peer.world
    peer.start()
    peer.submit_all()
    first = {name: world.begun(name)[0] for name in RUNNING}
    time.sleep(kind.age_s)
    victims = {"nothing": [], "daemon": peer.daemon(), "everything": peer.everything()}[kind.kill]
    victims.sort(key=lambda pid: pid not in peer.daemon())  # the daemon before what it lives in
    kill_at_one_moment(world, victims)
    result.by_itself = peer.returns and kind.kill == "daemon"
    back = kind.at_once or result.by_itself or kind.kill == "nothing"
    if back and victims:
        come_back(peer, result)
    time.sleep(GRACE_S)
    (world.home / "go").touch()
    wait_until(lambda: not set(first.values()) & set(world.processes()), "the running commands end")
    if not back:
        come_back(peer, result)
    settle(peer, 10 if peer.next_step else SETTLE_S)
    if peer.next_step and not all(world.begun(name) for name in QUEUED):
        world.run(*peer.next_step.split())
        result.step = peer.next_step
        settle(peer)
    observe(peer, first, result)


@contextlib.contextmanager
def world_of(folders: list[Path]) -> Iterator[World]:
    world = World(folders)
    try:
        yield world
    finally:
        world.clear()


def measure(kind: type[Peer], wanted: list[str], folders: list[Path]) -> list[Result]:
    path = ":".join([*map(str, folders), os.environ["PATH"]])
    missing = [program for program in kind.programs if shutil.which(program, path=path) is None]
    if missing:
        return [Result(kind.name, "", "", error="not installed")]
    results = []
    for name in wanted:
        chosen = EXPERIMENTS[name]
        if chosen.kill == "everything" and not kind.has_daemon:
            continue  # there is nothing else to kill
        print(f"{kind.name}: {chosen.title} …", file=sys.stderr, flush=True)
        with world_of(folders) as world:
            peer = kind(world)
            result = Result(kind.name, peer.version(), name)
            try:
                experiment(peer, chosen, result)
            except (RuntimeError, subprocess.SubprocessError, ValueError, OSError) as error:
                result.error = str(error)
        results.append(result)
    return results


def words_of_queued(result: Result) -> str:
    tasks = [task for task in result.tasks if task.name in QUEUED]
    ran = sum(task.begins > 0 for task in tasks)
    if ran == len(tasks):
        twice = " (started twice!)" if any(task.begins > 1 for task in tasks) else ""
        return (f"run, after `{result.step}`" if result.step else "run") + twice
    if all(task.word == "no record" for task in tasks):
        return "lost"
    return f"{ran} of {len(tasks)} run; {tasks[-1].word}"


def words_of_running(result: Result) -> str:
    tasks = [task for task in result.tasks if task.name in RUNNING]
    return "go on" if all(task.went_on for task in tasks) else "end with it"


def words_of_twice(result: Result) -> str:
    tasks = [task for task in result.tasks if task.name in RUNNING]
    if all(task.begins == 1 for task in tasks):
        return "no"
    return "yes, beside the first" if any(task.overlapped for task in tasks) else "yes"


def words_of_status(result: Result) -> str:
    tasks = [task for task in result.tasks if task.name in RUNNING]
    if all(task.right() for task in tasks):
        again = any(task.begins > 1 for task in tasks)
        return "0 and 3: right, of the second start" if again else "0 and 3: right"
    if len({task.word for task in tasks}) == 1:
        return f"both: {tasks[0].word}"
    return "; ".join(f"{RUNNING[task.name]}: {task.word}" for task in tasks)


def row(result: Result) -> list[str]:
    tool, comma, options = result.peer.partition(", ")
    name = f"{tool} {result.version}".strip() + comma + options
    if result.error:
        return [name, result.error.splitlines()[0], "", "", "", ""]
    how = "by itself, " if result.by_itself else ""
    back = "" if result.back_ms is None else f"{how}{result.back_ms:.0f} ms"
    return [
        name,
        words_of_queued(result),
        words_of_running(result),
        words_of_twice(result),
        words_of_status(result),
        back,
    ]


def tables(results: list[Result], wanted: list[str]) -> str:
    head = ["", "queued tasks", "running tasks", "started again", "exit status known", "back after"]
    lines = []
    for name in wanted:
        lines += [
            "",
            f"{EXPERIMENTS[name].title.capitalize()}:",
            "",
            "| " + " | ".join(head) + " |",
            "|---" * 6 + "|",
        ]
        for result in results:
            if result.experiment in (name, ""):
                lines.append("| " + " | ".join(row(result)) + " |")
    return "\n".join(lines[1:])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [peer.name for peer in PEERS]
    parser.add_argument("--only", action="append", metavar="TOOL", help=f"one of: {'; '.join(names)}")
    parser.add_argument("--experiment", action="append", choices=list(EXPERIMENTS), help="default: all")
    parser.add_argument("--bin", action="append", type=Path, default=[], help="a folder of programs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="writes what was seen")
    options = parser.parse_args()
    unknown = [name for name in options.only or () if name not in names]
    if unknown:
        parser.error(f"--only: no tool {unknown[0]}; there are: {'; '.join(names)}")
    folders = [*map(Path.resolve, options.bin), ROOT / "build" / "release" / "bin"]
    wanted = options.experiment or list(EXPERIMENTS)
    reap_from_now_on()
    results: list[Result] = []
    for peer in PEERS:
        if not options.only or peer.name in options.only:
            results += measure(peer, wanted, folders)
    if options.json:
        about = {"date": time.strftime("%Y-%m-%d"), "kernel": os.uname().release}
        seen = {**about, "results": [result.as_json() for result in results]}
        options.json.write_text(json.dumps(seen, indent=1) + "\n")
    print(tables(results, wanted))


if __name__ == "__main__":
    main()
