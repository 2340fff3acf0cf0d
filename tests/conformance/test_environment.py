"""What a task of Python finds: folders, variables, limits, logs, signals."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from words import (
    create,
    ended,
    err,
    gate,
    noted,
    notes,
    open_gate,
    out,
    runs,
    script,
    statuses,
    with_settings,
)

PRINT = "import json, os; print(json.dumps(dict(os.environ)))"


def environment_of(backend: Any, more: str = "", **options: Any) -> Any:
    """The variables that a command sees."""
    create(backend, f"cattino.export(small('t', [sys.executable, '-c', {PRINT!r}]{more}))", **options)
    assert ended(backend, "t") == "Done"
    return json.loads(out(backend, "t"))


def test_a_task_runs_where_it_was_submitted(backend: Any) -> None:
    """contract 1.4: The submitter's working directory"""
    create(backend, "os.mkdir('below')\nos.chdir('below')\ncattino.export(small('t', 'pwd'))")
    assert ended(backend, "t") == "Done"
    assert out(backend, "t") == f"{backend.work}/below\n"


def test_the_environment_is_that_of_the_submitter_with_env_merged_over_it(backend: Any) -> None:
    """contract 1.4: environment … captured; env= is merged over them; original: env: Dict[str, Any]"""
    found = environment_of(backend, ", env={'B': 'task', 'N': 3}", environment={"A": "user", "B": "user"})
    assert (found["A"], found["B"], found["N"]) == ("user", "task", "3")


def test_a_variable_that_the_script_sets_is_seen(backend: Any) -> None:
    """contract 1.4: The submitter's … environment"""
    create(backend, "os.environ['OF_SCRIPT'] = 'seen'\ncattino.export(small('t', 'echo $OF_SCRIPT'))")
    assert ended(backend, "t") == "Done"
    assert out(backend, "t") == "seen\n"


def test_umask_and_limits_are_those_of_the_submitter(backend: Any) -> None:
    """contract 1.4: umask and soft limits are captured"""
    create(
        backend,
        """
        import resource
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (321, hard))
        os.umask(0o027)
        cattino.export(small("t", "umask; ulimit -S -n"))
        """,
    )
    assert ended(backend, "t") == "Done"
    assert out(backend, "t").split() == ["0027", "321"]


def test_stdin_is_empty(backend: Any) -> None:
    """contract 1.4: stdin is /dev/null"""
    create(backend, "cattino.export(small('t', 'cat; readlink /proc/self/fd/0'))")
    assert ended(backend, "t") == "Done"
    assert out(backend, "t") == "/dev/null\n"


def test_output_of_python_is_not_buffered_unless_asked_for(backend: Any) -> None:
    """contract 1.4: Unless set: PYTHONUNBUFFERED=1"""
    assert environment_of(backend)["PYTHONUNBUFFERED"] == "1"
    backend.meow("remove", "t")
    found = environment_of(backend, ", env={'PYTHONUNBUFFERED': '0'}")
    assert found["PYTHONUNBUFFERED"] == "0"


def test_each_running_task_has_a_port_of_its_own(backend: Any) -> None:
    """contract 1.4: a distinct free MASTER_PORT with MASTER_ADDR=127.0.0.1"""
    script(
        backend,
        f"""
        tasks = [
            small(f"t{{n}}", "echo $MASTER_ADDR $MASTER_PORT; " + hold, env={{}})
            for n, hold in enumerate([{gate(backend, "g0")!r}, {gate(backend, "g1")!r}])
        ]
        for variable in ("MASTER_ADDR", "MASTER_PORT"):
            os.environ.pop(variable, None)
        cattino.export(TaskGroup(tasks, group_name="g"))
        say(0)
        """,
    )
    open_gate(backend, "g0")
    open_gate(backend, "g1")
    assert ended(backend, "g/t0", "g/t1") == ["Done", "Done"]
    one, two = (out(backend, f"g/t{n}").split() for n in range(2))
    assert one[0] == two[0] == "127.0.0.1"
    assert one[1].isdigit() and one[1] != two[1]


