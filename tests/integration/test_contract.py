"""The contract, run with the real programs: what a user types and what must come of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Callable

import pytest
from conftest import Backend, alive, python, wait_until

REPORT = "import os, time; print(os.environ.get('CUDA_VISIBLE_DEVICES'), os.environ['CATTINO_TASK_NAME'])"

HELLO = """
from cattino.tasks import ProcTask, TaskGroup, TaskGraph
import cattino

task = ProcTask("python -c \\"print('hello world')\\"", task_name="hello",
                min_devices=1, requires_memory_per_device=1000)
{export}
"""

PIPELINE = """
from cattino.tasks import ProcTask, TaskGroup
import cattino
train = ProcTask("python train.py", task_name="train", min_devices=2, requires_memory_per_device=20000)
eval  = ProcTask("python eval.py",  task_name="eval",  min_devices=1, requires_memory_per_device=20000)
cattino.export(TaskGroup([train, eval], execute_strategy="sequential", group_name="pipeline"))
"""

GRAPH = """
from cattino.tasks import ProcTask, TaskGroup, TaskGraph
import cattino
t1 = ProcTask("python step1.py", task_name="step1")
t2 = ProcTask("python step2.py", task_name="step2")
t3 = ProcTask("python step3.py", task_name="step3")
g = TaskGraph(); g.add_tasks_from([t1, t2, t3]); g.add_edges_from([(t1, t2), (t2, t3)])
cattino.export(TaskGroup(tasks=t1, execute_strategy=g))
"""

HOOKED = """
from cattino.tasks import ProcTask
import cattino
class MyTask(ProcTask):
    async def on_start(self): await super().on_start(); print(f"Task {self.name} starting")
    async def on_end(self):   await super().on_end();   print(f"Task {self.name} finished")
