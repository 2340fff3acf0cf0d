"""What the command line does with Python scripts, and with their tasks."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from words import (
    PATIENCE_S,
    create,
    ended,
    gate,
    notes,
    open_gate,
    out,
    python,
    reason,
    runs,
    statuses,
    write,
)

SEED = """
from cattino.tasks import ProcTask, TaskGroup, TaskGraph
import cattino
"""
PATH = f"{Path(sys.executable).parent}:{{}}"


def seed(backend: Any, body: str) -> None:
    """Runs one of the examples as written, with `python` on the path."""
    backend.write("task.py", SEED + body)
    path = PATH.format(backend.environment["PATH"])
    backend.meow("create", "task.py", environment={"PATH": path})


def test_the_first_example_runs_as_written(backend: Any) -> None:
    """contract 1.1, the seed; original: Tasks/simple ProcTask"""
    seed(
        backend,
        r"""
task = ProcTask("python -c \"print('hello world')\"", task_name="hello",
                min_devices=1, requires_memory_per_device=1000)
cattino.export(task)
""",
    )
    assert ended(backend, "hello") == "Done"
    assert out(backend, "hello") == "hello world\n"


def test_the_second_example_runs_as_written(backend: Any) -> None:
    """contract 1.1, the seed; original: Tasks/TaskGroup with dependencies"""
    backend.write("train.py", "open('model', 'w').write('trained')\n")
    backend.write("eval.py", "print(open('model').read())\n")
    seed(
        backend,
        """
train = ProcTask("python train.py", task_name="train", min_devices=2, requires_memory_per_device=20000)
eval  = ProcTask("python eval.py",  task_name="eval",  min_devices=1, requires_memory_per_device=20000)
cattino.export(TaskGroup([train, eval], execute_strategy="sequential", group_name="pipeline"))
""",
    )
    assert ended(backend, "pipeline/train", "pipeline/eval") == ["Done", "Done"]
    assert out(backend, "pipeline/eval") == "trained\n"


def test_the_third_example_runs_as_written(backend: Any) -> None:
    """contract 1.1, the seed; original: Tasks/Task Graphs"""
    for n in "123":
        backend.write(f"step{n}.py", f"print({n}, file=open('notes', 'a'))\n")
    seed(
        backend,
        """
t1 = ProcTask("python step1.py", task_name="step1")
t2 = ProcTask("python step2.py", task_name="step2")
t3 = ProcTask("python step3.py", task_name="step3")
g = TaskGraph(); g.add_tasks_from([t1, t2, t3]); g.add_edges_from([(t1, t2), (t2, t3)])
cattino.export(TaskGroup(tasks=t1, execute_strategy=g))
""",
    )
    backend.meow("wait")
    assert notes(backend) == ["1", "2", "3"]


def test_a_script_runs_as_main_with_its_arguments(backend: Any) -> None:
    """contract 1.1: meow create task.py ARGS… runs the script as __main__"""
    create(
        backend,
        """
        if __name__ == "__main__":
            note(sys.argv[1:], os.path.basename(__file__))
            cattino.export(small("t"))
        """,
        "--lr",
        "0.1",
        "-n",
        "x",
    )
    assert ended(backend, "t") == "Done"
    assert notes(backend) == ["['--lr', '0.1', '-n', 'x'] task.py"]


def test_a_script_finds_the_modules_beside_it(backend: Any) -> None:
    """contract 1.1: runs the script as __main__ (as python does)"""
    (backend.work / "sub").mkdir()
    backend.write("sub/beside.py", "NAME = 'from-beside'\n")
    backend.write(
        "sub/task.py",
        "import beside, cattino\nfrom cattino.tasks import ProcTask\n"
        "cattino.export(ProcTask(['echo', beside.NAME], task_name='t', min_devices=0))\n",
    )
    backend.meow("create", "sub/task.py")
    assert ended(backend, "t") == "Done"
    assert out(backend, "t") == "from-beside\n"


def test_a_script_that_fails_submits_nothing_and_shows_its_traceback(backend: Any) -> None:
    """contract 1.1: collects what it exported, and sends that; all or nothing"""
    said = create(backend, "cattino.export(small('t'))\nraise ValueError('no luck')", check=1)
    assert "ValueError: no luck" in said and "task.py" in said
    assert statuses(backend) == {}


def test_a_script_that_exports_nothing_is_told(backend: Any) -> None:
    """contract 1.7, 5: a clear error"""
    said = create(backend, "pass", check=1)
    assert "export" in said


def test_what_the_script_prints_is_seen(backend: Any) -> None:
    """contract 1.1: runs the script"""
    write(backend, "print('hello from the script')\ncattino.export(small('t'))")
    assert "hello from the script" in backend.meow("create", "task.py").stdout


def test_the_interpreter_can_be_named(backend: Any, tmp_path: Any) -> None:
    """contract 1.1: with the user's interpreter (--python, else $CATTINO_PYTHON, …)"""
    for name in ("one", "two"):
        wrapper = tmp_path / name
        wrapper.write_text(f'#!/bin/sh\nNAMED={name} exec {sys.executable} "$@"\n')
        wrapper.chmod(0o755)
    write(backend, "cattino.export(small('t', 'echo $NAMED'))")
    first = {"CATTINO_PYTHON": str(tmp_path / "one")}
    backend.meow("create", "task.py", environment=first)
    assert ended(backend, "t") == "Done"
    assert out(backend, "t") == "one\n"
    backend.meow("create", "--python", str(tmp_path / "two"), "task.py", environment=first)
    assert ended(backend, "t") == "Done"
    assert out(backend, "t") == "two\n"