def test_a_port_that_is_set_is_kept(backend: Any) -> None:
    """contract 1.4: Unless set"""
    found = environment_of(backend, ", env={'MASTER_PORT': '29400', 'MASTER_ADDR': 'a.host'}")
    assert (found["MASTER_PORT"], found["MASTER_ADDR"]) == ("29400", "a.host")


@pytest.mark.parametrize("memory, shared", [("1000", True), ("None", False)])
def test_on_shared_devices_frameworks_do_not_take_all_memory(backend: Any, memory: str, shared: bool) -> None:
    """contract 1.4: and on shared devices XLA_PYTHON_CLIENT_PREALLOCATE=false, …"""
    found = environment_of(backend, f", min_devices=1, requires_memory_per_device={memory}")
    assert (found.get("XLA_PYTHON_CLIENT_PREALLOCATE") == "false") == shared
    assert (found.get("TF_FORCE_GPU_ALLOW_GROWTH") == "true") == shared


@pytest.mark.parametrize("command", ["'printenv {}'", "['printenv', '{}']", "'echo ${}; true'"])
@pytest.mark.parametrize("name", ["CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CATTINO_ATTEMPT"])
def test_env_cannot_override_what_says_which_devices(backend: Any, command: str, name: str) -> None:
    """contract 1.4: CATTINO_ATTEMPT, and the platform's visibility variable …, which env= may not override"""
    right = {"CUDA_VISIBLE_DEVICES": "0,1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CATTINO_ATTEMPT": "1"}[name]
    text = f"cattino.export(small('t', {command.format(name)}, min_devices=2, env={{{name!r}: '7'}}))"
    create(backend, text)
    assert ended(backend, "t") == "Done"
    assert out(backend, "t").strip() == right


def test_a_path_of_the_user_for_modules_is_kept(backend: Any) -> None:
    """contract 1.4: The submitter's … environment … captured (also where the package is lent, 1.1)"""
    path = f"/some:{backend.environment['CATTINO_PACKAGE']}:/other"
    create(backend, "cattino.export(small('t', 'printenv PYTHONPATH'))", environment={"PYTHONPATH": path})
    assert ended(backend, "t") == "Done"
    assert out(backend, "t").strip() == path


def test_devices_are_hidden_from_a_task_that_asks_for_none(backend: Any) -> None:
    """contract 1.3: 0: no device, and devices are hidden from the task"""
    found = environment_of(backend, environment={"CUDA_VISIBLE_DEVICES": "3"})
    assert found["CUDA_VISIBLE_DEVICES"] in ("", "-1")


def test_a_task_knows_its_name_its_attempt_and_its_folder(backend: Any) -> None:
    """contract 1.4: CATTINO_TASK_HOME, CATTINO_TASK_NAME, CATTINO_ATTEMPT; order: environment variables"""
    create(
        backend,
        """
        command = 'echo $CATTINO_TASK_NAME $CATTINO_ATTEMPT $CATTINO_TASK_HOME >> notes; exit 1'
        cattino.export(TaskGroup([small("t", command, retries=1, backoff="0s")], group_name="g"))
        """,
    )
    assert ended(backend, "g/t") == "Failed"
    task = backend.task("g/t")["task"]
    found = [line.split() for line in notes(backend)]
    assert [words[0] for words in found] == ["g/t", "g/t"], "the fullname"
    assert [words[1:] for words in found] == [[n, str(Path(task["stdout"]).parent)] for n in "12"]


def test_logs_are_below_the_home_by_date_time_and_fullname(backend: Any) -> None:
    """contract 1.4: {CATTINO_HOME}/{%Y-%m-%d}/{%H-%M-%S}/{fullname}/stdout.log"""
    create(backend, "cattino.export(TaskGroup([small('t', 'echo 1; echo 2 >&2')], group_name='g'))")
    assert ended(backend, "g/t") == "Done"
    path = Path(backend.task("g/t")["task"]["stdout"])
    shape = r"\d{4}-\d\d-\d\d/\d\d-\d\d-\d\d/g/t/stdout\.log"
    assert re.fullmatch(shape, str(path.relative_to(backend.home)))
    assert path.read_text() == "1\n"
    assert (path.parent / "stderr.log").read_text() == "2\n"


