"""Words and values that are nearly right: errors say which, where, and what is meant."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Callable

import pytest
from fakes import FakeDaemon

import cattino
from cattino import CattinoError, FieldError
from cattino.preferences import Settings
from cattino.tasks import ProcTask, TaskGraph, TaskGroup

Make = Callable[..., Any]


def work() -> None:
    pass


def proc(**fields: Any) -> ProcTask:
    return ProcTask("x", task_name="t", **fields)


def group(**fields: Any) -> TaskGroup:
    return TaskGroup([], **fields)


def others(**options: Any) -> Any:
    return cattino.Executor(min_devices=0).with_options(**options)


# As somebody writes who checks no types.
untyped: Any = cattino
Group: Any = TaskGroup
Proc: Any = ProcTask


@pytest.mark.parametrize(
    ("make", "word", "meant"),
    [
        (proc, "min_device", "min_devices"),
        (proc, "gpus", "min_devices"),
        (proc, "num_gpus", "min_devices"),
        (proc, "memory", "requires_memory_per_device"),
        (proc, "vram", "requires_memory_per_device"),
        (proc, "cores", "cpus"),
        (proc, "timeout", "time_limit"),
        (proc, "working_dir", "cwd"),
        (proc, "max_retries", "retries"),
        (proc, "hold", "held"),
        (proc, "command", "cmd"),
        (group, "stratgy", "execute_strategy"),
        (group, "name", "group_name"),
        (group, "max_workers", "max_parallel"),
        (cattino.Executor, "min_device", "min_devices"),
        (cattino.Executor, "max_worker", "max_workers"),
        (others, "min_device", "min_devices"),
    ],
)
def test_an_unknown_word_leads_to_the_right_one(make: Make, word: str, meant: str) -> None:
    with pytest.raises(FieldError) as caught:
        make(**{word: 1})
    assert caught.value.field == word and caught.value.hint == f"did you mean {meant!r}?"
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("word", "said"), [("depends_on", "TaskGraph say"), ("group", "TaskGroup([task]"), ("shell", "setting")]
)
def test_what_is_said_elsewhere_is_told_so(word: str, said: str) -> None:
    with pytest.raises(FieldError) as caught:
        proc(**{word: 1})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: proc(cwd=3), "cwd: ProcTask 't': expected a path, got 3"),
        (lambda: proc(cascade="no"), "cascade: ProcTask 't': expected True or False, got 'no'"),
        (lambda: Proc("x", "name"), "got 'name' (a name is given by task_name=…)"),
        (lambda: Group(proc(), proc()), "(tasks go into a list: TaskGroup([a, b]))"),
        (lambda: TaskGraph().add_edges_from([proc(), proc()]), "(add_edge(a, b) adds one)"),
        (lambda: TaskGraph().add_edge(proc(), proc(), "success"), "(did you mean 'ok'?)"),
        (lambda: untyped.export(work), "(ProcTask(work) makes a task of a function)"),
        (lambda: cattino.Executor(max_workers=0), "max_workers: Executor: expected an integer ≥ 1, got 0"),
        (lambda: cattino.Executor(name="a/b"), "name: Executor: the name 'a/b' may not hold '/'"),
        (lambda: cattino.Executor(func=work), "func: Executor: a call says that: submit(fn"),
        (lambda: others(max_workers=2), "max_workers: with_options: it is for the executor as a whole"),
        (lambda: others().submit_tasks([work]), "submit_tasks: expected tasks, got <function work"),
        (lambda: cattino.Client().list(status="Runing"), "(did you mean 'Running'?)"),
        (lambda: untyped.Client().list(status=3), "status: there is no status 3 (known: Waiting"),
        (
            lambda: untyped.Client().wait("t", timeout="5s"),
            "timeout: wait: expected seconds, as a number, got",
        ),
        (lambda: cattino.Client().wait("t", timeout=math.nan), "timeout: wait: expected seconds"),
        (lambda: untyped.Client().events(since="today"), "since: events: expected seconds"),
        (lambda: untyped.where(3.5), "expected the name, the id or the object of a task, got 3.5"),
    ],
)
def test_a_wrong_value_says_what_is_expected(make: Make, said: str) -> None:
    with pytest.raises(FieldError) as caught:
        make()
    assert said in str(caught.value)


def test_a_wait_for_ever_may_be_said(daemon: FakeDaemon) -> None:
    daemon.answers["/v1/wait"] = lambda body: (200, {"outcome": 0, "tasks": [{"id": 1}]})
    assert [info.id for info in cattino.Client().wait(1, timeout=math.inf)] == [1]
    assert daemon.lines() == [{"names": ["#1"]}]


def test_an_executor_takes_a_start_method() -> None:
    cattino.Executor(start_method="spawn").with_options(start_method="fork")


def test_the_package_says_where_a_name_is() -> None:
    with pytest.raises(AttributeError, match="from cattino.tasks import ProcTask"):
        cattino.ProcTask  # noqa: B018
    with pytest.raises(AttributeError, match="did you mean 'Executor'"):
        cattino.Exector  # noqa: B018
    assert not hasattr(cattino, "__wrapped__")


def test_an_unknown_setting_leads_to_the_right_one(tmp_path: Path) -> None:
    settings = Settings(str(tmp_path / "settings.toml"))
    with pytest.raises(KeyError, match="did you mean 'grace'"):
        settings["grac"]
    with pytest.raises(AttributeError, match="did you mean 'grace'"):
        settings.grac  # noqa: B018
    assert "grac" not in settings and settings.get("grac") is None


def test_a_task_is_known_by_its_id_too(daemon: FakeDaemon) -> None:
    paths = {key: f"/r/{key}" for key in ("directory", "stdout", "stderr", "run_dir")}
    daemon.answers["/v1/tasks/%233"] = lambda body: (200, {"task": {"id": 3, "fullname": "t", **paths}})
    assert untyped.where(3).stdout == Path("/r/stdout")


def test_an_error_of_the_package_is_a_cattino_error() -> None:
    assert issubclass(FieldError, CattinoError) and issubclass(FieldError, ValueError)
