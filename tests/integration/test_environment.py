"""What a task finds: its environment, directory, descriptors, magics, logs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Backend, MakeBackend, err, gate, open_gate, out, submit, tasks, wait_until


def test_directory_environment_umask_and_limits_are_the_submitters(backend: Backend) -> None:
    (backend.work / "deep dir").mkdir()
    command = (
        "cd '%s' && umask 027 && ulimit -Sn 333 && ulimit -Sc 0 && MINE='a b' OTHER=1 meow create "
        "'pwd; umask; ulimit -Sn; echo \"$MINE/$OTHER\"; : > made; stat -c %%a made' "
        "-n t -c 0 -e OTHER=2 -e NEW=3"
    ) % (backend.work / "deep dir")
    subprocess.run(["bash", "-c", command], env=backend.environment, check=True, timeout=60)
    backend.meow("wait", "t")
    assert out(backend, "t").splitlines() == [str(backend.work / "deep dir"), "0027", "333", "a b/2", "640"]


def test_directory_and_env_of_python_tasks(backend: Backend) -> None:
    submit(
        backend,
        """
        os.environ["FROM_SCRIPT"] = "yes"
        cattino.export(quick("t", "echo $FROM_SCRIPT $ADDED $HOME", env={"ADDED": "1", "HOME": "/elsewhere"}))
        """,
    )
    backend.meow("wait")
    assert out(backend, "t").split()[-2:] == ["1", "/elsewhere"]


def test_variables_that_every_task_sees(backend: Backend) -> None:
    backend.meow("create", "env -0", "-n", "t", "-g", "g", "-M", "1000")
    backend.meow("wait")
    seen = dict(pair.split("=", 1) for pair in out(backend, "g/t").split("\0") if pair)
    task = backend.task("g/t")["task"]
    assert seen["CATTINO_TASK_NAME"] in ("t", "g/t") and seen["CATTINO_ATTEMPT"] == "1"
    assert seen["CATTINO_TASK_HOME"] == task["directory"] == str(Path(task["stdout"]).parent)
    assert seen["PYTHONUNBUFFERED"] == "1" and seen["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert seen["MASTER_ADDR"] == "127.0.0.1" and 1024 <= int(seen["MASTER_PORT"]) < 65536
    assert seen["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false" and seen["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert "CUDA_VISIBLE_DEVICES" in seen


def test_what_is_set_already_is_left_alone(backend: Backend) -> None:
    backend.meow(
        "create",
        "env -0",
        "-n",
        "t",
        "-e",
        "MASTER_PORT=7",
        environment={"PYTHONUNBUFFERED": "0", "MASTER_ADDR": "example.org"},
    )
    backend.meow("wait")
    seen = dict(pair.split("=", 1) for pair in out(backend, "t").split("\0") if pair)
    assert seen["MASTER_PORT"] == "7" and seen["PYTHONUNBUFFERED"] == "0"
    assert seen["MASTER_ADDR"] == "example.org"
    assert "XLA_PYTHON_CLIENT_PREALLOCATE" not in seen  # a whole device is not shared


@pytest.mark.parametrize(
    "devices",
    [
        0,
        1,
    ],
)
def test_ports_of_tasks_that_run_together_are_distinct(backend: Backend, devices: int) -> None:
    submit(
        backend,
        f"""
        def one(i): return quick(f"t{{i}}", "echo $MASTER_PORT; exec sleep 1000", cpus=0.1,
                                 min_devices={devices}, requires_memory_per_device=1)
        cattino.export(TaskGroup([one(i) for i in range(20)], group_name="g"))
        """,
    )
    paths = [Path(t["stdout"]) for t in tasks(backend).values()]
    wait_until(lambda: all(p.exists() and p.read_text() for p in paths), "all have printed")
    assert len({p.read_text() for p in paths}) == 20


def test_secrets_are_masked_in_output_only(backend: Backend) -> None:
    backend.meow("create", "printf $WANDB_API_KEY", "-n", "t", "-e", "WANDB_API_KEY=hunter2hunter2")
    backend.meow("wait")
    assert out(backend, "t") == "hunter2hunter2"
    assert "hunter2" not in backend.meow("show", "t", "--json").stdout + backend.meow("show", "t").stdout


def test_standard_input_is_empty(backend: Backend) -> None:
    backend.meow("create", "readlink /proc/self/fd/0", "-n", "link", "-c", "0")
    backend.meow("create", "cat; echo end", "-n", "cat", "-c", "0")
    backend.meow("wait")
    assert out(backend, "link") == "/dev/null\n" and out(backend, "cat") == "end\n"


def test_no_descriptor_leaks_into_a_task(backend: Backend) -> None:
    backend.meow(
        "create", f"{sys.executable} -c \"import os; print(sorted(os.listdir('/proc/self/fd')))\"", "-n", "t"
    )
    backend.meow("wait")
    assert out(backend, "t").strip() in ("['0', '1', '2', '3']", "['0', '1', '2']")


COMMANDS = [
    ("printf %s a\\ b", "a b"),
    ("printf '%s|' \"a b\" 'c;d' ''", "a b|c;d||"),
    ("printf %s ${task_name}", "t"),
    ("printf %s '${fullname}'", "g/t"),
    ("printf %s ${task_name}; printf %s ${HOME:+home}", "thome"),
    ("echo one two | tr a-z A-Z", "ONE TWO\n"),
    ("printf %s $((1+2))", "3"),
    ('X=5; printf %s "$X"', "5"),
    ("X=5 printenv X", "5\n"),
    ("printf %s $UNSET-x", "-x"),
    ("printf %s {a,b}", "ab"),
    ("printf %s ~", os.path.expanduser("~")),
    ("printf %s file?", "file1"),
    ("true && printf yes || printf no", "yes"),
    ("! true || printf %s x", "x"),
    ("printf %s '$HOME'", "$HOME"),
    ("printf %s a#b", "a#b"),
    ("cd / && pwd", "/\n"),
    ("exit 0", ""),
    ("printf '%s\\n' \"multi\nline\"", "multi\nline\n"),
    ("for i in 1 2; do printf $i; done", "12"),
    ("export A=1; printf $A", "1"),
]


def test_commands_mean_what_a_shell_would_make_of_them(backend: Backend) -> None:
    backend.write("file1", "")
    body = f"""
    for number, command in enumerate({[c for c, _ in COMMANDS]!r}):
        group = "g" if number == 3 else f"g{{number}}"
        cattino.export(TaskGroup([quick("t", command, cpus=0.1)], group_name=group))
    """
    submit(backend, body)
    backend.meow("wait", check=None)
    found = tasks(backend)
    wrong = {}
    for number, (command, expected) in enumerate(COMMANDS):
        task = found["g/t" if number == 3 else f"g{number}/t"]
        text = Path(task["stdout"]).read_text() if task["stdout"] else None
        if task["status"] != "Done" or text != expected:
            wrong[command] = (text, task["status"], task["exit"])
    assert wrong == {}


def test_env_cannot_change_what_says_which_task_it_is(backend: Backend) -> None:
    """Also where no shell takes the last of two values of one name."""
    submit(
        backend,
        "cattino.export(quick('t', ['env'], env={'CATTINO_ATTEMPT': '7', 'MASTER_PORT': '1', 'A': '2'}))",
    )
    backend.meow("wait")
    found = sorted(
        line for line in out(backend, "t").splitlines() if line.startswith(("CATTINO_A", "MASTER_P", "A="))
    )
    assert found == ["A=2", "CATTINO_ATTEMPT=1", "MASTER_PORT=1"]


def test_a_path_for_modules_is_kept_though_the_package_is_lent(backend: Backend) -> None:
    package = backend.environment["CATTINO_PACKAGE"]
    for path in (f"/some:{package}:/other", f"/some:{package}", "/some:"):
        backend.environment["PYTHONPATH"] = path
        submit(backend, "cattino.export(quick('t', 'printenv PYTHONPATH'))")
        backend.meow("wait")
        assert out(backend, "t").strip() == path


# ---- resolvers on a command line ------------------------------------------------------------------


def test_resolvers_of_a_command_line_are_filled_in_before_it_is_sent(backend: Backend) -> None:
    backend.meow(
        "create", "echo ${eval: '1+2'} ${task_name}", "-n", "t", "-c", "0", "--", "${ eval : 'a' * 3}", "$b"
    )
    backend.meow("wait")
    assert out(backend, "t").split() == ["3", "t", "aaa", "$b"]
    spec = backend.task("t")["task"]["command"]
    assert spec == "echo 3 ${task_name} aaa '$b'"


def test_a_resolver_that_raises_is_an_error_and_nothing_is_made(backend: Backend) -> None:
    said = backend.meow("create", "echo ${eval: 1/0}", "-n", "t", check=2)
    assert "ZeroDivisionError" in said.stderr
    assert backend.json("list")["tasks"] == []


def test_a_list_is_an_argv_and_is_not_interpreted(backend: Backend) -> None:
    submit(
        backend,
        'cattino.export(quick("t", ["printf", "%s|", "$HOME", "a b", "*", ";", "${task_name}", "${x}"]))',
    )
    backend.meow("wait")
    assert out(backend, "t") == "$HOME|a b|*|;|t|${x}|"


def test_the_own_directory_of_a_task_is_a_magic(backend: Backend) -> None:
    backend.meow("create", "echo ${run_dir} ${fullpath} > ${run_dir}/${fullpath}/mine", "-n", "t", "-g", "g")
    backend.meow("wait")
    task = backend.task("g/t")["task"]
    mine = Path(task["directory"]) / "mine"
    assert mine.read_text().split() == [task["run_dir"], "g/t"]


def test_a_failure_in_a_pipe_is_a_failure(backend: Backend) -> None:
    backend.meow("create", "false | cat", "-n", "t", "-c", "0")
    assert backend.meow("wait", "t", check=None).returncode == 1


@pytest.mark.parametrize(
    "command", ["no-such-program --x", "/no/such/program", "./a-directory", "./not-executable"]
)
def test_a_command_that_cannot_start_says_at_which_stage(backend: Backend, command: str) -> None:
    (backend.work / "a-directory").mkdir()
    backend.write("not-executable", "x")
    backend.meow("create", command, "-n", "t")
    assert backend.meow("wait", "t", check=None).returncode == 1
    task = backend.task("t")["task"]
    assert task["status"] == "Failed" and task["exit"]["errno"] > 0 and task["exit"]["stage"]
    assert "never started" in task["reason"]["text"]
    assert command.split()[0].lstrip("./") in err(backend, "t")
    assert all(device["tasks"] == [] for device in backend.json("devices")["devices"])


def test_a_working_directory_that_vanished_is_named(backend: Backend) -> None:
    backend.meow("create", gate(backend, "gate"), "-n", "holder", "-c", "4")
    gone = backend.work / "gone"
    gone.mkdir()
    backend.meow("create", "true", "-n", "t", cwd=gone)
    gone.rmdir()
    open_gate(backend, "gate")
    assert backend.meow("wait", "t", check=None).returncode == 1
    task = backend.task("t")["task"]
    assert task["status"] == "Failed" and "directory" in task["exit"]["stage"] + task["exit"]["text"]
    assert "directory" in err(backend, "t")
    gone.mkdir()
    backend.meow("resume", "t")
    backend.meow("wait", "t")


def test_one_submission_is_one_directory(backend: Backend) -> None:
    first = submit(backend, 'cattino.export(TaskGroup([quick("a"), quick("b")], group_name="g"))')
    second = backend.json("create", "true", "-n", "c", "-c", "0")
    backend.meow("wait")
    assert first["run_dir"] != second["run_dir"]
    for answer in (first, second):
        day, time = Path(answer["run_dir"]).relative_to(backend.home).parts
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", day) and re.fullmatch(r"\d\d-\d\d-\d\d(-\d+)?", time)
    for name in ("g/a", "g/b"):
        assert (Path(first["run_dir"]) / name / "stdout.log").exists()
        assert (Path(first["run_dir"]) / name / "stderr.log").exists()


def test_the_layout_of_directories_can_be_changed(make_backend: MakeBackend) -> None:
    backend = make_backend(CATTINO_DEVICES="1x24GiB", CATTINO_DIR_FORMAT="runs/%Y")
    runs = [backend.json("create", "true", "-n", f"t{i}", "-c", "0")["run_dir"] for i in range(3)]
    backend.meow("wait")
    assert len(set(runs)) == 3
    assert all(re.fullmatch(r"runs/\d{4}(-\d+)?", str(Path(r).relative_to(backend.home))) for r in runs)


def test_a_resumed_task_keeps_the_logs_of_every_attempt(backend: Backend) -> None:
    backend.meow("create", "echo $CATTINO_ATTEMPT; echo e$CATTINO_ATTEMPT >&2; exit 3", "-n", "t", "-c", "0")
    for _ in range(2):
        backend.meow("wait", "t", check=1)
        backend.meow("resume", "t")
    backend.meow("wait", "t", check=1)
    attempts = backend.task("t")["attempts"]
    assert [Path(a["stdout"]).name for a in attempts] == ["stdout.log", "stdout.2.log", "stdout.3.log"]
    assert [Path(a["stdout"]).read_text() for a in attempts] == ["1\n", "2\n", "3\n"]
    assert [Path(a["stderr"]).read_text() for a in attempts] == ["e1\n", "e2\n", "e3\n"]
    assert [a["status"]["code"] for a in attempts] == [3, 3, 3]


def test_exit_and_retry_from_python(backend: Backend) -> None:
    backend.write(
        "again.py",
        "import os, cattino\nif os.environ['CATTINO_ATTEMPT'] == '1':\n"
        "    cattino.exit_and_retry()\nprint('second')\n",
    )
    environment = {"PYTHONPATH": str(ROOT / "python")}
    backend.meow("create", f"{sys.executable} again.py", "-n", "t", "-c", "0", environment=environment)
    backend.meow("wait", "t")
    assert [a["status"]["code"] for a in backend.task("t")["attempts"]] == [100, 0]
    assert out(backend, "t") == "second\n"


def test_a_task_that_waits_for_its_retry_says_so_and_can_be_cancelled(backend: Backend) -> None:
    backend.meow("create", "exit 100", "-n", "t", "-c", "0")
    wait_until(
        lambda: len(backend.task("t")["attempts"]) >= 2 and backend.status("t") == "Waiting", "a retry is due"
    )
    task = backend.task("t")["task"]
    assert task["status"] == "Waiting" and task["reason"]["text"]
    backend.meow("cancel", "t")
    assert backend.status("t") == "Cancelled"
    assert backend.meow("wait", "t", check=None).returncode == 4
