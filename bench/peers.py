"""The tools that bench/kills.py kills: how each is started, what is submitted, what it knows afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional

RUNNING = {"r0": 0, "r3": 3}  # name: the exit status it will have
QUEUED = {"q1": 0, "q2": 0, "q3": 0}
PATIENCE_S = 60.0  # a deadline for what comes soon when all is well

TASK = """#!/bin/sh
echo "begin $1 $$" >> {home}/events
while [ ! -e {home}/go ]; do sleep 0.05; done
echo "end $1 $$" >> {home}/events
exit $2
"""


class Status(NamedTuple):
    """What a tool says of a task."""

    ended: bool
    exit: Optional[int]  # None: it has not ended, or the tool does not say
    word: str


class World:
    """A directory, an environment, and all processes that were started in it."""

    def __init__(self, folders: list[Path]) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="kills-"))
        self.mark = uuid.uuid4().hex
        run = self.home / "run"
        run.mkdir(mode=0o700)
        (self.home / "task.sh").write_text(TASK.format(home=self.home))
        (self.home / "events").touch()
        keep = {"PATH", "LANG", "LC_ALL", "USER", "LOGNAME", "SHELL", "TERM"}
        self.environment = {
            **{k: v for k, v in os.environ.items() if k in keep},
            "PATH": ":".join([*map(str, folders), os.environ["PATH"]]),
            "HOME": str(self.home),
            "TMPDIR": str(run),
            "TMUX_TMPDIR": str(run),
            "XDG_RUNTIME_DIR": str(run),
            "KILLS_MARK": self.mark,
        }

    def command(self, name: str) -> list[str]:
        code = {**RUNNING, **QUEUED}[name]
        return ["sh", str(self.home / "task.sh"), name, str(code)]

    def run(self, *command: str, check: bool = True) -> str:
        """Its standard output. Files, not pipes: a daemon that it leaves behind holds them open."""
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            done = subprocess.run(
                command,
                env=self.environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                timeout=PATIENCE_S,
                check=False,
            )
            output.seek(0)
            errors.seek(0)
            text = output.read()
            if check and done.returncode != 0:
                raise RuntimeError(f"{shlex.join(command)}: {done.returncode}: {text}{errors.read()}")
        return text

    def start(self, *command: str, feed: Optional[Path] = None) -> None:
        """A program that stays, in a process group of its own."""
        with open(feed or os.devnull) as source, open(self.home / "output", "a") as output:
            subprocess.Popen(
                command,
                env=self.environment,
                cwd=self.home,
                stdin=source,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def processes(self) -> dict[int, str]:
        """Names of the living processes that were started here, known by the mark in their environment."""
        found = {}
        mark = f"KILLS_MARK={self.mark}".encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    head, _, tail = (entry / "stat").read_text().rpartition(")")
                    if tail.split()[0] != "Z":
                        found[int(entry.name)] = head.partition("(")[2]
        return found

    def events(self) -> list[tuple[str, str, int]]:
        lines = (self.home / "events").read_text().splitlines()
        return [(word, name, int(pid)) for word, name, pid in (line.split() for line in lines)]

    def begun(self, name: str) -> list[int]:
        return [pid for word, task, pid in self.events() if word == "begin" and task == name]

    def ended(self, name: str) -> list[int]:
        return [pid for word, task, pid in self.events() if word == "end" and task == name]

    def clear(self) -> None:
        """Ends everything that was started here, and removes the directory."""
        deadline = time.monotonic() + PATIENCE_S
        while left := self.processes():
            if time.monotonic() > deadline:
                raise RuntimeError(f"these do not end: {left}")
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            reap()
            time.sleep(0.05)
        shutil.rmtree(self.home, ignore_errors=True)


def reap() -> None:
    """Collects our own dead children, so that no zombie is taken for a living process."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass


def wait_until(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"never happened: {what}")
        time.sleep(0.01)


class Peer:
    """A tool. Subclasses say how to start it, what to submit, and what it knows."""

    name = ""
    programs: tuple[str, ...] = ()  # all must be there
    own: frozenset[str] = frozenset()  # names of its processes, as the kernel has them
    returns = False  # it comes back without anybody starting it
    has_daemon = True
    next_step = ""  # what its documentation has the user do after the restart, if queued tasks do not run

    def __init__(self, world: World) -> None:
        self.world = world

    def version(self) -> str:
        return self.world.run(self.programs[0], "--version").split()[-1]

    def start(self) -> None:
        raise NotImplementedError

    def submit(self, name: str) -> None:
        raise NotImplementedError

    def submit_all(self) -> None:
        for name in RUNNING:
            self.submit(name)
        wait_until(lambda: all(self.world.begun(name) for name in RUNNING), "both begin")
        for name in QUEUED:
            self.submit(name)

    def daemon(self) -> list[int]:
        raise NotImplementedError

    def everything(self) -> list[int]:
        return [pid for pid, name in self.world.processes().items() if name in self.own]

    def named(self, name: str) -> list[int]:
        return [pid for pid, found in self.world.processes().items() if found == name]

    def restart(self) -> None:
        self.start()

    def answers(self) -> bool:
        raise NotImplementedError

    def statuses(self) -> dict[str, Status]:
        """By task; a task that the tool knows nothing of is not there."""
        raise NotImplementedError