def test_later_attempts_have_logs_of_their_own(backend: Any) -> None:
    """contract 1.4: attempt n > 1 writes stdout.n.log"""
    create(
        backend,
        "cattino.export(small('t', 'echo $CATTINO_ATTEMPT; exit 1', retries=2, backoff='0s'))",
    )
    assert ended(backend, "t") == "Failed"
    folder = Path(backend.task("t")["task"]["stdout"]).parent
    assert {p.name: p.read_text() for p in folder.glob("stdout*")} == {
        "stdout.log": "1\n",
        "stdout.2.log": "2\n",
        "stdout.3.log": "3\n",
    }


def test_two_submissions_never_share_a_folder(backend: Any) -> None:
    """contract 1.4: one directory a submission (its time, `-2` on a clash)"""
    said = script(
        backend,
        """
        for n in range(3):
            task = small("t", f"echo {n} ${{run_dir}}")
            cattino.export(task)
            task.wait()
        say(0)
        """,
    )
    assert said == 0
    found = [p.read_text().split() for p in backend.home.glob("*/*/t/stdout.log")]
    assert sorted(number for number, _ in found) == ["0", "1", "2"]
    assert len({folder for _, folder in found}) == 3


@pytest.mark.parametrize("form", ["runs/%Y/%H%M%S", "runs/%Y/%H%M%S/${fullname}"], ids=["plain", "original"])
def test_the_layout_of_logs_can_be_changed(make_backend: Any, form: str) -> None:
    """contract 1.4, order: CATTINO_DIR_FORMAT changes the layout"""
    backend = make_backend(CATTINO_DEVICES="4x24GiB", CATTINO_CPUS="8", CATTINO_DIR_FORMAT=form)
    create(backend, "cattino.export(TaskGroup([small('t', 'echo ${run_dir}')], group_name='g'))")
    assert ended(backend, "g/t") == "Done"
    path = Path(backend.task("g/t")["task"]["stdout"])
    shape = r"runs/\d{4}/\d{6}/g/t/stdout\.log"
    assert re.fullmatch(shape, str(path.relative_to(backend.home)))


def test_host_and_port_of_the_original_do_no_harm(make_backend: Any) -> None:
    """order: CATTINO_HOST, CATTINO_PORT; contract 1.7, 4: TCP only on request"""
    backend = make_backend(
        CATTINO_DEVICES="4x24GiB", CATTINO_CPUS="8", CATTINO_HOST="localhost", CATTINO_PORT="19192"
    )
    create(backend, "cattino.export(small('t'))")
    assert ended(backend, "t") == "Done"


def test_a_simple_command_is_executed_directly_and_any_other_by_the_shell(backend: Any) -> None:
    """contract 1.4: A command with no shell syntax is executed directly; … A list is an argv"""
    create(
        backend,
        """
        direct = [sys.executable, "-c", "import os; print(open(f'/proc/{os.getppid()}/comm').read())"]
        cattino.export(TaskGroup([
            small("simple", "echo 'a  b' c"), small("pipe", "false | cat"), small("and", "true && echo yes"),
            small("list", ["echo", "$X", "a;b"]), small("parent", direct),
        ], group_name="g"))
        """,
    )
    names = ["g/simple", "g/pipe", "g/list", "g/parent", "g/and"]
    assert ended(backend, *names) == ["Done", "Failed", "Done", "Done", "Done"]
    assert out(backend, "g/simple") == "a  b c\n"
    assert out(backend, "g/list") == "$X a;b\n"
    assert "sh" not in out(backend, "g/parent")
    assert out(backend, "g/and") == "yes\n"


def test_values_that_look_like_secrets_are_masked(backend: Any) -> None:
    """contract 1.4: Values that look like secrets are masked in output"""
    create(
        backend,
        "cattino.export(small('t', 'echo $MY_API_KEY', env={'MY_API_KEY': 'sk-very-secret-value'}))",
    )
    assert ended(backend, "t") == "Done"
    assert out(backend, "t") == "sk-very-secret-value\n", "the task has it"
    for words in (("show", "t"), ("show", "t", "--json"), ("list", "--all", "--json"), ("why", "t")):
        assert "very-secret" not in backend.meow(*words, check=None).stdout, words


