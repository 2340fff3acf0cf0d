"""The Python side with the real programs: examples, hooks, functions, export without `meow create`."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Backend, python, wait_until

EXAMPLES = ROOT / "examples"
HEAD = """
import os, sys, time
import cattino
from cattino.tasks import ProcTask, TaskGraph, TaskGroup
"""


def stdout_of(backend: Backend, name: str, log: str = "stdout") -> str:
    return Path(backend.task(name)["task"][log]).read_text()


# ---- examples -------------------------------------------------------------------------------------


def test_the_graph_example_adds_up(backend: Backend) -> None:
    backend.meow("create", str(EXAMPLES / "dag.py"))
    backend.meow("wait")
    assert stdout_of(backend, "dag/report") == "sum 500500\n"
    assert not (Path(backend.task("dag/tidy")["task"]["run_dir"]) / "numbers").exists()


def test_the_sleeps_example_has_its_group_hooks_around_all(backend: Backend) -> None:
    backend.meow(
        "create", str(EXAMPLES / "sleeps.py"), "--", "--tasks", "6", "--longest", "0.3", "--seed", "1"
    )
    backend.meow("wait")
    shown = backend.json("show", "sleeps")
    ran = {task["name"]: task for task in shown["tasks"]}
    assert len(ran) == 8 and {task["status"] for task in ran.values()} == {"Done"}
    middle = [task for name, task in ran.items() if name.startswith("sleep-")]
    assert max(ran["first"]["ended"], 1) <= min(task["started"] for task in middle)
    assert max(task["ended"] for task in middle) <= ran["last"]["started"]
    said = (Path(ran["first"]["run_dir"]) / "sleeps" / "stdout.log").read_text().splitlines()
    assert said[0] == "sleeps: 8 tasks" and len(said) == 2
    assert re.fullmatch(r"sleeps took \d+\.\d s", said[1])


def test_the_hooks_example_prints_what_it_says(backend: Backend) -> None:
    backend.meow("create", str(EXAMPLES / "hooks.py"))
    backend.meow("wait")
    sleeper = stdout_of(backend, "hooks/sleeper").splitlines()
    assert sleeper[0] == "Task sleeper starting on devices []"
    assert sleeper[1].startswith("Task sleeper finished after 1.") and sleeper[1].endswith("with status 0")
    assert stdout_of(backend, "hooks/count_primes").splitlines()[1] == "669 primes below 5000"
    run_dir = Path(backend.task("hooks/sleeper")["task"]["run_dir"])
    group = run_dir / "hooks" / "stdout.log"
    wait_until(lambda: "is over" in group.read_text(), "the group's on_end")
    assert group.read_text().splitlines() == ["hooks: 2 tasks", "hooks is over"]


def test_the_training_example_finds_a_good_model(backend: Backend) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    backend.meow("create", str(EXAMPLES / "train_eval" / "task.py"), "0.001", "0.01")
    backend.meow("wait", timeout=180)
    evaluated = stdout_of(backend, "digits/eval")
    assert "best of 2" in evaluated and float(evaluated.split("accuracy ")[-1].split()[0]) > 0.9


# ---- hooks ----------------------------------------------------------------------------------------

ORDER = (
    HEAD
    + """
def say(*words): print(*words, file=open("order", "a"))
class G(TaskGroup):
    async def on_start(self): await super().on_start(); say(self.name, "start")
    def on_end(self): super().on_end(); say(self.name, "end")
class T(ProcTask):
    def on_start(self): super().on_start(); self.seen = self.attempt; say(self.name, "start", self.attempt)
    async def on_end(self): await super().on_end(); say(self.name, "end", self.seen, self.exit_code)