class Cattino(Peer):
    name = "Cattino"
    programs = ("meow", "meowd", "meow-supervisor")
    own = frozenset({"meowd", "meow-supervisor", "meow-guardian"})
    returns = True

    def start(self) -> None:
        self.world.environment["CATTINO_HOME"] = str(self.world.home / "cattino")
        self.world.environment["CATTINO_DEVICES"] = "2x1GiB"
        self.world.run("meow", "_start")

    def submit(self, name: str) -> None:
        self.world.run("meow", "create", shlex.join(self.world.command(name)), "-n", name, "-c", "1")

    def daemon(self) -> list[int]:
        return self.named("meowd")

    def restart(self) -> None:
        pass  # any command starts what is missing

    def answers(self) -> bool:
        self.world.run("meow", "list")
        return True

    def statuses(self) -> dict[str, Status]:
        found = {}
        for task in json.loads(self.world.run("meow", "list", "--all", "--json"))["tasks"]:
            end = task["exit"] or {}
            word = f"{task['status']}, {end['text']}" if end else task["status"]
            settled = task["ended"] is not None or task["held"]
            found[task["name"]] = Status(settled, end.get("code"), word)
        return found


class TaskSpooler(Peer):
    name = "task-spooler"
    programs = ("tsp",)
    own = frozenset({"tsp"})

    def version(self) -> str:
        found = re.search(r"v(\S+)", self.world.run("tsp", "-V"))
        return found.group(1) if found else "?"

    def start(self) -> None:
        self.world.environment["TS_SOCKET"] = str(self.world.home / "run" / "tsp")
        self.world.environment["TS_SAVELIST"] = str(self.world.home / "saved")
        self.world.run("tsp", "-S", "2")
        self.server = self.named("tsp")

    def submit(self, name: str) -> None:
        self.world.run("tsp", "-L", name, *self.world.command(name))

    def daemon(self) -> list[int]:
        return self.server

    def answers(self) -> bool:
        self.world.run("tsp", "-l")
        return True

    def statuses(self) -> dict[str, Status]:
        found = {}
        for line in self.world.run("tsp", "-l").splitlines():
            row = re.match(r"\d+\s+(\w+)\s+\S+\s+(-?\d+)?.*\[(\w\d)\]", line)
            if row:
                state, code, name = row.groups()
                ended = state == "finished"
                found[name] = Status(ended, int(code) if ended and code else None, state)
        return found


class Pueue(Peer):
    name = "pueue"
    programs = ("pueue", "pueued")
    own = frozenset({"pueued"})
    next_step = "pueue start"

    def start(self) -> None:
        self.restart()
        wait_until(self.answers, "pueued answers")
        self.world.run("pueue", "parallel", "2")

    def restart(self) -> None:
        self.world.run("pueued", "-d")

    def submit(self, name: str) -> None:
        self.world.run("pueue", "add", "-l", name, "--", shlex.join(self.world.command(name)))

    def daemon(self) -> list[int]:
        return self.named("pueued")

    def answers(self) -> bool:
        return bool(self.world.run("pueue", "status", "--json", check=False))

    def statuses(self) -> dict[str, Status]:
        found = {}
        for task in json.loads(self.world.run("pueue", "status", "--json"))["tasks"].values():
            state = task["status"]
            word = state if isinstance(state, str) else next(iter(state))
            if word != "Done":
                found[task["label"]] = Status(False, None, word)
                continue
            result = state["Done"]["result"]
            failed = result["Failed"] if isinstance(result, dict) and "Failed" in result else None
            code = 0 if result == "Success" else failed
            found[task["label"]] = Status(True, code, f"Done: {result}")
        return found


