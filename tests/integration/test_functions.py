"""Function tasks: results, exit statuses, and processes that are killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from conftest import (
    HEAD,
    Backend,
    alive,
    err,
    events,
    gate,
    hooked,
    host_pids,
    open_gate,
    out,
    python,
    submit,
    tasks,
    wait_until,
)

FUNCTIONS = """
import subprocess
FACTOR = 6

def closure(n):
    def inner():
        print("printed by Python", flush=True)
        subprocess.run(["echo", "printed by a child"])
        print("to stderr", file=sys.stderr)
        return FACTOR * n
    return inner

def fails():
    raise ValueError("no result")

def devices():
    return os.environ["CUDA_VISIBLE_DEVICES"], os.getcwd(), os.environ["ADDED"]

async def coroutine():
    return "awaited"

def again():
    if os.environ["CATTINO_ATTEMPT"] == "1":
        cattino.exit_and_retry()
    return "second"

one = dict(min_devices=0, cpus=0.1)
found = {
    "lambda": ProcTask(lambda: [1, {"a": None}], task_name="lambda", **one),
    "closure": ProcTask(closure(7), task_name="closure", **one),
    "devices": ProcTask(devices, task_name="devices", min_devices=2, env={"ADDED": "yes"}),
    "coroutine": ProcTask(coroutine, task_name="coroutine", **one),
    "again": ProcTask(again, task_name="again", **one),
    "fails": ProcTask(fails, task_name="fails", **one),
    "exits": ProcTask(lambda: sys.exit(3), task_name="exits", **one),
    "exits0": ProcTask(lambda: sys.exit(), task_name="exits0", **one),
    "dies": ProcTask(lambda: os.kill(os.getpid(), 9), task_name="dies", **one),
}
cattino.export(TaskGroup(list(found.values()), group_name="g"))
"""


def test_functions_are_tasks(backend: Backend) -> None:
    """Under plain Python: the results are fetched by task.result() of the objects exported."""
    report = """
for name, task in found.items():
    try:
        print(name, repr(task.result()))
    except Exception as error:
        print(name, type(error).__name__, repr(error.__cause__))
"""
    backend.write("functions.py", HEAD + FUNCTIONS + report)
    done = python(backend, "functions.py")
    results = dict(
        line.split(" ", 1)
        for line in done.stdout.splitlines()
        if line.split(" ")[0]
        in ("lambda", "closure", "devices", "coroutine", "again", "fails", "exits", "exits0", "dies")
    )
    assert results["lambda"] == "[1, {'a': None}]" and results["closure"] == "42"
    assert results["coroutine"] == "'awaited'" and results["again"] == "'second'"
    assert str(backend.work) in results["devices"] and "'yes'" in results["devices"]
    for name in ("exits", "dies"):
        assert results[name] == "TaskFailed None"
    assert results["fails"].startswith("ValueError TaskFailed(")
    ends = {n: t["exit"] for n, t in tasks(backend).items()}
    assert ends["g/fails"]["code"] == 1 and ends["g/exits"]["code"] == 3 and ends["g/dies"]["signal"] == 9
    assert ends["g/exits0"]["code"] == 0
    assert out(backend, "g/closure").splitlines() == ["printed by Python", "printed by a child"]
    assert err(backend, "g/closure") == "to stderr\n"
    text = err(backend, "g/fails")
    assert "ValueError: no result" in text and "fails" in text and "functions.py" in text
    assert len(backend.task("g/again")["attempts"]) == 2


def test_the_traceback_of_a_function_is_its_own(backend: Backend) -> None:
    submit(backend, 'cattino.export(ProcTask(lambda: 1 / 0, task_name="t", min_devices=0))')
    backend.meow("wait", "t", check=1)
    text = err(backend, "t")
    assert text.startswith("Traceback") and "During handling" not in text


@pytest.mark.parametrize("victims", [["pid"], ["guardian"]])
def test_a_function_keeps_its_exit_status_whoever_is_killed(backend: Backend, victims: list[str]) -> None:
    body = f"""
    def wait():
        with open("{backend.work}/gate") as file: file.readline()
        sys.exit(5)
    cattino.export(ProcTask(wait, task_name="t", min_devices=0))
    """
    gate(backend, "gate")
    submit(backend, body)
    wait_until(lambda: backend.task("t")["task"]["pid"], "it runs")
    pid, health = backend.task("t")["task"]["pid"], backend.health()
    for victim in victims:
        os.kill(health[victim], signal.SIGKILL)
    assert alive(pid)
    open_gate(backend, "gate")
    backend.meow("wait", "t", check=1)
    assert backend.task("t")["task"]["exit"]["code"] == 5
    assert len(backend.task("t")["attempts"]) == 1


def test_a_function_that_ends_while_there_is_no_supervisor(backend: Backend) -> None:
    gate(backend, "gate")
    submit(
        backend,
        f"""
        def wait():
            with open("{backend.work}/gate") as file: file.readline()
            sys.exit(5)
        cattino.export(ProcTask(wait, task_name="t", min_devices=0))
        """,
    )
    wait_until(lambda: backend.task("t")["task"]["pid"], "it runs")
    pid, health = backend.task("t")["task"]["pid"], backend.health()
    os.kill(health["guardian"], signal.SIGSTOP)  # nobody starts another supervisor yet
    os.kill(health["supervisor"], signal.SIGKILL)
    open_gate(backend, "gate")
    wait_until(lambda: not alive(pid), "the function ends")
    os.kill(health["guardian"], signal.SIGCONT)
    backend.meow("wait", "t", check=1)
    assert backend.task("t")["task"]["exit"]["code"] == 5


def test_a_function_whose_host_is_killed_keeps_its_exit_status(backend: Backend) -> None:
    gate(backend, "gate")
    submit(
        backend,
        f"""
        def wait():
            with open("{backend.work}/gate") as file: file.readline()
            sys.exit(5)
        cattino.export(ProcTask(wait, task_name="t", min_devices=0))
        """,
    )
    wait_until(lambda: backend.task("t")["task"]["pid"], "it runs")
    pid = backend.task("t")["task"]["pid"]
    for host in host_pids(backend):
        if host != pid:
            os.kill(host, signal.SIGKILL)
    assert alive(pid)
    open_gate(backend, "gate")
    backend.meow("wait", "t", check=1)
    assert backend.task("t")["task"]["exit"]["code"] == 5


def test_a_killed_function_takes_its_children_along(backend: Backend) -> None:
    submit(
        backend,
        """
        import subprocess, time
        def tree():
            child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
            with open("pid.new", "w") as file: file.write(str(child.pid))
            os.rename("pid.new", "pid")
            time.sleep(1000)
        cattino.export(ProcTask(tree, task_name="t", min_devices=0))
        """,
    )
    wait_until((backend.work / "pid").exists, "its child runs")
    child = int((backend.work / "pid").read_text())
    backend.meow("kill", "t", "-w")
    assert backend.status("t") == "Failed" and not alive(child)


def test_functions_with_hooks_share_the_object(backend: Backend) -> None:
    hooked(
        backend,
        """
        def work(): note("work")
        cattino.export(Task(work, task_name="t", min_devices=0))
        """,
    )
    backend.meow("wait", "t")
    assert events(backend) == ["start t 1", "work", "end t 11 0"]


def test_a_function_hears_signals_and_has_its_own_loop_as_in_a_script_of_its_own(backend: Backend) -> None:
    script = """