request = dict(min_devices=0, cpus=1)
twice = "echo a run $CATTINO_ATTEMPT >> order; exit $((CATTINO_ATTEMPT == 1 ? 100 : 0))"
inner = G([T(twice, task_name="a", **request)], group_name="inner")
b = T(["sh", "-c", "echo b run >> order"], task_name="b", **request)
cattino.export(G([inner, b], "sequential", "outer"))
"""
)


def test_hooks_of_groups_and_attempts_are_in_order(backend: Backend) -> None:
    backend.write("task.py", ORDER)
    backend.meow("create", "task.py")
    backend.meow("wait")
    order = backend.work / "order"
    wait_until(lambda: "outer end" in order.read_text(), "the last hook")
    assert order.read_text().splitlines() == [
        *("outer start", "inner start"),
        *("a start 1", "a run 1", "a end 1 100"),
        *("a start 2", "a run 2", "a end 2 0"),
        "inner end",
        *("b start 1", "b run", "b end 1 0"),
        "outer end",
    ]


KEEPS = (
    HEAD
    + """
class Keeps(ProcTask):
    async def on_start(self):
        await super().on_start()
        self.state = ["kept", os.getpid()]
    async def on_end(self):
        await super().on_end()
        print(self.state == ["kept", os.getpid()], self.status, self.exit_code)
cattino.export(Keeps("read line < gate; exit 3", task_name="keeps"))
"""
)


def test_state_on_self_survives_kill_9_of_the_daemon(backend: Backend) -> None:
    os.mkfifo(backend.work / "gate")
    backend.write("task.py", KEEPS)
    backend.meow("create", "task.py")
    wait_until(lambda: backend.task("keeps")["task"]["pid"], "it runs")
    daemon = backend.health()["pid"]
    os.kill(daemon, signal.SIGKILL)
    with open(backend.work / "gate", "w") as gate:
        gate.write("go\n")
    assert backend.meow("wait", "keeps", check=None).returncode == 1
    assert backend.health()["pid"] != daemon
    assert stdout_of(backend, "keeps") == "True Failed 3\n"


# ---- functions ------------------------------------------------------------------------------------

FUNCTION = (
    HEAD
    + """
class Shown(ProcTask):
    def run(self):
        assert self.pid == os.getpid(), (self.pid, os.getpid())
        assert self.run_dir == os.path.dirname(os.environ["CATTINO_TASK_HOME"]), self.run_dir
        assert abs(time.time() - self.create_time) < 60 and self.exit_code is None
        return [self.fullname, str(self.status), self.attempt, self.assigned_device_indices, self.priority]
task = Shown(func=print, task_name="shown", min_devices=2, priority=3)
def once_more():
    return os.environ["CATTINO_ATTEMPT"] != "1" or cattino.exit_and_retry()
again = ProcTask(once_more, task_name="again", min_devices=0)
bad = ProcTask(lambda: 1 / 0, task_name="bad", min_devices=0)
cattino.export(task, again, bad)
print(task.result(30), again.result(30), again.attempt)
try:
    bad.result(30)
except ZeroDivisionError as error:
    log = str(error.__cause__).splitlines()
    print(log[0], log[-1])
