"""Processes that try to outlive their task. Each holds the write end of a pipe: when the task is over, nobody
may hold it. With cgroups and without, as whoever runs the tests and as an ordinary user."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Callable, Optional

import pytest
from conftest import BIN, Backend, alive, remove_cgroups, removed, wait_until

NOBODY = 65534

# What a task's shell runs, with the pipe as descriptor 9. A line in the pipe says that all is in place.
READY = "echo ready >&9"
STAY = f"{READY}; exec sleep 1000"
ESCAPES = {
    "double-fork": f"sh -c 'sh -c \"{STAY}\" & exit 0'; exec sleep 1000",
    "session": f"setsid sh -c '{STAY}' & exec sleep 1000",
    "deaf": f"trap '' TERM HUP INT; {READY}; while :; do sleep 1000; done",
    "nohup": f"nohup sh -c '{STAY}' > nohup.log 2>&1 & exec sleep 1000",
    "reparented": f'(setsid sh -c \'(trap "" TERM; setsid sh -c "{STAY}") & exit\' &); exec sleep 1000',
    "stopped": f"setsid sleep 1000 & kill -STOP $!; {READY}; exec sleep 1000",
    "crowd": f"trap '' TERM; for n in $(seq 200); do sleep 1000 & done; {READY}; wait",
    "chain": f"trap '' TERM; setsid ./chain 20000 & {READY}; exec sleep 1000",
    "no-environment": f"env -i setsid sh -c '{STAY}' & exec sleep 1000",
}
CHAIN = '#!/bin/sh\n[ "$1" -gt 0 ] && "$0" $(($1 - 1)) &\n'
# Tags are limits, and it changes them: caught by cgroups alone.
UNTAGGED = f"setsid prlimit --locks=7:7 sh -c 'trap \"\" TERM; {STAY}' & exec sleep 1000"


def unified_cgroup() -> Optional[Path]:
    """The directory of our own cgroup (version 2)."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    own = next((line[3:] for line in lines if line.startswith("0::/")), None)
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, kind = line.partition(" - ")
        if own is not None and kind.startswith("cgroup2 ") and fields.split()[3] == "/":
            return Path(fields.split()[4]) / own.lstrip("/")
    return None


def writable_cgroup() -> Path:
    """Our own cgroup, if directories can be made in it."""
    own = unified_cgroup()
    if own is None:
        pytest.skip("no cgroup2 file system is mounted")
    try:
        (own / "cattino-probe").mkdir(exist_ok=True)
        (own / "cattino-probe").rmdir()
    except OSError as error:
        pytest.skip(f"no cgroup may be made here: {error}")
    return own


class As:
    """Who runs the backend, and in which cgroup it begins."""

    def __init__(self, user: Optional[int] = None, cgroup: Optional[Path] = None) -> None:
        self.user = user
        self.cgroup = cgroup

    def enter(self) -> None:
        """In the child, before exec."""
        if self.cgroup is not None:
            (self.cgroup / "cgroup.procs").write_text("0")
        if self.user is not None:
            os.setgroups([])
            os.setgid(self.user)
            os.setuid(self.user)


class Fugitives:
    """A backend whose tasks try to get away, and one pipe for each of them."""

    def __init__(self, backend: Backend, who: As) -> None:
        self.backend = backend
        self.who = who
        self.pipes: dict[str, int] = {}

    def meow(self, *arguments: str, check: Optional[int] = 0) -> subprocess.CompletedProcess[str]:
        return self.backend.meow(*arguments, check=check, preexec_fn=self.who.enter)

    def json(self, *arguments: str) -> Any:
        return json.loads(self.meow(*arguments, "--json").stdout)

    def start(self, name: str, command: str) -> None:
        """Returns when all of its processes are in place."""
        path = self.backend.work / f"{name}.pipe"
        os.mkfifo(path)
        path.chmod(0o666)
        self.pipes[name] = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.meow("create", f"exec 9> {path}; {command}", "-n", name, "-c", "0")

    def await_ready(self) -> None:
        for name in self.pipes:
            wait_until(partial(self.read, name), f"{name} is in place")

    def read(self, name: str) -> Optional[bytes]:
        """What is in the pipe; b"" if nobody holds it; None if somebody does and is silent."""
        try:
            return os.read(self.pipes[name], 4096)
        except BlockingIOError:
            return None

    def survivors(self) -> list[str]:
        return [name for name in self.pipes if self.read(name) != b""]

    def journal(self) -> str:
        return next(self.backend.home.rglob("supervisor.journal")).read_text()

    def pool(self) -> Optional[Path]:
        """Where the supervisor keeps its cgroups."""
        paths = [line[2:] for line in self.journal().splitlines() if line.startswith("C ")]
        return Path(paths[-1]) if paths else None

    def kill_supervisor(self) -> None:
        health = self.json("test")
        os.kill(health["supervisor"], signal.SIGKILL)
        wait_until(lambda: not alive(health["supervisor"]), "the supervisor is dead")