def test_exit_and_retry_of_a_command_runs_it_again(backend: Any) -> None:
    """contract 1.4: Exit status 100 (cattino.exit_and_retry()) requeues the task with backoff (1 s …)"""
    backend.write(
        "again.py",
        "import os, sys\nsys.path.insert(0, sys.argv[1])\nimport cattino\n"
        "if os.environ['CATTINO_ATTEMPT'] == '1':\n    cattino.exit_and_retry()\n",
    )
    package = backend.environment["CATTINO_PACKAGE"]
    create(backend, f"cattino.export(small('t', [sys.executable, 'again.py', {package!r}]))")
    assert ended(backend, "t") == "Done"
    assert backend.task("t")["task"]["attempt"] == 2
    first, second = backend.task("t")["attempts"]
    assert second["started"] - first["ended"] >= 900


def test_a_cancelled_task_may_save_its_work(backend: Any) -> None:
    """contract 1.4: stop_signal (SIGTERM) to the task's own process"""
    code = (
        "import signal, sys, time\n"
        "def save(*_):\n"
        "    open('saved', 'w').close()\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, save)\n"
        "open('notes', 'w').write('up\\n')\n"
        "time.sleep(1000)\n"
    )
    backend.write("train.py", code)
    create(backend, "cattino.export(small('t', f'{sys.executable} train.py'))")
    noted(backend, "up")
    backend.meow("cancel", "t")
    assert ended(backend, "t") == "Cancelled"
    assert (backend.work / "saved").exists()


def test_what_a_task_leaves_over_gets_five_seconds_and_a_line(backend: Any) -> None:
    """contract 1.4: Processes left over by a task that ended by itself get 5 s, and a line in stderr.log"""
    create(backend, "cattino.export(small('t', 'sleep 1000 & echo $! >> notes'))")
    assert ended(backend, "t") == "Done"
    pid = notes(backend)[0]
    task = backend.task("t")["task"]
    assert not Path(f"/proc/{pid}").exists()
    assert len(err(backend, "t").splitlines()) == 1, err(backend, "t")
    assert 3000 < task["ended"] - task["started"] < 30000


def test_a_name_is_given_up_at_the_end(backend: Any) -> None:
    """contract 1.1: A task that has ended gives its name up … the old one is train#12 by its id"""
    for _ in range(2):
        create(backend, "cattino.export(small('train'))")
        assert ended(backend, "train") == "Done"
    first, second = sorted(task["id"] for task in backend.json("list", "--all")["tasks"])
    assert backend.task("train")["task"]["id"] == second
    assert backend.task(f"train#{first}")["task"]["id"] == first


@pytest.mark.parametrize("how", ["forbid", "allow", "rename"])
def test_a_name_that_is_held_is_the_matter_of_a_setting(make_backend: Any, tmp_path: Any, how: str) -> None:
    """contract 1.1: override-exist-tasks decides: forbid (default), allow, rename (train_1)"""
    text = "" if how == "forbid" else f'override-exist-tasks = "{how}"\n'
    backend = with_settings(make_backend, tmp_path, text)
    create(backend, f"cattino.export(small('train', {gate(backend, 'gate')!r}))")
    runs(backend, "train")
    first = backend.task("train")["task"]["id"]
    body = "cattino.export(small('train'))\ncattino.export(small('more'))"
    said = create(backend, body, check=1 if how == "forbid" else 0)
    if how == "forbid":
        assert "train" in said
        assert set(statuses(backend)) == {"train"}
    elif how == "allow":
        assert ended(backend, f"train#{first}", "train", "more") == ["Cancelled", "Done", "Done"]
    else:
        assert ended(backend, "train_1", "more") == ["Done", "Done"]
    if how != "allow":
        open_gate(backend, "gate")
        assert ended(backend, "train") == "Done"
