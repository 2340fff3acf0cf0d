"""The host process, driven over its real sockets by a test that plays daemon and supervisor."""

from __future__ import annotations

import base64
import os
import pickle
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

import pytest
from fakes import FakeHostDaemon, FakeSupervisor, environment_without_cattino

import cattino

pytest.importorskip("cloudpickle")

PACKAGE = str(Path(cattino.__file__).parent.parent)
HEAD = """
import asyncio, os, sys, time
import cattino
from cattino.tasks import ProcTask, Task, TaskGroup
"""


class World:
    """One host, and what it talks to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.daemon = FakeHostDaemon(path / "meow.sock")
        self.supervisor = FakeSupervisor(path / "supervisor.sock")
        self.process: Optional[subprocess.Popen[str]] = None

    def start(self, script: str, python_path: str = "") -> None:
        """Starts a host with the objects that `script` leaves in `objects`, pickled as submitted."""
        self.pickle = pickled(self.path, script)
        environment = {
            **environment_without_cattino(),
            "PYTHONPATH": f"{PACKAGE}{os.pathsep}{python_path}",
            "CATTINO_HOST_SOCKET": self.daemon.path,
            "CATTINO_HOST_SUPERVISOR": self.supervisor.path,
            "CATTINO_HOST_SUBMISSION": "7",
            "CATTINO_HOST_GENERATION": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cattino.host"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.greet()

    def greet(self) -> None:
        self.daemon.accept()
        hello = self.daemon.receive()
        assert self.process is not None
        expected = {"op": "hello", "pid": self.process.pid, "submission": 7, "generation": 1}
        assert {**expected, "python": hello["python"]} == hello
        nodes = [
            {
                "ref": i + 1,
                "object": i,
                "kind": kind,
                "id": identity,
                "fullname": f"g/{name}",
                "name": name,
                "group": "g",
            }
            for i, (kind, identity, name) in enumerate(
                [("task", 41, "a"), ("task", 42, "b"), ("group", 3, "c")]
            )
        ]
        self.daemon.send({"op": "objects", "pickle": self.pickle, "nodes": nodes})

    def hook(
        self, call: str, hook: str = "on_start", kind: str = "task", identity: int = 41, **task: Any
    ) -> None:
        self.daemon.send(
            {
                "op": "hook",
                "call": call,
                "node": {"kind": kind, "id": identity},
                "hook": hook,
                "task": {"status": "Running", "attempt": 1, "devices": [2, 0], "create_time": 5500, **task},
                "output": str(self.path / f"{identity}" / "stdout.log"),
                "errors": str(self.path / f"{identity}" / "stderr.log"),
            }
        )

    def run(self, call: str = "t41/1/run", key: int = 41 << 16 | 1, identity: int = 41, **more: Any) -> None:
        self.daemon.send(
            {
                "op": "run",
                "call": call,
                "key": key,
                "node": {"kind": "task", "id": identity},
                "environment": {"ADDED": "yes", "CATTINO_ATTEMPT": "1"},
                "cwd": str(self.path),
                "stdout": str(self.path / f"{identity}" / "stdout.log"),
                "stderr": str(self.path / f"{identity}" / "stderr.log"),
                "umask": 0o027,
                "result": str(self.path / f"{identity}" / "result.pkl"),
                "task": {
                    "status": "Running",
                    "attempt": key & 0xFFFF,
                    "devices": [2, 0],
                    "create_time": 5500,
                    "priority": 4,
                    "run_dir": "/logs",
                },
                **more,
            }
        )

    def log(self, identity: int = 41, name: str = "stdout.log") -> str:
        return (self.path / f"{identity}" / name).read_text()

    def result(self, identity: int = 41) -> Any:
        return pickle.loads((self.path / f"{identity}" / "result.pkl").read_bytes())

    def leave(self) -> int:
        self.daemon.send({"op": "leave"})
        return self.wait()

    def wait(self) -> int:
        assert self.process is not None
        return self.process.wait(timeout=60)

    def close(self) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            out, _ = self.process.communicate()
            print(out)
        self.daemon.close()
        self.supervisor.close()


@pytest.fixture
def world(short_path: Path) -> Iterator[World]:
    made = World(short_path)
    yield made
    made.close()


def pickled(path: Path, script: str) -> str:
    """As a script run by cattino.create is pickled: what it defines is in __main__."""
    file = path / "task.py"
    file.write_text(HEAD + textwrap.dedent(script))
    code = (
        "import sys; from cattino.create import Collector, run_script; Collector.work = []; assert run_script(sys.argv[1], []) == 0\n"
        "from cattino.pickling import pickle_objects; import base64\n"
        "print(base64.b64encode(pickle_objects(sys.modules['__main__'].objects)).decode())"
    )
    environment = {**environment_without_cattino(), "PYTHONPATH": PACKAGE}
    command = [sys.executable, "-c", code, str(file)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def ok(call: str) -> dict[str, Any]:
    return {"op": "done", "call": call, "ok": True}


# ---- hooks ----------------------------------------------------------------------------------------


def test_hooks_see_their_task_and_keep_state_on_self(world: World) -> None:
    world.start(
        """
        class My(ProcTask):
            async def on_start(self):
                await super().on_start()
                self.seen = [self.name, self.fullname, str(self.status), self.pid, self.attempt, self.create_time,
                             self.assigned_device_indices, self.priority, self.run_dir, self.exit_code]
            def on_end(self):
                super().on_end()
                print(self.seen, self.exit_code, self.group.name)
        TaskGroup([My("x"), ], group_name="g")
        objects = [*TaskGroup([My("x"), My("x")], group_name="g").tasks]
        """
    )
    world.hook("t41/1/on_start", pid=None, exit_code=None, priority=4, run_dir="/logs")
    assert world.daemon.receive() == ok("t41/1/on_start")
    world.hook("t41/1/on_end", "on_end", pid=77, exit_code=3)
    assert world.daemon.receive() == ok("t41/1/on_end")
    said = "['a', 'g/a', 'Running', None, 1, 5.5, [2, 0], 4, '/logs', None] 3 g\n"
    assert world.log() == said
    assert world.daemon.prints == [{"op": "print", "call": "t41/1/on_end", "text": said}]
    assert world.leave() == 0


def test_async_hooks_run_concurrently_and_do_not_mix_their_output(world: World) -> None:
    world.start(
        """
        class My(ProcTask):
            async def on_start(self):
                for i in range(3):
                    print(self.name, i, end=" ")
                    await asyncio.sleep(0.15)
                print("end")
        objects = [My("x"), My("x")]
        """
    )
    begin = time.monotonic()
    world.hook("one", identity=41)
    world.hook("two", identity=42)
    assert {world.daemon.receive()["call"], world.daemon.receive()["call"]} == {"one", "two"}
    assert time.monotonic() - begin < 0.85
    assert (world.log(41), world.log(42)) == ("a 0 a 1 a 2 end\n", "b 0 b 1 b 2 end\n")


def test_sync_hooks_run_one_at_a_time_in_order(world: World) -> None:
    world.start(
        """
        order = []
        class My(ProcTask):
            def on_start(self):
                order.append(self.name); time.sleep(0.02); order.append(self.name)
            def on_end(self):
                print(*order)
        objects = [My("x"), My("x")]
        """
    )
    world.hook("one", identity=41)
    world.hook("two", identity=42)
    world.hook("three", "on_end", identity=42)
    assert [world.daemon.receive()["call"] for _ in range(3)] == ["one", "two", "three"]
    assert world.log(42) == "a a b b\n"


def test_an_exception_is_told_with_the_frames_of_the_user(world: World) -> None:
    world.start(
        """
        class My(ProcTask):
            def on_start(self):
                print("before", file=sys.stderr)
                raise ValueError("bad\\nthing")
            async def on_end(self):
                sys.exit("no")
        objects = [My("x")]
        """
    )
    world.hook("one")
    told = world.daemon.receive()
    assert (told["ok"], told["error"]) == (False, "ValueError: bad")
    assert world.log(name="stderr.log") == "before\n" + told["traceback"]
    assert "on_start" in told["traceback"] and "cattino/host" not in told["traceback"]
    world.hook("two", "on_end")
    assert world.daemon.receive()["error"] == "SystemExit: no"
    assert world.leave() == 0


def test_a_group_has_hooks_too(world: World) -> None:
    world.start(
        """
        class G(TaskGroup):
            def on_end(self):
                print(self.name, [task.name for task in self.all_tasks])
        class T(ProcTask):
            def on_start(self): pass
        group = G([T("x", task_name="a"), T("x", task_name="b")], group_name="c")
        objects = [*group.tasks, group]
        """
    )
    world.hook("g3/on_end", "on_end", "group", 3)
    assert world.daemon.receive() == ok("g3/on_end")
    assert world.log(3) == "c ['a', 'b']\n"


def test_a_call_is_done_once_though_it_is_repeated_after_a_reconnect(world: World) -> None:
    world.start(
        """
        class My(ProcTask):
            count = 0
            async def on_start(self):
                self.count += 1
                await asyncio.sleep(0.4)
                print(self.count)
            def on_end(self):
                print("end", self.count)
        objects = [My("x")]
        """
    )
    world.hook("e", "on_end")
    assert world.daemon.receive() == ok("e")
    world.hook("s")
    time.sleep(0.1)  # the hook is running
    world.daemon.drop()
    world.greet()
    world.hook("s")
    world.hook("e", "on_end")
    assert world.daemon.receive() == ok("e")
    assert world.daemon.receive() == ok("s")
    world.daemon.drop()
    world.greet()
    world.hook("s")
    assert world.daemon.receive() == ok("s")
    assert world.log() == "end 0\n1\n"
    assert world.leave() == 0


def test_objects_that_cannot_be_loaded_fail_their_calls_with_the_reason(world: World) -> None:
    (world.path / "gone.py").write_text("class Thing:\n    pass\n")
    world.start(
        """
        import gone
        class My(ProcTask):
            def on_start(self): pass
        task = My("x"); task.thing = gone.Thing()
        objects = [task]
        """
    )
    world.hook("one")
    told = world.daemon.receive()
    assert told["ok"] is False and "No module named 'gone'" in told["error"]
    world.run()
    told = world.daemon.receive()
    assert told["op"] == "failed" and "No module named 'gone'" in told["error"]


def test_a_host_that_is_refused_leaves(world: World) -> None:
    world.start("objects = [ProcTask(lambda: 1)]")
    world.daemon.drop()
    world.daemon.accept("409 Conflict")
    assert world.wait() == 1


def test_exports_of_imported_modules_are_not_submitted_again(world: World) -> None:
    (world.path / "lib.py").write_text(
        "import cattino\nfrom cattino.tasks import ProcTask\n"
        "class My(ProcTask):\n    def on_start(self): print('ok')\n"
        "cattino.export(ProcTask('again'))\n"
    )
    world.start(
        f"sys.path.insert(0, {str(world.path)!r})\nimport lib\nobjects = [lib.My('x')]", str(world.path)
    )
    world.hook("one")
    assert world.daemon.receive() == ok("one")
    assert world.log() == "ok\n" and world.leave() == 0


# ---- functions ------------------------------------------------------------------------------------


def test_a_function_runs_in_an_adopted_process_of_its_own(world: World) -> None:
    world.start(
        """
        import json
        def work():
            print("out", os.environ["ADDED"], os.getcwd() == os.path.realpath(sys.argv[0]), flush=True)
            os.system("echo from a subprocess")
            print("err", file=sys.stderr)
            open("made", "w").close()
            mode = os.stat("made").st_mode & 0o777
            hidden = [name for name in os.environ if name.startswith("CATTINO_HOST_")]
            return {"pid": os.getpid(), "session": os.getsid(0), "mode": mode, "hidden": hidden,
                    "stdin": sys.stdin.read()}
        objects = [ProcTask(work)]
        """
    )
    world.run()
    key = 41 << 16 | 1
    assert world.supervisor.status_of(key) == (1, 0)
    found = world.result()
    assert found["pid"] == found["session"] != world.process.pid  # type: ignore[union-attr]
    assert (found["mode"], found["hidden"], found["stdin"]) == (0o640, [], "")
    assert world.log() == "out yes False\nfrom a subprocess\n" and world.log(name="stderr.log") == "err\n"
    assert any(
        line.startswith("Max file locks") and str(key) in line
        for line in world.supervisor.limits[key].splitlines()
    )
    assert [kind for kind, _ in world.supervisor.frames][:4] == [1, 7, 1, 8]
    assert world.leave() == 0


@pytest.mark.parametrize(
    ("body", "status", "in_errors"),
    [
        ("raise KeyError('x')", (1, 1), "KeyError: 'x'"),
        ("sys.exit(7)", (1, 7), ""),
        ("sys.exit('words')", (1, 1), "words"),
        ("cattino.exit_and_retry()", (1, 100), ""),
        ("os.kill(os.getpid(), 9)", (2, 9), ""),
        ("import atexit; atexit.register(lambda: print('at exit'))", (1, 0), ""),
        ("asyncio.run(asyncio.sleep(0)); return 5", (1, 0), ""),
    ],
)
def test_the_end_of_a_function_is_told(
    world: World, body: str, status: tuple[int, int], in_errors: str
) -> None:
    world.start(f"def work():\n    {body}\nobjects = [ProcTask(work)]")
    world.run()
    assert world.supervisor.status_of(41 << 16 | 1) == status
    errors = world.log(name="stderr.log")
    assert in_errors in errors and "cattino/host" not in errors
    if "atexit" in body:
        assert world.log() == "at exit\n"
    assert (world.path / "41" / "result.pkl").exists() == ("return" in body or "raise" in body)


def test_an_async_function_and_a_task_with_run_are_called(world: World) -> None:
    world.start(
        """
        async def work():
            await asyncio.sleep(0)
            return "async"
        class Mine(Task):
            scale = 2
            def run(self):
                assert self.pid == os.getpid() and self.run_dir == "/logs" and self.create_time == 5.5
                shown = self.attempt, self.assigned_device_indices, self.priority, str(self.status)
                return self.scale * 21, self.name, *shown
        objects = [ProcTask(work), Mine()]
        """
    )
    world.run()
    world.run("t42/2/run", 42 << 16 | 2, 42, bounds=[1 << 33, 1500])
    assert world.supervisor.status_of(41 << 16 | 1) == (1, 0) == world.supervisor.status_of(42 << 16 | 2)
    assert world.supervisor.bounds == {41 << 16 | 1: [0, 0], 42 << 16 | 2: [1 << 33, 1500]}
    assert world.result() == "async" and world.result(42) == (42, "b", 2, [2, 0], 4, "Running")


def test_a_function_holds_nothing_of_the_host(world: World) -> None:
    world.start(
        """
        def work():
            found = []
            for fd in os.listdir("/proc/self/fd"):
                try:
                    found.append((int(fd), os.readlink(f"/proc/self/fd/{fd}")))
                except OSError:  # of the listing itself
                    pass
            return [link for fd, link in found if fd > 2]
        def fail():
            raise ValueError("alone")
        objects = [ProcTask(work), ProcTask(fail)]
        """
    )
    world.run()
    assert world.supervisor.status_of(41 << 16 | 1) == (1, 0)
    world.run("t41/2/run", 41 << 16 | 2)  # now the host has a connection to the supervisor
    assert world.supervisor.status_of(41 << 16 | 2) == (1, 0)
    assert world.result() == []
    world.run("t42/1/run", 42 << 16 | 1, 42)
    assert world.supervisor.status_of(42 << 16 | 1) == (1, 1)
    assert "another exception" not in world.log(42, "stderr.log")


def test_a_result_that_cannot_be_pickled_is_explained(world: World) -> None:
    world.start("def work():\n    return open('/dev/null', 'w')\nobjects = [ProcTask(work)]")
    world.run()
    assert world.supervisor.status_of(41 << 16 | 1) == (1, 0)
    assert "TextIOWrapper" in world.result().reason


def test_functions_run_side_by_side_while_hooks_go_on(world: World) -> None:
    world.start(
        """
        class My(ProcTask):
            def on_start(self): print("hook")
        def work():
            time.sleep(0.5)
        objects = [My(work), My(work)]
        """
    )
    begin = time.monotonic()
    for number in range(1, 9):
        world.run(f"t41/{number}/run", 41 << 16 | number)
    world.hook("h", identity=42)
    assert world.daemon.receive() == ok("h")
    for number in range(1, 9):
        assert world.supervisor.status_of(41 << 16 | number) == (1, 0)
    assert time.monotonic() - begin < 3


def test_a_refused_child_runs_nothing_and_tells_nothing(world: World) -> None:
    world.start("def work():\n    print('ran')\nobjects = [ProcTask(work), ProcTask(work)]")
    world.supervisor.go = False
    world.run()
    while 7 not in [kind for kind, _ in world.supervisor.frames]:
        time.sleep(0.01)
    time.sleep(0.1)
    world.supervisor.go = True
    world.run("t42/1/run", 42 << 16 | 1, 42)
    assert world.supervisor.status_of(42 << 16 | 1) == (1, 0)
    assert world.supervisor.statuses.keys() == {42 << 16 | 1} and world.log() == ""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"cwd": "/nowhere/at/all"}, "working directory /nowhere/at/all: No such file or directory"),
        ({"stdout": "/proc/none/stdout.log"}, "logs /proc/none: No such file or directory"),
        ({"node": {"kind": "task", "id": 99}}, "LookupError: the submission has no object for task 99"),
    ],
)
def test_a_function_that_cannot_be_started_is_told(world: World, more: dict[str, Any], said: str) -> None:
    world.start("objects = [ProcTask(lambda: 1)]")
    world.run(**more)
    assert world.daemon.receive() == {"op": "failed", "call": "t41/1/run", "error": said}


def test_a_repeated_run_is_not_run_again(world: World) -> None:
    world.start("def work():\n    print('ran')\n    time.sleep(0.3)\nobjects = [ProcTask(work)]")
    world.run()
    world.run()
    world.daemon.drop()
    world.greet()
    world.run()
    assert world.supervisor.status_of(41 << 16 | 1) == (1, 0)
    world.run()
    assert world.leave() == 0
    assert world.log() == "ran\n" and len(world.supervisor.statuses) == 1


def test_the_end_waits_for_a_supervisor_that_is_away(world: World) -> None:
    world.start("def work():\n    time.sleep(0.3)\nobjects = [ProcTask(work)]")
    world.run()
    while 7 not in [kind for kind, _ in world.supervisor.frames]:
        time.sleep(0.01)
    path = Path(world.supervisor.path)
    path.unlink()
    time.sleep(0.6)
    replacement = FakeSupervisor(path)
    try:
        assert replacement.status_of(41 << 16 | 1) == (1, 0)
    finally:
        replacement.close()


def test_an_end_is_told_again_until_it_was_noted(world: World) -> None:
    """A supervisor that dies with the frame unread takes nothing along: the process is still a zombie."""
    world.start("def work():\n    pass\nobjects = [ProcTask(work)]")
    world.supervisor.hang_up = 2
    world.run()
    key = 41 << 16 | 1
    assert world.supervisor.status_of(key) == (1, 0)
    assert world.supervisor.ends == [(key, "Z")] * 3
    world.run("t41/2/run", key + 1)  # by the connection that came last
    assert world.supervisor.status_of(key + 1) == (1, 0)
    assert world.leave() == 0


def test_each_function_has_its_own_random_numbers(world: World) -> None:
    pytest.importorskip("numpy")
    world.start(
        """
        import numpy
        def work():
            import random
            return numpy.random.rand(), random.random()
        objects = [ProcTask(work), ProcTask(work)]
        """
    )
    world.run()
    world.run("t42/1/run", 42 << 16 | 1, 42)
    assert world.supervisor.status_of(41 << 16 | 1) == (1, 0) == world.supervisor.status_of(42 << 16 | 1)
    assert not set(world.result(41)) & set(world.result(42))


def test_the_pickle_is_what_the_compiler_sends(world: World) -> None:
    world.start("objects = [ProcTask(lambda: 1)]")
    assert pickle.loads(base64.b64decode(world.pickle))[0].run() == 1
    assert world.leave() == 0
