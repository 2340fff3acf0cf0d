"""The client, export and create against a daemon on a real socket."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeDaemon, environment_without_cattino

import cattino
from cattino import CattinoError, TaskFailed, TaskStatus, backend, places
from cattino.created import created_text
from cattino.exporting import Collector
from cattino.results import Raised
from cattino.tasks import ProcTask, TaskGraph, TaskGroup

PACKAGE = str(Path(cattino.__file__).parent.parent)


def problem(status: int, **told: Any) -> Any:
    return lambda body: (status, told)


def submitted(daemon: FakeDaemon, name: str = "t", **told: Any) -> ProcTask:
    """A task that the daemon knows as id 41, and tells `told` about."""
    task = ProcTask(func=lambda: None, task_name=name)
    cattino.export(task)
    daemon.answers["/v1/tasks/%2341"] = lambda body: (
        200,
        {"task": {"fullname": name, **told}, "attempts": []},
    )
    return task


# ---- requests -------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_may_be_counted_or_chunked(daemon: FakeDaemon, chunked: bool) -> None:
    daemon.chunked_answers = chunked
    daemon.answers["/v1/health"] = lambda body: (200, {"version": "0.1.0"})
    assert backend.ask("GET", "/v1/health") == {"version": "0.1.0"}
    assert daemon.requests == [("GET", "/v1/health", b"")]


def test_a_problem_becomes_an_error_with_its_field_and_hint(daemon: FakeDaemon) -> None:
    daemon.answers["/v1/kill"] = problem(
        404, title="No such task", detail="no task 'x'", hint="see meow list"
    )
    with pytest.raises(CattinoError) as caught:
        backend.ask("POST", "/v1/kill", {"names": ["x"]})
    assert str(caught.value) == "no task 'x' (see meow list)" and caught.value.status == 404


def test_without_a_backend_it_is_started(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = FakeDaemon(short_path / "late.sock")
    meow = short_path / "meow"
    meow.write_text(f'#!/bin/sh\n[ "$1" = _start ] && echo {daemon.path}\n')
    meow.chmod(0o755)
    monkeypatch.setenv("CATTINO_MEOW", str(meow))
    daemon.answers["/v1/health"] = lambda body: (200, 1)
    assert backend.ask("GET", "/v1/health") == 1
    meow.write_text("#!/bin/sh\necho 'the disk is full' >&2; exit 1\n")
    with pytest.raises(CattinoError, match="could not be started: the disk is full"):
        backend.ask("GET", "/v1/health")
    monkeypatch.setenv("CATTINO_MEOW", str(short_path / "nowhere"))
    with pytest.raises(CattinoError, match="cannot be executed"):
        backend.ask("GET", "/v1/health")
    daemon.close()


def test_the_socket_is_found_by_the_rules_of_places(monkeypatch: pytest.MonkeyPatch) -> None:
    host, uid = os.uname().nodename, os.getuid()
    monkeypatch.setattr(places, "is_on_network", lambda path: path.startswith("/network"))
    assert places.socket_path({"CATTINO_HOME": "/h/"}) == f"/h/.state/{host}/meow.sock"
    assert places.socket_path({"CATTINO_HOME": "h"}) == f"{os.getcwd()}/h/.state/{host}/meow.sock"
    assert places.socket_path({"HOME": "/u", "XDG_STATE_HOME": "/x"}) == f"/x/cattino/{host}/meow.sock"
    assert (
        places.socket_path({"HOME": "/u", "XDG_STATE_HOME": "x"})
        == f"/u/.local/state/cattino/{host}/meow.sock"
    )
    assert places.socket_path({"HOME": "/network"}) == f"/var/tmp/cattino-{uid}/{host}/meow.sock"
    long = places.socket_path({"CATTINO_HOME": "/" + "d" * 100})
    assert long.startswith(f"/var/tmp/cattino-{uid}/") and len(long.split("/")[4]) == 16
    assert places._hash(b"a") == 0xAF63DC4C8601EC8C
    monkeypatch.setenv("CATTINO_SOCKET", "/s")
    assert list(backend.candidates()) == ["/s"]


def test_a_socket_with_a_long_path_is_reached(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = short_path / ("d" * 100)
    deep.mkdir()
    here = os.getcwd()
    os.chdir(deep)
    daemon = FakeDaemon(Path("meow.sock"))
    os.chdir(here)
    daemon.answers["/v1/health"] = lambda body: (200, 5)
    monkeypatch.setenv("CATTINO_SOCKET", str(deep / "meow.sock"))
    assert backend.ask("GET", "/v1/health") == 5
    daemon.close()


# ---- export ---------------------------------------------------------------------------------------


def test_export_submits_at_once_and_says_so(daemon: FakeDaemon, capfd: pytest.CaptureFixture[str]) -> None:
    group = TaskGroup([ProcTask("a"), ProcTask("b")], "sequential", "g")
    cattino.export(group)
    assert capfd.readouterr().err == "created 2 tasks in /logs/day/time (meow wait, meow list)\n"
    assert [next(iter(line)) for line in daemon.lines()] == [
        "submission",
        "group",
        "task",
        "task",
        "edge",
        "end",
    ]
    assert [task._id for task in group.all_tasks] == [41, 42]
    assert cattino.where() == Path("/logs/day/time")
    with pytest.raises(CattinoError, match="has been submitted already"):
        cattino.export(group.all_tasks[0])


def test_the_next_export_takes_another_default_name(daemon: FakeDaemon) -> None:
    for expected in ("train", "train_1"):
        task = ProcTask("python train.py")
        cattino.export(task)
        assert task.fullname == expected


def test_a_submission_that_got_no_answer_is_sent_again_with_its_key(daemon: FakeDaemon) -> None:
    daemon.hang_up = 1
    cattino.export(ProcTask("a"))
    assert len(daemon.requests) == 1 and daemon.lines()[0]["submission"]["key"]


def test_a_problem_of_a_line_names_the_task(daemon: FakeDaemon) -> None:
    told = {"detail": "no machine has 9 devices", "field": "task.request.min_devices", "line": 4, "hint": "h"}
    daemon.answers["/v1/submissions"] = problem(422, **told)
    with pytest.raises(CattinoError) as caught:
        cattino.export(TaskGroup([ProcTask("a"), ProcTask("b", min_devices=9)], group_name="g"))
    assert str(caught.value) == "min_devices: ProcTask g/b: no machine has 9 devices (h)"


@pytest.mark.parametrize("wrong", [None, "python x.py", [ProcTask("x")], ProcTask, 3])
def test_export_refuses_what_is_no_task(wrong: Any) -> None:
    with pytest.raises(CattinoError, match="expected a Task, a TaskGroup or a TaskGraph") as caught:
        cattino.export(wrong)
    assert isinstance(caught.value, TypeError)


def test_a_large_submission_is_streamed_whole(daemon: FakeDaemon) -> None:
    tasks = [ProcTask("x" * 100, task_name=f"t{i}") for i in range(5000)]
    cattino.export(TaskGroup(tasks))
    assert len(daemon.requests[0][2]) > 600_000 and len(daemon.lines()) == 5003


# ---- tasks after they were submitted ---------------------------------------------------------------


def test_a_task_is_asked_about_by_its_id(daemon: FakeDaemon) -> None:
    task = submitted(daemon, status="Running", pid=7, attempt=2, devices=["cuda:1", "cuda:3"], exit=None)
    assert (task.status, task.pid, task.attempt) == (TaskStatus.Running, 7, 2)
    assert task.assigned_device_indices == [1, 3] and task.exit_code is None
    daemon.answers["/v1/cancel"] = lambda body: (200, {"count": 1})
    task.cancel()
    assert daemon.lines() == [{"names": ["#41"]}]


def test_a_group_is_asked_about_by_the_ids_of_its_tasks(daemon: FakeDaemon) -> None:
    group = TaskGroup([ProcTask("x", task_name="a"), TaskGroup([ProcTask("x"), ProcTask("x")])])
    for verb in (group.wait, group.cancel, group.terminate, group.resume):
        with pytest.raises(CattinoError, match="has not been submitted"):
            verb()
    cattino.export(group)
    daemon.answers["/v1/wait"] = lambda body: (200, {"outcome": 1})
    daemon.answers["/v1/tasks"] = lambda body: (200, {"counts": {"Done": 3}})
    assert group.wait() == "Done"
    assert daemon.lines(-2) == [{"names": ["#41", "#42", "#43"]}]
    for verb, path in ((group.cancel, "cancel"), (group.terminate, "kill"), (group.resume, "resume")):
        daemon.answers[f"/v1/{path}"] = lambda body: (200, {"count": 3})
        verb()
        assert daemon.lines() == [{"names": ["#41", "#42", "#43"]}]
    group.terminate(force=True)
    assert daemon.requests[-1][1] == "/v1/kill"


def test_a_large_group_is_asked_about_in_parts(daemon: FakeDaemon) -> None:
    group = TaskGroup([ProcTask("x", task_name=f"t{i}") for i in range(12_000)])
    cattino.export(group)
    daemon.answers["/v1/wait"] = lambda body: (200, {"outcome": 0})
    daemon.answers["/v1/tasks"] = lambda body: (200, {"counts": {"Done": 1000, "Failed": 0}})
    assert group.wait(timeout=100) == "Done"
    waits = [json.loads(body) for _, path, body in daemon.requests if path == "/v1/wait"]
    assert [name for wait in waits for name in wait["names"]] == [f"#{41 + i}" for i in range(12_000)]
    assert len(waits) == 2 and all(99_000 < wait["timeout_ms"] <= 100_000 for wait in waits)
    asked = [path for _, path, _ in daemon.requests if path.startswith("/v1/tasks?")]
    assert len(asked) == 12 and max(map(len, asked)) < 60_000


def test_waiting_ends_with_the_status_or_the_timeout(daemon: FakeDaemon) -> None:
    task = submitted(daemon, status="Done")
    daemon.answers["/v1/wait"] = lambda body: (200, {"outcome": 0})
    assert task.wait() == "Done"
    daemon.answers["/v1/wait"] = lambda body: (200, {"outcome": 5})
    with pytest.raises(TimeoutError):
        task.wait(timeout=1.5)
    (asked,) = daemon.lines()
    assert asked["names"] == ["#41"] and 1000 < asked["timeout_ms"] <= 1500


def test_the_result_of_a_function_is_read_from_its_directory(daemon: FakeDaemon, tmp_path: Path) -> None:
    task = submitted(daemon, status="Done", directory=str(tmp_path), attempt=1)
    daemon.answers["/v1/wait"] = lambda body: (200, {"outcome": 0})
    assert task.result() is None
    (tmp_path / "result.pkl").write_bytes(pickle.dumps({"accuracy": 0.97}))
    assert task.result(timeout=3) == {"accuracy": 0.97}


def test_the_result_of_a_failed_task_is_its_failure(daemon: FakeDaemon, tmp_path: Path) -> None:
    log = tmp_path / "stderr.log"
    log.write_text("ValueError: bad\n")
    task = submitted(daemon, status="Failed", exit={"text": "exit status 1", "code": 1}, stderr=str(log))
    daemon.answers["/v1/wait"] = lambda body: (200, {"outcome": 1})
    with pytest.raises(TaskFailed, match=r"t ended Failed: exit status 1\nValueError: bad"):
        task.result()


def test_the_result_of_a_function_that_raised_is_its_exception(daemon: FakeDaemon, tmp_path: Path) -> None:
    (tmp_path / "stderr.log").write_text("the log of it\n")
    (tmp_path / "result.pkl").write_bytes(pickle.dumps(Raised(KeyError("gone"))))
    told: dict[str, Any] = {"exit": {"text": "exit status 1"}, "stderr": str(tmp_path / "stderr.log")}
    task = submitted(daemon, status="Failed", directory=str(tmp_path), attempt=1, **told)
    daemon.answers["/v1/wait"] = lambda body: (200, {"outcome": 1})
    with pytest.raises(KeyError, match="gone") as caught:
        task.result()
    assert isinstance(caught.value.__cause__, TaskFailed)
    assert "the log of it" in str(caught.value.__cause__)
    (tmp_path / "result.pkl").write_bytes(pickle.dumps(Raised(KeyboardInterrupt())))
    with pytest.raises(TaskFailed, match="exit status 1"):  # that would end this process
        task.result()


def test_where_tells_the_paths_of_logs(daemon: FakeDaemon) -> None:
    told = {
        "directory": "/l/p/t",
        "stdout": "/l/p/t/stdout.log",
        "stderr": "/l/p/t/stderr.log",
        "run_dir": "/l",
    }
    daemon.answers["/v1/tasks/p%2Ft"] = lambda body: (200, {"task": told})
    found = cattino.where("p/t")
    assert isinstance(found, tuple) and found.stdout == Path("/l/p/t/stdout.log")
    daemon.answers["/v1/tasks/p"] = lambda body: (200, {"group": {"fullname": "p"}, "tasks": [told]})
    assert cattino.where("p") == Path("/l/p")


def test_settings_are_read_from_their_file(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")
    from cattino import settings

    file = short_path / "settings.toml"
    monkeypatch.setenv("CATTINO_SETTINGS", str(file))
    settings.reload()
    assert settings["grace"] == "30s" and settings.override_exist_tasks == "forbid"
    file.write_text('override-exist-tasks = "rename"\n')
    settings.reload()
    assert settings.override_exist_tasks == "rename"
    with pytest.raises(AttributeError, match="did you mean 'grace'"):
        _ = settings.grac
    file.write_text("grac = 1\n")
    settings.reload()
    with pytest.raises(CattinoError, match="grac: .*did you mean 'grace'"):
        dict(settings)
    settings.reload()


# ---- python -m cattino.create ----------------------------------------------------------------------


def create(
    tmp_path: Path, script: str, *arguments: str, socket: str = "", options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    (tmp_path / "task.py").write_text(textwrap.dedent(script))
    (tmp_path / "helper.py").write_text("VALUE = 5\n")
    environment = {**environment_without_cattino(), "PYTHONPATH": PACKAGE, "CATTINO_SOCKET": socket}
    environment["CATTINO_MEOW"] = str(tmp_path / "nowhere")
    return subprocess.run(
        [sys.executable, "-m", "cattino.create", *options, "task.py", *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


HEAD = "import sys, cattino\nfrom cattino.tasks import ProcTask, TaskGroup, TaskGraph\n"


def test_create_runs_the_script_as_main_with_its_arguments(daemon: FakeDaemon, tmp_path: Path) -> None:
    script = HEAD + (
        "import helper\n"
        "if __name__ == '__main__':\n"
        "    cattino.export(ProcTask(sys.argv[1:], task_name='a'))\n"
        "    cattino.export(ProcTask('b', min_devices=helper.VALUE))\n"
    )
    done = create(tmp_path, script, "--lr", "0.1", socket=daemon.path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "  a (#41): Waiting: devices are taken\n  b (#42): Waiting: devices are taken\n"
        "created 2 tasks in /logs/day/time (meow wait, meow list)\n"
    )
    sent = daemon.lines()
    assert sent[1]["task"]["argv"] == ["--lr", "0.1"] and sent[2]["task"]["request"] == {"min_devices": 5}
    assert sent[0]["submission"]["source"] == "task.py" and sent[0]["submission"]["python_path"][0] == str(
        tmp_path
    )


def answer_of(*fullnames: str, count: int = 0, status: str = "Waiting", text: str = "") -> dict[str, Any]:
    reason = {"text": text} if text else None
    tasks = [
        {"id": 41 + i, "ref": 1 + i, "fullname": name, "status": status, "reason": reason}
        for i, name in enumerate(fullnames)
    ]
    return {"run_dir": "/logs/day/time", "count": count or len(tasks), "tasks": tasks}


def test_one_task_is_told_of_as_the_command_line_does() -> None:
    running = answer_of("g/a", status="Running")
    running["tasks"][0]["devices"] = ["cuda:0", "cuda:1"]
    assert created_text(running) == "created g/a (#41): Running on cuda:0, cuda:1"
    assert created_text(answer_of("a", text="after b")) == "created a (#41): Waiting: after b"


def test_what_was_created_is_a_tree() -> None:
    assert created_text(answer_of("g/train/a", "g/train/b", "g/eval", "h/eval")).splitlines() == [
        "  g/",
        "    train/",
        "      a (#41): Waiting",
        "      b (#42): Waiting",
        "    eval (#43): Waiting",
        "  h/",
        "    eval (#44): Waiting",
        "created 4 tasks in /logs/day/time (meow wait, meow list)",
    ]


def test_a_long_tree_is_cut() -> None:
    text = created_text(answer_of(*(f"g{i // 9}/t{i}" for i in range(100)), count=200)).splitlines()
    assert text[0] == "  g0/" and text[19] == "    t17 (#58): Waiting"
    assert text[20:] == ["  … and 182 more", "created 200 tasks in /logs/day/time (meow wait, meow list)"]
    exact = created_text(answer_of(*(f"t{i}" for i in range(20)))).splitlines()
    assert len(exact) == 21 and "more" not in exact[19]


def test_create_answers_in_json(daemon: FakeDaemon, tmp_path: Path) -> None:
    done = create(tmp_path, HEAD + "cattino.export(ProcTask('a'))", socket=daemon.path, options=("--json",))
    assert json.loads(done.stdout)["count"] == 1


def test_create_sends_what_the_script_defines_by_value(daemon: FakeDaemon, tmp_path: Path) -> None:
    pytest.importorskip("cloudpickle")
    script = HEAD + (
        "SCALE = 3\n"
        "class Mine(ProcTask):\n"
        "    async def on_start(self):\n"
        "        await super().on_start()\n"
        "def work():\n"
        "    return SCALE * 2\n"
        "cattino.export(Mine(work))\n"
    )
    done = create(tmp_path, script, socket=daemon.path)
    assert done.returncode == 0, done.stderr
    sent = daemon.lines()
    assert sent[2]["task"] == {
        "ref": 1,
        "name": "work",
        "function": "work()",
        "hooks": ["on_start"],
        "object": 0,
    }
    import base64

    (found,) = pickle.loads(base64.b64decode(sent[1]["objects"]))
    assert found.run() == 6


@pytest.mark.parametrize(
    ("script", "status", "said"),
    [
        ("", 2, "task.py: nothing was exported: end it with cattino.export(task)\n"),
        ("cattino.export(ProcTask('x', min_devices=-1))", 2, "task.py:3: min_devices: ProcTask: expected"),
        ("t = ProcTask('x')\ncattino.exprot(t)", 2, "AttributeError: module 'cattino' has no attribute"),
        ("raise SystemExit(7)", 7, ""),
        ("cattino.export(ProcTask('x')); sys.exit('stopped')", 1, "stopped\n"),
        ("def f(:", 2, "task.py is not valid Python; nothing was submitted\n"),
        (
            "a, b = ProcTask('a'), ProcTask('b')\ng = TaskGraph(); g.add_edges_from([(a, b), (b, a)])\ncattino.export(g)",
            2,
            "task.py:5: execute_strategy: these wait for each other in a cycle: a → b → a\n",
        ),
        (
            "cattino.export(ProcTask('a', task_name='n'))\ncattino.export(ProcTask('b', task_name='n'))",
            2,
            "task.py:4: task_name: two tasks are named 'n': ProcTask('a') and ProcTask('b')",
        ),
    ],
)
def test_create_refuses_with_the_place_of_the_fault(
    daemon: FakeDaemon, tmp_path: Path, script: str, status: int, said: str
) -> None:
    done = create(tmp_path, HEAD + script, socket=daemon.path)
    assert done.returncode == status and said in done.stderr, done.stderr
    assert "cattino/" not in done.stderr and daemon.requests == []


def test_create_shows_the_frames_of_the_user_only(daemon: FakeDaemon, tmp_path: Path) -> None:
    done = create(tmp_path, HEAD + "def f():\n    1 / 0\nf()", socket=daemon.path)
    assert done.returncode == 2
    files = [line for line in done.stderr.splitlines() if line.startswith("  File")]
    assert [line.split(",")[1] for line in files] == [" line 5", " line 4"]
    assert done.stderr.endswith(
        "ZeroDivisionError: division by zero\ntask.py raised ZeroDivisionError; nothing was submitted\n"
    )


def test_create_honours_a_clean_exit_of_the_script(daemon: FakeDaemon, tmp_path: Path) -> None:
    done = create(tmp_path, HEAD + "cattino.export(ProcTask('a'))\nsys.exit()", socket=daemon.path)
    assert done.returncode == 0 and len(daemon.requests) == 1


def test_create_says_what_the_backend_says(daemon: FakeDaemon, tmp_path: Path) -> None:
    daemon.answers["/v1/submissions"] = problem(
        409, detail="the name a is taken", line=2, hint="meow cancel a"
    )
    done = create(tmp_path, HEAD + "cattino.export(ProcTask('a'))", socket=daemon.path)
    assert done.returncode == 2
    assert done.stderr == "task.py: ProcTask a: the name a is taken (meow cancel a)\n"


def test_a_path_of_the_backend_is_named_as_the_script_does(daemon: FakeDaemon) -> None:
    group = TaskGroup([ProcTask("a"), ProcTask("b", task_name="big")], group_name="g")
    for field, message, expected in (
        ("tasks[1].request.min_devices", "g/big asks for 9", "min_devices: g/big asks for 9"),
        ("tasks[1].request.memory", "too much", "requires_memory_per_device: ProcTask g/big: too much"),
        ("tasks[0].name", "g/a is taken", "task_name: g/a is taken"),
        ("groups[0].name", "no", "group_name: TaskGroup g: no"),
        ("tasks[7].name", "no", "tasks[7].name: no"),
        ("cwd", "no", "cwd: no"),
    ):
        daemon.answers["/v1/submissions"] = problem(422, detail=message, field=field)
        with pytest.raises(CattinoError) as caught:
            cattino.export(group)
        assert str(caught.value) == expected


def test_create_without_a_backend_or_a_script(tmp_path: Path) -> None:
    done = create(tmp_path, HEAD + "cattino.export(ProcTask('a'))", socket=str(tmp_path / "none.sock"))
    assert done.returncode == 2 and "cannot be executed" in done.stderr
    done = create(tmp_path, "", options=("--jsno",))
    assert done.returncode == 2 and "unknown option --jsno" in done.stderr


def test_plain_python_submits_by_itself(daemon: FakeDaemon, tmp_path: Path) -> None:
    script = tmp_path / "plain.py"
    script.write_text(HEAD + "cattino.export(ProcTask('a'))\n")
    environment = {**environment_without_cattino(), "PYTHONPATH": PACKAGE, "CATTINO_SOCKET": daemon.path}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == ("", "created a (#41): Waiting: devices are taken\n")
    assert daemon.lines()[0]["submission"]["source"] == "plain.py"


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, cattino, cattino.tasks; print(*sys.modules)"
    environment = {**environment_without_cattino(), "PYTHONPATH": PACKAGE}
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {PACKAGE!r}); {code}"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"asyncio", "http.client", "subprocess", "cloudpickle", "json", "inspect", "difflib"}
    assert heavy & set(done.stdout.split()) == set()


def test_exit_and_retry_leaves_with_its_status(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cattino.exit_and_retry()
    assert caught.value.code == 100


def test_collecting_is_off_by_default() -> None:
    assert Collector.work is None and not Collector.off
    graph = TaskGraph()
    assert len(graph) == 0 and graph