print(cattino.where(task).stdout.read_text() == "", cattino.where(task).run_dir == cattino.where())
"""
)


def test_functions_show_what_hooks_show_and_return_their_result(backend: Backend) -> None:
    backend.write("task.py", FUNCTION)
    done = python(backend, "task.py")
    assert done.stdout.splitlines() == [
        "['shown', 'Running', 1, [0, 1], 3] True 2",
        "bad ended Failed: exit status 1 ZeroDivisionError: division by zero",
        "True True",
    ]


def test_a_function_of_create_is_resumed_in_the_same_way(backend: Backend) -> None:
    backend.write(
        "task.py",
        HEAD + "def work():\n    assert os.path.exists('good'), 'not yet'\n    return 42\n"
        "cattino.export(ProcTask(work, min_devices=0))\n",
    )
    backend.meow("create", "task.py")
    assert backend.meow("wait", "work", check=None).returncode == 1
    assert "AssertionError: not yet" in stdout_of(backend, "work", "stderr")
    backend.write("good", "")
    backend.meow("resume", "work")
    backend.meow("wait")
    assert backend.status("work") == "Done"


# ---- export by itself -----------------------------------------------------------------------------


def test_a_notebook_exports_what_it_defines(backend: Backend) -> None:
    """Code from standard input: __main__ has no file, as in a notebook."""
    cells = HEAD + (
        "class Mine(ProcTask):\n"
        "    def on_start(self): print('hook of', self.name)\n\n"
        "def double(): return 2 * 21\n\n"
        "task = Mine(double, min_devices=0)\n"
        "cattino.export(task)\n"
        "print(task.result(30), cattino.where(task).stdout.read_text().strip())\n"
    )
    done = python(backend, "-", text=cells)
    assert done.stdout == "42 hook of double\n"
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("created double (#1): ")


def test_export_of_many_is_one_line(backend: Backend) -> None:
    backend.write(
        "task.py",
        HEAD + "cattino.export(*[ProcTask('true', task_name=f't{i}', min_devices=0) for i in range(5)])\n",
    )
    done = python(backend, "task.py")
    run_dir = backend.task("t0")["task"]["run_dir"]
    assert (done.stdout, done.stderr) == ("", f"created 5 tasks in {run_dir} (meow wait, meow list)\n")


def test_the_daemon_knows_the_settings_that_python_knows(backend: Backend, tmp_path: Path) -> None:
    code = "import cattino, json; print(json.dumps(dict(cattino.settings)))"
    told: dict[str, Any] = json.loads(python(backend, "-c", code).stdout)
    assert told["grace"] == "30s" and told["devices"] == "4x24GiB"
    path = tmp_path / "settings.toml"
    lines = [f"{key} = {json.dumps(value)}" for key, value in told.items() if value is not None]
    path.write_text("\n".join(lines).replace('"30s"', '"5s"'))
    backend.environment["CATTINO_SETTINGS"] = str(path)
    backend.meow("_start")
    assert json.loads(python(backend, "-c", code).stdout) == {**told, "grace": "5s"}


# ---- what create says -----------------------------------------------------------------------------


def test_create_shows_a_tree_of_a_few_tasks(backend: Backend) -> None:
    os.mkfifo(backend.work / "gate")
    backend.write(
        "task.py",
        HEAD
        + "tasks = [ProcTask('true', task_name=f't{i}', min_devices=0) for i in range(200)]\n"
        + "first = ProcTask('cat gate', task_name='first', min_devices=0)\n"
        + "cattino.export(TaskGroup([first, TaskGroup(tasks, group_name='rest')], 'sequential', 'all'))\n",
    )
    said = backend.meow("create", "task.py").stdout.splitlines()
    run_dir = backend.task("all/first")["task"]["run_dir"]
    assert said[0] == "  all/" and said[1].startswith("    first (#1): ")
    assert said[2] == "    rest/" and said[3].startswith("      t0 (#2): Waiting: ")
    assert said[20:] == ["  … and 183 more", f"created 201 tasks in {run_dir} (meow wait, meow list)"]
    backend.meow("cancel", "all")


def test_one_task_reads_alike_from_script_and_command(backend: Backend) -> None:
    backend.meow("create", "sleep 1000", "-n", "blocker", "-c", "4")
    backend.write("task.py", HEAD + "cattino.export(ProcTask('true', task_name='one'))\n")
    by_script = backend.meow("create", "task.py").stdout
    by_command = backend.meow("create", "true", "-n", "two").stdout
    assert by_script.replace("one (#2)", "X") == by_command.replace("two (#3)", "X")
    backend.meow("cancel", "--all", ".*")


def test_options_before_the_script_are_ours_and_after_it_its_own(backend: Backend) -> None:
    backend.write(
        "task.py",
        HEAD + "cattino.export(ProcTask(['echo', *sys.argv[1:]], task_name='t', min_devices=0))\n",
    )
    assert json.loads(backend.meow("create", "--json", "task.py").stdout)["count"] == 1
    backend.meow("wait")
    assert backend.meow("create", "--quiet", "task.py").stdout == ""
    backend.meow("wait")
    assert backend.meow("create", "task.py", "--json", "-n", "x").stdout.startswith("created t (#3): ")
    backend.meow("wait")
    assert stdout_of(backend, "t") == "--json -n x\n"
