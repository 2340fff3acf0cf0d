"""A backend with a folder of faults (src/sys/faults.h), and every kind of work to strike at."""

from __future__ import annotations

import os
import re
import shlex
import signal
from pathlib import Path
from typing import Any, Callable, Optional

from conftest import ROOT, Backend, MakeBackend, alive, gate, open_gate, submit, wait_until

SEEDS = ",".join(map(str, range(1100)))

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
    "supervisor.reports-heard": "meow-supervisor",
    "engine.reconciling": "meowd",
}


def points(call: str) -> list[str]:
    """The names of all points, in order: of `fault_point` or `fault_fails`."""
    words = re.compile(call + r'\("([a-z.-]+)"\)')
    found: set[str] = set()
    for path in (ROOT / "src").rglob("*.cc"):
        found.update(words.findall(path.read_text()))
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


class Victims:
    """A backend with a folder of faults."""

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

    def do(self, *arguments: str, done: Callable[[], Any]) -> None:
        """Runs `meow ARGUMENTS`; `done` is true when what was asked for is so, soon after the answer."""
        self.backend.meow(*arguments)
        wait_until(done, f"meow {arguments} holds")

    def submit(self, body: str, done: Callable[[], Any]) -> None:
        """Of a script."""
        submit(self.backend, body)
        assert done(), body

    def arm(self, point: str, nth: int, victim: Optional[int] = None) -> None:
        """From now on: whoever passes, or `victim`. Kills another one, where it takes that to come by."""
        helper = HELPED_BY.get(point)
        if helper is not None:
            guardian = self.backend.health()["guardian"]
            wait_until(lambda: helper in children(guardian), f"there is a {helper}")
        whole = self.folder.parent / "fault"
        whole.write_text("" if victim is None else str(victim))
        whole.rename(self.folder / f"{point}@{nth}")
        if helper is not None:
            os.kill(children(guardian)[helper], signal.SIGKILL)

    def disarm(self) -> list[str]:
        """Those that did not strike."""
        left = sorted(self.folder.iterdir())
        for path in left:
            path.unlink(missing_ok=True)
        return [path.name for path in left]

    def known(self, name: str) -> bool:
        return self.backend.meow("show", name, check=None).returncode == 0

    def runs(self, name: str) -> None:
        wait_until(lambda: self.backend.task(name)["task"]["pid"], f"{name} runs")

    def check_attempts(self, name: str, task: dict[str, Any], expected: Optional[list[str]] = None) -> None:
        """Those that have begun, as they noted themselves. One that is lost may not have come to that."""
        path = self.backend.work / f"ran.{name}"
        noted = path.read_text().split() if path.exists() else []
        wanted = ["1"] if expected is None else expected
        assert noted == wanted or (lost(task) and noted == wanted[: len(noted)]), (noted, task)

    def ended(self, name: str) -> dict[str, Any]:
        """The task, after its end or its loss."""
        self.backend.meow("wait", name, check=None)
        task: dict[str, Any] = self.backend.task(name)["task"]
        return task


def with_faults(make_backend: MakeBackend, folder: Path) -> Backend:
    return make_backend(CATTINO_DEVICES="4x24GiB", CATTINO_CPUS="8", CATTINO_FAULTS=str(folder))


def lost(task: dict[str, Any]) -> bool:
    """True if nobody can know how its attempt ended; it is held then."""
    is_lost = task["exit"] is not None and task["exit"]["text"] == "lost"
    if is_lost:
        assert task["status"] == "Waiting", task
    return is_lost


# ---- every kind of work. True: lost, or a wrong status ------------------------------------------------

Arm = Callable[[], None]


def at_gate(victims: Victims, code: int) -> str:
    """The name of one that runs until its gate is opened, and leaves with `code`."""
    name = victims.name()
    then = f"{gate(victims.backend, name)}; exit {code}"
    victims.backend.meow("create", victims.command(name, then), "-n", name, "-c", "0")
    victims.runs(name)
    return name