@pytest.fixture
def directory() -> Iterator[Path]:
    """Where an ordinary user may write, too."""
    path = Path(tempfile.mkdtemp(prefix="cattino-trees-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def delegated() -> Iterator[Callable[[], Path]]:
    """Makes a cgroup as systemd gives one to an ordinary user."""
    made: list[Path] = []

    def make() -> Path:
        path = writable_cgroup() / f"delegated-{os.getpid()}"
        path.mkdir()
        made.append(path)
        for name in [".", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"]:
            os.chown(path / name, NOBODY, NOBODY)
        return path

    yield make
    for path in made:
        wait_until(partial(removed, path), "the delegated cgroup is empty")


def ordinary_user() -> int:
    """One that we can become and that can run our programs."""
    if os.geteuid() != 0:
        pytest.skip("not root: the other user cannot be impersonated")
    probe = subprocess.run(
        [str(BIN / "meow"), "--version"], check=False, user=NOBODY, group=NOBODY, capture_output=True
    )
    if probe.returncode != 0:
        pytest.skip(f"{BIN} cannot be run by user {NOBODY}")
    return NOBODY


KINDS = ["cgroups", "tags", "user-cgroups", "user-tags"]


def kinds(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("fugitives", names, indirect=True)


@pytest.fixture(params=KINDS)
def fugitives(
    request: pytest.FixtureRequest, directory: Path, delegated: Callable[[], Path]
) -> Iterator[Fugitives]:
    """For each way of knowing and ending a tree, and each kind of user."""
    kind = str(request.param)
    use = {"signals": "no-kill", "tags": "off"}.get(kind, "auto")
    who = As()
    if kind.startswith("user"):
        who = As(ordinary_user(), delegated() if kind == "user-cgroups" else None)
    elif use != "off":
        writable_cgroup()
    settings = directory / "settings.toml"
    settings.write_text('grace = "200ms"\n')
    home, work = directory / "home", directory / "work"
    for path in (home, work):
        path.mkdir()
        os.chown(path, who.user or os.getuid(), -1)
    chain = work / "chain"
    chain.write_text(CHAIN)
    chain.chmod(0o755)
    backend = Backend(
        home,
        work,
        CATTINO_DEVICES="1x1GiB",
        CATTINO_CPUS="64",
        CATTINO_CGROUPS=use,
        CATTINO_SETTINGS=str(settings),
    )
    made = Fugitives(backend, who)
    made.meow("create", "true", "-n", "first", "-c", "0")
    has_pool = made.pool() is not None
    assert has_pool == (kind in ("cgroups", "signals", "user-cgroups")), made.journal()
    yield made
    made.meow("exit", "-y", check=None)
    backend.kill()
    remove_cgroups(backend)
    for pipe in made.pipes.values():
        os.close(pipe)


def pids_of(pool: Path) -> list[int]:
    """Everybody in the cgroups below."""
    found = []
    for path in pool.glob("*/cgroup.procs"):
        found += [int(pid) for pid in path.read_text().split()]
    return found


def start_all(fugitives: Fugitives) -> None:
    for name, command in ESCAPES.items():
        fugitives.start(name, command)
    fugitives.await_ready()


@kinds("signals", *KINDS)
def test_a_kill_leaves_nobody(fugitives: Fugitives) -> None:
    start_all(fugitives)
    pool = fugitives.pool()
    if pool is not None:
        assert len(pids_of(pool)) > 200, "the crowd and the others are in cgroups"
    fugitives.meow("kill", *ESCAPES)
    fugitives.meow("wait", *ESCAPES, check=None)
    assert fugitives.survivors() == []
    if pool is not None:
        assert pids_of(pool) == []


def test_the_end_of_the_leader_leaves_nobody(fugitives: Fugitives) -> None:
    """Left-overs get a moment, then they are ended."""
    names = ["double-fork", "session", "reparented", "stopped", "no-environment"]
    for name in names:
        command = ESCAPES[name]
        fugitives.start(name, command.removesuffix("exec sleep 1000") + "exit 3")
    fugitives.await_ready()
    fugitives.meow("wait", *names, check=None)
    assert fugitives.survivors() == []
    for name in names:
        assert fugitives.json("show", name)["task"]["exit"]["code"] == 3


def test_the_exit_of_the_backend_leaves_nobody_and_no_cgroup(fugitives: Fugitives) -> None:
    start_all(fugitives)
    pool = fugitives.pool()
    fugitives.meow("exit", "-y")
    assert fugitives.survivors() == []
    assert fugitives.backend.own_processes() == []
    assert pool is None or not pool.exists()


def test_after_the_supervisors_death_a_kill_leaves_nobody(fugitives: Fugitives) -> None:
    start_all(fugitives)
    pool = fugitives.pool()
    fugitives.kill_supervisor()
    fugitives.meow("kill", *ESCAPES)
    fugitives.meow("wait", *ESCAPES, check=None)
    assert fugitives.survivors() == []
    assert fugitives.pool() == pool, "the next supervisor goes on with what is in use"
    fugitives.meow("exit", "-y")
    assert pool is None or not pool.exists()


@kinds("cgroups", "tags")
def test_the_supervisors_death_in_the_middle_of_a_kill_leaves_nobody(fugitives: Fugitives) -> None:
    start_all(fugitives)
    fugitives.meow("kill", *ESCAPES)
    fugitives.kill_supervisor()
    fugitives.meow("wait", *ESCAPES, check=None)
    assert fugitives.survivors() == []


@kinds("signals", *KINDS)
def test_who_takes_off_its_tag_is_caught_by_cgroups(fugitives: Fugitives) -> None:
    """With tags alone it is not: documented in decision 7."""
    fugitives.start("untagged", UNTAGGED)
    fugitives.await_ready()
    in_cgroup = fugitives.pool() is not None
    fugitives.kill_supervisor()
    fugitives.meow("kill", "untagged")
    fugitives.meow("wait", "untagged", check=None)
    assert fugitives.survivors() == ([] if in_cgroup else ["untagged"])
    for pid in holders(fugitives.backend.work / "untagged.pipe"):
        os.kill(pid, signal.SIGKILL)


def holders(path: Path) -> list[int]:
    """Processes that have a file open."""
    found = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) == str(path) and int(link.parts[2]) != os.getpid():
                found.add(int(link.parts[2]))
        except OSError:
            continue
    return sorted(found)


@kinds("cgroups", "user-cgroups", "tags")
def test_cgroups_of_a_backend_that_was_killed_are_removed_by_the_next(fugitives: Fugitives) -> None:
    fugitives.start("task", f"(trap '' TERM; setsid sh -c '{STAY}') & exec sleep 1000")
    fugitives.await_ready()
    pool = fugitives.pool()
    fugitives.backend.kill()
    fugitives.meow("kill", "task")
    fugitives.meow("wait", "task", check=None)
    assert fugitives.survivors() == []
    fugitives.backend.kill()
    fugitives.meow("create", "true", "-n", "last", "-c", "0")
    fugitives.meow("wait", "last")
    fugitives.meow("exit", "-y")
    assert pool is None or not pool.exists()


@kinds("cgroups", "user-cgroups", "tags")
def test_a_backend_that_a_task_starts_outlives_the_task(fugitives: Fugitives) -> None:
    other = Backend(fugitives.backend.work / "other", fugitives.backend.work)
    variables = f"CATTINO_HOME={other.home} CATTINO_DEVICES=1x1GiB CATTINO_CPUS=8"
    command = f"{variables} {BIN}/meow create 'exec sleep 1000' -n inner -c 0"
    fugitives.meow("create", command, "-n", "outer", "-c", "0")
    fugitives.meow("wait", "outer")
    try:
        shown: Any = other.meow("show", "inner", "--json", preexec_fn=fugitives.who.enter).stdout
        assert '"Running"' in shown
    finally:
        other.meow("exit", "-y", preexec_fn=fugitives.who.enter)


def test_a_wrong_word_in_the_variable_is_told(directory: Path) -> None:
    backend = Backend(directory, directory, CATTINO_CGROUPS="on")
    done = backend.meow("create", "true", check=None)
    assert done.returncode != 0
    assert "CATTINO_CGROUPS is `on`, but must be auto, no-kill or off" in done.stdout + done.stderr