import asyncio, os, signal, socket, threading, cattino

def interrupted():
    ends = [socket.socketpair() for _ in range(8)]  # they get the numbers of what the host has closed
    try:
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(10)
    except KeyboardInterrupt:
        for pair in ends:
            for end in pair:
                end.setblocking(False)
                try:
                    return end.recv(1)
                except BlockingIOError:
                    pass
        return "interrupted"

def loops():
    async def answer():
        return 42
    return asyncio.get_event_loop().run_until_complete(answer())

with cattino.Executor(min_devices=0, cpus=0.1) as executor:
    print(executor.submit(interrupted).result(), executor.submit(loops).result())
"""
    backend.write("script.py", script)
    assert python(backend, "-W", "ignore", "script.py").stdout == "interrupted 42\n"


def test_a_function_that_cannot_start_says_where_it_is_said_why(backend: Backend) -> None:
    (backend.work / "gone").mkdir()
    submit(
        backend,
        """
        class Removes(ProcTask):
            def on_start(self):
                os.rmdir("gone")
        cattino.export(Removes(lambda: 1, task_name="t", min_devices=0, cwd="gone"))
        """,
    )
    backend.meow("wait", "t", check=1)
    assert backend.task("t")["task"]["reason"]["text"] == "never started: stderr.log says why"
    assert "working directory" in err(backend, "t") and "No such file" in err(backend, "t")


def test_a_function_starts_whatever_a_hook_has_closed(backend: Backend) -> None:
    submit(
        backend,
        """
        class Closes(ProcTask):
            def on_start(self):
                os.close(0)
        cattino.export(Closes(lambda: print("works"), task_name="t", min_devices=0))
        """,
    )
    backend.meow("wait", "t")
    assert out(backend, "t") == "works\n"


def test_a_hundred_functions(backend: Backend) -> None:
    submit(
        backend,
        """
        def one(i): return ProcTask(lambda: print(i * i), task_name=f"t{i}", min_devices=0, cpus=0.5)
        cattino.export(TaskGroup([one(i) for i in range(100)], group_name="g"))
        """,
    )
    backend.meow("wait", "g")
    found = tasks(backend)
    assert all(Path(found[f"g/t{i}"]["stdout"]).read_text() == f"{i * i}\n" for i in range(100))