def test_the_active_environment_is_used(backend: Any, tmp_path: Any) -> None:
    """contract 1.1: … the active venv or conda environment, python3"""
    wrapper = tmp_path / "env" / "bin" / "python"
    wrapper.parent.mkdir(parents=True)
    wrapper.write_text(f'#!/bin/sh\nNAMED=venv exec {sys.executable} "$@"\n')
    wrapper.chmod(0o755)
    write(backend, "cattino.export(small('t', 'echo $NAMED'))")
    del backend.environment["CATTINO_PYTHON"]
    backend.meow("create", "task.py", environment={"VIRTUAL_ENV": str(tmp_path / "env")})
    assert ended(backend, "t") == "Done"
    assert out(backend, "t") == "venv\n"


def test_the_package_is_lent_to_an_interpreter_that_lacks_it(backend: Any) -> None:
    """contract 1.1: the package is lent to an interpreter that lacks it"""
    base = os.path.realpath(sys.executable)
    lacks = python(
        backend,
        "-c",
        f"import subprocess, sys; sys.exit(subprocess.call([{base!r}, '-I', '-c', 'import cattino']))",
        check=None,
    )
    if lacks.returncode == 0:
        pytest.skip("the interpreter below this one has the package")
    write(backend, "cattino.export(small('t', 'echo lent'))")
    environment = {"PYTHONPATH": "", "CATTINO_PYTHON": base}
    backend.meow("create", "task.py", environment=environment)
    assert ended(backend, "t") == "Done"
    assert out(backend, "t") == "lent\n"


def test_a_script_goes_on_under_plain_python_after_export(backend: Any) -> None:
    """contract 1.1: Under plain python task.py … export itself submits"""
    write(backend, "cattino.export(small('a'))\ncattino.export(small('b'))\nprint('after')")
    assert "after" in python(backend, "task.py").stdout
    assert ended(backend, "a", "b") == ["Done", "Done"]


def test_a_refusal_under_plain_python_is_an_exception(backend: Any) -> None:
    """contract 1.3: refused at submission with the numbers side by side"""
    write(backend, "cattino.export(small('a', min_devices=5))")
    done = python(backend, "task.py", check=None)
    assert done.returncode != 0
    assert "5" in done.stderr and "4" in done.stderr


def test_cancel_kill_resume_and_remove(backend: Any) -> None:
    """contract 1.6: the table of verbs"""
    body = """
        command = "echo up $CATTINO_TASK_NAME >> notes; test -e repaired || exec sleep 1000"
        cattino.export(TaskGroup([small("c", command), small("k", command, retries=3)], group_name="g"))
        """
    create(backend, body)
    runs(backend, "g/c")
    runs(backend, "g/k")
    backend.meow("cancel", "g/c")
    backend.meow("kill", "g/k")
    assert ended(backend, "g/c", "g/k") == ["Cancelled", "Failed"]
    assert "killed" in reason(backend, "g/k")
    assert backend.task("g/k")["task"]["attempt"] == 1
    backend.write("repaired", "")
    backend.meow("resume", "g")
    assert ended(backend, "g/c", "g/k") == ["Done", "Done"]
    logs = Path(backend.task("g/c")["task"]["stdout"])
    backend.meow("remove", "g")
    assert backend.json("list", "--all")["tasks"] == []
    assert logs.parent.exists(), "logs stay until clean"