class Gflow(Peer):
    """Its jobs live in tmux (the default), or are processes with a shell each that writes the exit status."""

    name = "gflow, in tmux"
    programs = ("gflowd", "gbatch", "gqueue", "tmux")
    own = frozenset({"gflow", "gflowd", "tmux: server", "tmux: client"})
    executor = "tmux"

    def version(self) -> str:
        return self.world.run("gflowd", "--version").split()[1]

    def start(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        path = shlex.quote(self.world.environment["PATH"])
        (self.world.home / ".profile").write_text(f"PATH={path}\n")  # tmux starts login shells
        settings = self.world.home / ".config" / "gflow" / "gflow.toml"
        settings.parent.mkdir(parents=True)
        settings.write_text(
            f'[daemon]\nhost = "127.0.0.1"\nport = {port}\n[executor]\ntype = "{self.executor}"\n'
        )
        memory = int(Path("/proc/meminfo").read_text().split()[1]) // 1024
        self.share = str(memory * 2 // 5)  # two fit, a third does not
        self.restart()
        wait_until(self.answers, "gflowd answers")

    def restart(self) -> None:
        try:
            self.world.run("gflowd", "start")
        except RuntimeError:  # it finds the tmux session of the dead one, and says that this is the way
            self.world.run("gflowd", "restart")

    def submit(self, name: str) -> None:
        self.world.run("gbatch", "-n", name, "-m", self.share, *self.world.command(name))

    def daemon(self) -> list[int]:
        return self.named("gflow") + self.named("gflowd")

    def answers(self) -> bool:
        return "Status: Running" in self.world.run("gflowd", "status", check=False)

    def statuses(self) -> dict[str, Status]:
        found = {}
        for task in json.loads(self.world.run("gqueue", "-a", "-o", "json"))["jobs"]:
            state = task["state"]
            code = 0 if state == "Finished" else None
            found[task["name"][-2:]] = Status(state not in ("Queued", "Running", "Hold"), code, state)
        return found


class GflowProcess(Gflow):
    name = "gflow, executor process"
    executor = "process"


class HyperQueue(Peer):
    name = "HyperQueue"
    programs = ("hq",)
    own = frozenset({"hq"})
    server: tuple[str, ...] = ()
    worker: tuple[str, ...] = ()

    def start(self) -> None:
        self.world.start("hq", "server", "start", "--host", "127.0.0.1", *self.server)
        wait_until(self.answers, "the server answers")
        self.world.start("hq", "worker", "start", "--cpus", "2", *self.worker)

    def submit(self, name: str) -> None:
        self.world.run("hq", "submit", "--name", name, "--stdout", "none", *self.world.command(name))

    def daemon(self) -> list[int]:
        servers = []
        for pid in self.named("hq"):
            with contextlib.suppress(OSError):
                if b"server" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    servers.append(pid)
        return servers

    def answers(self) -> bool:
        return self.world.run("hq", "job", "list", "--output-mode", "json", check=False).startswith("[")

    def statuses(self) -> dict[str, Status]:
        found = {}
        for entry in json.loads(self.world.run("hq", "job", "list", "--all", "--output-mode", "json")):
            about = json.loads(self.world.run("hq", "job", "info", str(entry["id"]), "--output-mode", "json"))
            task = about[0]["tasks"][0]
            failed = re.search(r"exit code (\d+)", task.get("error") or "")
            code = 0 if task["state"] == "finished" else int(failed.group(1)) if failed else None
            ended = task["state"] in ("finished", "failed", "canceled")
            found[entry["name"]] = Status(ended, code, task["state"])
        return found


class HyperQueueJournal(HyperQueue):
    name = "HyperQueue, journal"
    server = ("--journal", "journal")
    worker = ("--on-server-lost", "finish-running")


class Parallel(Peer):
    """No daemon: the process itself is killed, and started again with --resume."""

    name = "GNU parallel"
    programs = ("parallel",)
    own = frozenset({"parallel", "perl"})
    has_daemon = False

    def version(self) -> str:
        return self.world.run("parallel", "--version").split()[2]

    def start(self) -> None:
        self.restart()

    def restart(self) -> None:
        lines = [shlex.join(self.world.command(name)) for name in (*RUNNING, *QUEUED)]
        (self.world.home / "lines").write_text("\n".join(lines) + "\n")
        resume = ("parallel", "-j2", "--joblog", "log", "--resume")
        self.world.start(*resume, feed=self.world.home / "lines")

    def submit_all(self) -> None:
        wait_until(lambda: all(self.world.begun(name) for name in RUNNING), "the first two begin")

    def daemon(self) -> list[int]:
        return self.everything()

    def answers(self) -> bool:
        return True

    def statuses(self) -> dict[str, Status]:
        found = {}
        log = self.world.home / "log"
        for line in log.read_text().splitlines()[1:] if log.exists() else ():
            fields = line.split("\t")
            found[fields[8].split()[-2]] = Status(True, int(fields[6]), f"Exitval {fields[6]}")
        return found


PEERS: tuple[type[Peer], ...] = (
    Cattino,
    TaskSpooler,
    Pueue,
    Gflow,
    GflowProcess,
    HyperQueue,
    HyperQueueJournal,
    Parallel,
)