cattino.export(MyTask("python -c \\"print('between')\\"", task_name="mine"))
"""


def stdout_of(backend: Backend, name: str) -> str:
    return Path(backend.task(name)["task"]["stdout"]).read_text()


# ---- the examples of the design, as written -------------------------------------------------------


@pytest.mark.parametrize(
    "export", ["cattino.export(task)", 'if __name__ == "__main__":\n    cattino.export(task)']
)
def test_hello_runs_by_meow_create(backend: Backend, export: str) -> None:
    backend.write("task.py", HELLO.format(export=export))
    backend.meow("create", "task.py")
    backend.meow("wait", "hello")
    assert stdout_of(backend, "hello") == "hello world\n"
    assert backend.task("hello")["task"]["devices"] == ["cuda:0"]


def test_hello_runs_by_plain_python(backend: Backend) -> None:
    backend.write("task.py", HELLO.format(export='if __name__ == "__main__":\n    cattino.export(task)'))
    done = python(backend, "task.py")
    assert len((done.stdout + done.stderr).strip().splitlines()) == 1
    assert "hello" in done.stdout + done.stderr
    backend.meow("wait", "hello")
    assert stdout_of(backend, "hello") == "hello world\n"


def test_a_sequential_group_runs_in_order_on_its_devices(backend: Backend) -> None:
    backend.write("task.py", PIPELINE)
    backend.write("train.py", REPORT)
    backend.write("eval.py", REPORT)
    backend.meow("create", "task.py")
    backend.meow("wait")
    train, evaluate = backend.task("pipeline/train")["task"], backend.task("pipeline/eval")["task"]
    assert train["status"] == evaluate["status"] == "Done"
    assert evaluate["started"] >= train["ended"]
    assert len(Path(train["stdout"]).read_text().split()[0].split(",")) == 2
    assert len(Path(evaluate["stdout"]).read_text().split()[0].split(",")) == 1


def test_a_graph_is_followed_and_its_tasks_join_the_group(backend: Backend) -> None:
    backend.write("task.py", GRAPH)
    for step in ("step1", "step2", "step3"):
        backend.write(f"{step}.py", REPORT)
    backend.meow("create", "task.py")
    backend.meow("wait")
    tasks = {t["name"]: t for t in backend.json("list")["tasks"]}
    assert {t["status"] for t in tasks.values()} == {"Done"} and len(tasks) == 3
    assert len({t["group"] for t in tasks.values()}) == 1
    assert tasks["step2"]["started"] >= tasks["step1"]["ended"]
    assert tasks["step3"]["started"] >= tasks["step2"]["ended"]


def test_hooks_print_in_order_around_the_process(backend: Backend) -> None:
    backend.write("task.py", HOOKED)
    backend.meow("create", "task.py")
    backend.meow("wait")
    assert stdout_of(backend, "mine").splitlines() == ["Task mine starting", "between", "Task mine finished"]


def test_meow_run_logs_what_happens_and_serves_other_commands(backend: Backend) -> None:
    del backend.environment["CATTINO_DEVICES"]
    server = subprocess.Popen(
        [str(Path(backend.environment["PATH"].split(":")[0]) / "meow"), "run", "--devices", "4x24GiB"],
        cwd=backend.work,
        env=backend.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_until(lambda: backend.meow("test", check=None).returncode == 0, "meow run serves")
        backend.write("task.py", HOOKED)
        backend.meow("create", "task.py")
        backend.meow("wait")
        assert len(backend.json("devices")["devices"]) == 4
    finally:
        server.send_signal(signal.SIGINT)
        output, _ = server.communicate(timeout=60)
    assert "Task mine starting" in output and "mine" in output
    assert not backend.own_processes()


# ---- failure, cascade, resume ---------------------------------------------------------------------


def test_a_failed_prerequisite_cancels_and_resume_runs_both(backend: Backend) -> None:
    backend.write("task.py", PIPELINE)
    backend.write("train.py", "import sys; sys.exit(3)")
    backend.write("eval.py", REPORT)
    backend.meow("create", "task.py")
    assert backend.meow("wait", check=None).returncode == 1
    train, evaluate = backend.task("pipeline/train")["task"], backend.task("pipeline/eval")["task"]
    assert (train["status"], train["exit"]["code"]) == ("Failed", 3)
    assert evaluate["status"] == "Cancelled"
    assert "train" in evaluate["reason"]["text"] and "3" in evaluate["reason"]["text"]
    backend.write("train.py", REPORT)
    backend.meow("resume", "pipeline/train")
    backend.meow("wait")
    assert backend.status("pipeline/train") == backend.status("pipeline/eval") == "Done"


def test_exit_100_runs_again_and_keeps_every_attempts_logs(backend: Backend) -> None:
    backend.write(
        "again.py",
        "import os, sys; n = int(os.environ['CATTINO_ATTEMPT']); print('attempt', n); "
        "sys.exit(100 if n < 3 else 0)",
    )
    backend.meow("create", "python again.py", "-n", "again")
    backend.meow("wait")
    shown = backend.task("again")
    assert shown["task"]["status"] == "Done" and len(shown["attempts"]) == 3
    assert len({a["stdout"] for a in shown["attempts"]}) == 3
    for attempt in shown["attempts"]:
        assert Path(attempt["stdout"]).read_text() == f"attempt {attempt['number']}\n"
        assert Path(attempt["stderr"]).exists()


# ---- devices --------------------------------------------------------------------------------------


def test_two_share_a_device_and_the_third_waits_with_numbers(make_backend: Callable[..., Backend]) -> None:
    backend = make_backend(CATTINO_DEVICES="1x24GiB", CATTINO_CPUS="8")
    os.mkfifo(backend.work / "gate")
    for name in ("a", "b", "c"):
        backend.meow("create", "cat gate", "-n", name, "-M", "10000")
    tasks = {t["name"]: t for t in backend.json("list")["tasks"]}
    assert [tasks[n]["status"] for n in "abc"] == ["Running", "Running", "Waiting"]
    reason = tasks["c"]["reason"]["text"]
    assert "10000" in reason and ("4576" in reason or "cuda:0" in reason), reason
    assert re.search(r"10000", backend.meow("list").stdout)
    with open(backend.work / "gate", "w"):
        pass
    wait_until(lambda: backend.status("a") == "Done" or backend.status("b") == "Done", "one of the two ends")
    wait_until(lambda: backend.status("c") != "Waiting", "the third starts")
    wait_until(lambda: feed_gate(backend), "all end")


def feed_gate(backend: Backend) -> bool:
    """Opens the fifo for whoever still reads it; true when nothing runs any more."""
    try:
        os.close(os.open(backend.work / "gate", os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        pass
    return all(t["status"] == "Done" for t in backend.json("list")["tasks"])


def test_a_request_that_can_never_fit_is_refused_with_both_numbers(backend: Backend) -> None:
    done = backend.meow("create", "true", "-c", "9", check=2)
    assert "9" in done.stderr and "4" in done.stderr
    assert backend.json("list")["tasks"] == []


# ---- promises -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "field", "value"),
    [("exit 0", "code", 0), ("exit 3", "code", 3), ("kill -TERM $$", "signal", int(signal.SIGTERM))],
)
def test_a_killed_daemon_loses_no_exit_status(backend: Backend, end: str, field: str, value: int) -> None:
    backend.write(
        "task.sh", f"touch started; while [ ! -e go ]; do read -t 0.05 x <> /dev/null; done; {end}\n"
    )
    os.mkfifo(backend.work / "gate")
    backend.write("task.sh", f"read line < gate; {end}\n")
    backend.meow("create", "bash task.sh", "-n", "t")
    wait_until(lambda: backend.task("t")["task"]["pid"], "it runs")
    pid = backend.task("t")["task"]["pid"]
    daemon = backend.health()["pid"]
    os.kill(daemon, signal.SIGKILL)
    assert alive(pid)
    with open(backend.work / "gate", "w") as gate:
        gate.write("go\n")
    backend.meow("wait", "t", check=None)
    assert backend.task("t")["task"]["exit"][field] == value
    assert backend.health()["pid"] != daemon
    assert len(backend.task("t")["attempts"]) == 1


def test_kill_leaves_no_process_behind(backend: Backend) -> None:
    backend.write(
        "tree.sh",
        "for i in 1 2 3; do setsid sh -c "
        "'echo $$ >> pids; trap \"\" TERM; while :; do sleep 100; done' & done\n"
        "(setsid sh -c 'setsid sleep 1000 & echo $! >> pids; exit') \n"
        "wait\n",
    )
    backend.meow("create", "bash tree.sh", "-n", "tree")
    pids_file = backend.work / "pids"
    wait_until(lambda: pids_file.exists() and len(pids_file.read_text().split()) == 4, "children run")
    pids = [int(p) for p in pids_file.read_text().split()]
    backend.meow("kill", "tree")
    assert backend.meow("wait", "tree", check=None).returncode == 1
    task = backend.task("tree")["task"]
    assert task["status"] == "Failed" and task["reason"]["kind"] == "user_killed"
    assert [p for p in pids if alive(p)] == []


def test_idle_processes_make_no_system_call(backend: Backend) -> None:
    """Voluntary and involuntary switches of every thread stand still while nothing happens."""
    backend.meow("create", "true", "-n", "t")
    backend.meow("wait")
    health = backend.health()

    def switches() -> dict[str, str]:
        found = {}
        for role in ("pid", "supervisor", "guardian"):
            for thread in Path(f"/proc/{health[role]}/task").iterdir():
                text = (thread / "status").read_text()
                found[f"{role}/{thread.name}"] = " ".join(re.findall(r"ctxt_switches:\s+(\d+)", text))
        return found

    def settled() -> bool:
        before = switches()
        signal.sigtimedwait([], 1.0)
        return switches() == before

    wait_until(settled, "the daemon becomes idle")
    before = switches()
    signal.sigtimedwait([], 3.0)
    assert switches() == before


# ---- the command line -----------------------------------------------------------------------------


def test_multirun_makes_the_product_with_distinct_names(backend: Backend) -> None:
    backend.write("train.py", "import sys; print(sys.argv[1:])")
    backend.meow("create", "python train.py", "-n", "t", "-m", "--", "--lr", "[0.1,0.2]", "model=[a,b]")
    backend.meow("wait")
    tasks = backend.json("list")["tasks"]
    assert len({t["fullname"] for t in tasks}) == 4
    arguments = sorted(Path(t["stdout"]).read_text().strip() for t in tasks)
    assert arguments == sorted(
        str(["--lr", lr, f"model={model}"]) for lr in ("0.1", "0.2") for model in ("a", "b")
    )


def test_names_are_given_up_by_ended_tasks_and_logs_are_kept(backend: Backend) -> None:
    backend.write("task.py", HELLO.format(export="cattino.export(task)"))
    first = json.loads(backend.meow("create", "--json", "task.py").stdout)
    backend.meow("wait")
    second = json.loads(backend.meow("create", "--json", "task.py").stdout)
    backend.meow("wait")
    assert first["run_dir"] != second["run_dir"]
    logs = [Path(r["run_dir"]) / "hello" / "stdout.log" for r in (first, second)]
    assert [p.read_text() for p in logs] == ["hello world\n"] * 2
    old = first["tasks"][0]["id"]
    assert backend.task(f"hello#{old}")["task"]["id"] == old
    assert backend.task("hello")["task"]["id"] == second["tasks"][0]["id"]


def test_a_name_in_use_is_refused_whole_unless_told_otherwise(backend: Backend) -> None:
    os.mkfifo(backend.work / "gate")
    backend.meow("create", "cat gate", "-n", "hello", "-M", "1000")
    backend.write("task.py", HELLO.format(export="cattino.export(task)"))
    refused = backend.meow("create", "task.py", check=2)
    assert "hello" in refused.stderr
    assert len(backend.json("list")["tasks"]) == 1
    backend.meow("cancel", "hello")
    wait_until(lambda: backend.status("hello") == "Cancelled", "it is cancelled")


def test_the_same_script_twice_at_once(backend: Backend) -> None:
    backend.write("task.py", HELLO.format(export="cattino.export(task)"))
    program = str(Path(backend.environment["PATH"].split(":")[0]) / "meow")
    both = [
        subprocess.Popen(
            [program, "create", "task.py"],
            cwd=backend.work,
            env=backend.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    ends = [(p.communicate(timeout=60), p.returncode) for p in both]
    backend.meow("wait", check=None)
    tasks = backend.json("list", "--all")["tasks"]
    assert len(tasks) == sum(1 for _, code in ends if code == 0) >= 1
    assert all(code in (0, 2) for _, code in ends), ends
    assert len({t["stdout"] for t in tasks}) == len(tasks)


def test_a_virtual_environment_runs_the_script_and_may_be_deleted(backend: Backend, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    bin_directory = Path(backend.environment["PATH"].split(":")[0])
    shutil.copytree(bin_directory, venv / "bin", dirs_exist_ok=True)
    backend.write(
        "task.py",
        "import sys, cattino\nfrom cattino.tasks import ProcTask\n"
        "command = [sys.executable, '-c', 'import sys; print(sys.prefix)']\n"
        "cattino.export(ProcTask(command, task_name='where'))\n",
    )
    environment = {**backend.environment, "VIRTUAL_ENV": str(venv)}
    del environment["CATTINO_PYTHON"]
    done = subprocess.run(
        [str(venv / "bin" / "meow"), "create", "task.py"],
        check=False,
        cwd=backend.work,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    backend.meow("wait")
    assert stdout_of(backend, "where").strip() == str(venv)
    shutil.rmtree(venv)
    daemon = backend.health()["pid"]
    os.kill(daemon, signal.SIGKILL)
    backend.meow("create", "echo alive", "-n", "after")
    backend.meow("wait", "after")
    assert stdout_of(backend, "after") == "alive\n"


# ---- bad input ------------------------------------------------------------------------------------

BAD_SCRIPTS = {
    "exports nothing": ("x = 1\n", ["export"]),
    "raises": (
        "def broken():\n    raise ValueError('the sky fell')\nbroken()\n",
        ["the sky fell", "task.py"],
    ),
    "has a cycle": (
        """
        import cattino
        from cattino.tasks import ProcTask, TaskGraph
        a, b = ProcTask("true", task_name="a"), ProcTask("true", task_name="b")
        g = TaskGraph(); g.add_tasks_from([a, b]); g.add_edges_from([(a, b), (b, a)])
        cattino.export(g)
        """,
        ["cycle", "a", "b"],
    ),
    "two of one name": (
        """
        import cattino
        from cattino.tasks import ProcTask, TaskGroup
        cattino.export(TaskGroup([ProcTask("true", task_name="same"), ProcTask("true", task_name="same")]))
        """,
        ["same"],
    ),
    "negative devices": (
        """
        import cattino
        from cattino.tasks import ProcTask
        cattino.export(ProcTask("true", task_name="t", min_devices=-1))
        """,
        ["min_devices", "-1"],
    ),
}


@pytest.mark.parametrize("fault", BAD_SCRIPTS)
def test_a_bad_script_is_a_clear_error(backend: Backend, fault: str) -> None:
    script, words = BAD_SCRIPTS[fault]
    backend.write("task.py", textwrap.dedent(script))
    done = backend.meow("create", "task.py", check=2)
    for word in words:
        assert word in done.stderr, done.stderr
    assert backend.json("list")["tasks"] == []


def send(backend: Backend, payload: bytes, repeat: int = 1) -> bytes:
    """What the daemon answers to raw bytes."""
    import socket

    path = backend.meow("_start").stdout.strip()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(path)
        try:
            for _ in range(repeat):
                connection.sendall(payload)
        except OSError:
            pass
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
                if b"\r\n\r\n" in answer and b"}" in answer:
                    break
        except OSError:
            pass
        return answer


def test_an_unknown_field_is_named_with_its_path(backend: Backend) -> None:
    body = json.dumps({"names": ["x"], "al": True}).encode()
    answer = send(
        backend,
        b"POST /v1/cancel HTTP/1.1\r\nHost: meow\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body),
    )
    head, _, text = answer.partition(b"\r\n\r\n")
    assert head.split()[1].startswith(b"4") and b"application/problem+json" in head
    problem = json.loads(text)
    assert "al" in problem["field"] or "al" in problem["detail"]
    assert "all" in json.dumps(problem)


def test_a_hundred_megabytes_of_noise_do_no_harm(backend: Backend) -> None:
    backend.meow("_start")
    before = backend.health()["pid"]
    answer = send(backend, os.urandom(1 << 20), repeat=100)
    assert answer == b"" or answer.split()[1].startswith(b"4")
    answer = send(
        backend,
        b"POST /v1/cancel HTTP/1.1\r\nHost: meow\r\nContent-Length: 104857600\r\n\r\n" + b"x" * (1 << 20),
        repeat=1,
    )
    assert answer.split()[1].startswith(b"4")
    assert backend.health()["pid"] == before
    backend.meow("create", "true", "-n", "fine")
    backend.meow("wait", "fine")