def test_kill_is_for_running_ones(backend: Any) -> None:
    """contract 1.6: kill on Running"""
    create(backend, f"cattino.export(chain(small('a', {gate(backend, 'gate')!r}), small('b')))")
    runs(backend, "g/a")
    assert backend.meow("kill", "g/b", check=None).returncode != 0
    assert backend.status("g/b") == "Waiting"
    open_gate(backend, "gate")
    assert ended(backend, "g/b") == "Done"


@pytest.mark.parametrize(
    "body, code",
    [
        ("cattino.export(small('t'))", 0),
        ("cattino.export(small('t', 'false'))", 1),
        ("cattino.export(chain(small('t', 'false'), small('u')))", 1),
        ("t = small('t', 'sleep 1000', time_limit='1h')\ncattino.export(t)", 5),
    ],
)
def test_wait_says_how_they_ended(backend: Any, body: str, code: int) -> None:
    """contract 1.6: wait: exit 0 all Done · 1 some Failed · 5 its own timeout"""
    create(backend, body)
    more = ["--timeout", "0.5s"] if code == 5 else []
    names = ["g"] if "chain" in body else ["t"]
    backend.meow("wait", *names, *more, check=code)


def test_wait_tells_cancellations_and_what_cannot_go_on(backend: Any) -> None:
    """contract 1.6: 4 only cancellations besides · 6 nothing left can go on without the user (at once)"""
    create(backend, "cattino.export(small('c', 'exec sleep 1000'))")
    backend.meow("cancel", "c")
    backend.meow("wait", "c", check=4)
    backend.meow("create", "true", "-n", "held", "-c", "0", "--hold")
    backend.meow("wait", "held", check=6)


@pytest.mark.parametrize("form", ["--lr [0.1,0.3]", "lr=[0.1,0.3]"])
def test_multirun_makes_a_task_of_each_value(backend: Any, form: str) -> None:
    """contract 1.6: expands … into one task each, named after what varies (t/lr=0.1)"""
    backend.meow("create", "echo", "-n", "t", "-c", "0", "-m", "--", *form.split())
    assert ended(backend, "t/lr=0.1", "t/lr=0.3") == ["Done", "Done"]
    assert out(backend, "t/lr=0.3").strip() == form.replace("[0.1,0.3]", "0.3")


def test_what_follows_two_dashes_is_for_the_command(backend: Any) -> None:
    """original: quickstart/Passing Arguments; contract 1.6"""
    words = ["--task-name", "t", "--min-devices", "2", "--requires-memory-per-device", "20000"]
    backend.meow("create", "echo", *words, "--", "--lr", "0.3", "${task_name}", "${eval: '1+2'}")
    assert ended(backend, "t") == "Done"
    assert out(backend, "t") == "--lr 0.3 t 3\n"
    assert len(backend.task("t")["task"]["devices"]) == 2


def test_all_takes_a_regular_expression(backend: Any) -> None:
    """contract 1.6: -A/--all takes a regular expression"""
    create(backend, "for n in ('a1', 'a2', 'b1'):\n    cattino.export(small(n, 'exec sleep 1000'))")
    backend.meow("cancel", "-A", "^a[0-9]$")
    backend.meow("wait", "a1", "a2", check=4)
    assert backend.status("b1") == "Running"


def test_meow_test_tells_the_pid_of_a_running_task(backend: Any) -> None:
    """original: quickstart/Run, Test and Exit"""
    create(backend, f"cattino.export(small('t', {gate(backend, 'gate')!r}))")
    runs(backend, "t")
    assert str(backend.task("t")["task"]["pid"]) in backend.meow("test", "t").stdout
    open_gate(backend, "gate")
    assert ended(backend, "t") == "Done"


def test_meow_meow_tells_the_version(backend: Any) -> None:
    """original: README/Installation"""
    import cattino

    assert cattino.__version__ in backend.meow("meow").stdout


NOT_YET = pytest.mark.xfail(strict=True, reason="the verb is not there yet")


@pytest.mark.parametrize(
    "verb",
    [
        "run",
        "create",
        "list",
        "show",
        "why",
        "watch",
        "logs",
        "wait",
        "cancel",
        "resume",
        "kill",
        pytest.param("pause", marks=NOT_YET),
        pytest.param("unpause", marks=NOT_YET),
        "remove",
        "set",
        "get",
        pytest.param("clean", marks=NOT_YET),
        "devices",
        pytest.param("top", marks=NOT_YET),
        "test",
        pytest.param("doctor", marks=NOT_YET),
        "exit",
        "meow",
    ],
)
def test_every_verb_is_there_and_has_its_help(backend: Any, verb: str) -> None:
    """contract 1.6: the verbs; original: view the help by meow <command> --help"""
    assert verb in backend.meow(verb, "--help", timeout=PATIENCE_S).stdout