def ends_wrong(victims: Victims, name: str, code: int) -> bool:
    task = victims.ended(name)
    victims.check_attempts(name, task)
    return lost(task) or task["exit"]["code"] != code


def submission(victims: Victims, arm: Arm) -> bool:
    name = victims.name()
    arm()
    words = ("create", victims.command(name, "exit 3"), "-n", name, "-c", "0")
    victims.do(*words, done=lambda: victims.known(name))
    task = victims.ended(name)
    victims.check_attempts(name, task)
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
    victims.runs(f"{group}/{first}")
    arm()
    open_gate(victims.backend, first)
    before = victims.ended(f"{group}/{first}")
    if lost(before):
        return True
    task = victims.ended(f"{group}/{name}")
    victims.check_attempts(name, task)
    return lost(task) or task["status"] != "Done"


def exit_(victims: Victims, arm: Arm) -> bool:
    name = at_gate(victims, 5)
    arm()
    open_gate(victims.backend, name)
    return ends_wrong(victims, name, 5)


def cancel(victims: Victims, arm: Arm) -> bool:
    """Of one that waits for a user."""
    name = victims.name()
    victims.backend.meow("create", victims.command(name), "-n", name, "-c", "0", "--hold")
    arm()
    victims.do("cancel", name, done=lambda: victims.backend.status(name) == "Cancelled")
    task = victims.ended(name)
    victims.check_attempts(name, task, [])
    assert task["status"] == "Cancelled"
    return False


def killed(victims: Victims, arm: Arm, name: str, then: str) -> bool:
    """`then` puts the pid of whom to watch into `pid.NAME`."""
    victims.backend.meow("create", victims.command(name, then), "-n", name, "-c", "0")
    path = victims.backend.work / f"pid.{name}"
    pid = int(wait_until(lambda: path.exists() and path.read_text(), f"{name} runs"))
    arm()
    victims.do("kill", name, done=lambda: victims.backend.status(name) == "Failed")
    task = victims.ended(name)
    victims.check_attempts(name, task)
    assert task["status"] == "Failed" and not alive(pid)
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
    words = ("create", victims.command(name), "-n", name, "-c", "0", "--hold", "-m", "--", f"[{SEEDS}]")
    victims.do(*words, done=lambda: listed(victims, f"{name}/"))
    assert len(listed(victims, f"{name}/")) == SEEDS.count(",") + 1
    victims.do("remove", "--all", f"^{name}/", done=lambda: not listed(victims, f"{name}/"))
    return False


def retry(victims: Victims, arm: Arm) -> bool:
    name = victims.name()
    then = f'[ "$CATTINO_ATTEMPT" != 1 ] || {{ {gate(victims.backend, name)}; exit 7; }}'
    victims.backend.meow(
        "create", victims.command(name, then), "-n", name, "-c", "0", "--retries", "1", "--backoff", "0s"
    )
    victims.runs(name)
    arm()
    open_gate(victims.backend, name)
    task = victims.ended(name)
    if lost(task):
        return True
    victims.check_attempts(name, task, ["1", "2"])
    assert task["status"] == "Done"
    return False


def hook(victims: Victims, arm: Arm) -> bool:
    name = victims.name()
    arm()
    victims.submit(
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
        done=lambda: victims.known(name),
    )
    task = victims.ended(name)
    victims.check_attempts(name, task)
    if lost(task):
        return True
    noted = (victims.backend.work / f"hooks.{name}").read_text().split("\n")[:-1]
    assert task["exit"]["code"] == 4 and noted == ["start", "end 1 4"], noted
    return False


def function(victims: Victims, arm: Arm) -> bool:
    name = victims.name()
    arm()
    victims.submit(
        f"""
        def work():
            with open("ran.{name}", "a") as file:
                print(os.environ["CATTINO_ATTEMPT"], file=file)
            sys.exit(6)
        cattino.export(ProcTask(work, task_name={name!r}, min_devices=0))
        """,
        done=lambda: victims.known(name),
    )
    return ends_wrong(victims, name, 6)


Verb = Callable[[Victims, Arm], bool]

VERBS: dict[str, Verb] = {
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
