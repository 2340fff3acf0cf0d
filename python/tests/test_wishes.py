"""What only some tasks ask for: how it may be written, and what goes over the wire."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from cattino import FieldError
from cattino.compile import compile_exports
from cattino.errors import CattinoError
from cattino.exporting import Export
from cattino.submit import _with_name
from cattino.tasks import ProcTask, Task, TaskGroup


def line_of(exported: Any, kind: str = "task") -> dict[str, Any]:
    work = compile_exports([Export(exported, "task.py:1")], "task.py", set())
    lines = [json.loads(line) for line in b"".join(work.chunks).splitlines()]
    return next(line[kind] for line in lines if kind in line)


def sent(**wishes: Any) -> dict[str, Any]:
    return line_of(ProcTask("true", task_name="t", **wishes))


@pytest.mark.parametrize(
    ("length", "ms"),
    [
        ("2h", 7_200_000),
        ("90s", 90_000),
        ("1h30m", 5_400_000),
        (" 1 d 2 min ", 86_520_000),
        ("1.5h", 5_400_000),
        ("90", 90_000),
        ("100ms", 100),
        (90, 90_000),
        (0.3, 300),
        (timedelta(minutes=2), 120_000),
    ],
)
def test_a_length_of_time_is_text_a_number_or_a_timedelta(length: Any, ms: int) -> None:
    assert sent(time_limit=length)["request"]["time_limit"] == ms


def test_a_moment_is_a_datetime_a_number_or_text() -> None:
    in_greenwich = datetime(2026, 12, 1, 8, tzinfo=timezone.utc)
    ms = int(in_greenwich.timestamp()) * 1000
    for moment in (in_greenwich, ms / 1000, "2026-12-01T08:00Z", "2026-12-01T09:00+01:00"):
        assert sent(not_before=moment)["not_before"] == ms
    local = datetime(2026, 12, 1, 8)
    for written in (local, "2026-12-01T08:00", "2026-12-01 08:00:00"):
        assert sent(not_before=written)["not_before"] == local.timestamp() * 1000
    before = int(time.time() * 1000)  # a moment is sent in whole milliseconds
    assert 0 <= sent(not_before="+2h")["not_before"] - before - 7_200_000 < 60_000


def test_a_request_may_have_limits_pins_and_resources() -> None:
    line = sent(
        min_devices=2,
        max_devices=4,
        devices=[1, "A100, cuda:1", "1"],
        resources={"licence": 2, "disk/slots": 1},
    )
    assert line["request"] == {
        "min_devices": 2,
        "max_devices": 4,
        "devices": ["1", "A100", "cuda:1"],
        "resources": {"licence": 2, "disk/slots": 1},
    }
    assert sent(devices="cuda:0,cuda:1")["request"]["devices"] == ["cuda:0", "cuda:1"]
    assert sent(devices=0)["request"]["devices"] == ["0"]


def test_retries_and_the_rest_stand_beside_the_request() -> None:
    line = sent(
        retries=3,
        retry_on=[3, "signal", 3],
        backoff="100ms",
        longest_backoff=60,
        oom_growth=1.5,
        held=True,
        preemptible=True,
        log_limit="1GiB",
    )
    del line["ref"], line["name"], line["command"]
    assert line == {
        "retries": 3,
        "retry_on": [3, "signal"],
        "backoff": 100,
        "longest_backoff": 60_000,
        "oom_growth": 1.5,
        "held": True,
        "preemptible": True,
        "log_limit": "1GiB",
    }
    assert sent(log_limit=0)["log_limit"] == 0
    assert sent(retries=1, retry_on="oom")["retry_on"] == ["oom"]
    assert sent(retries=1, retry_on=7)["retry_on"] == [7]


def test_nothing_is_sent_of_what_nobody_asked_for() -> None:
    assert set(sent(time_limit=None, devices=None, not_before=None)) == {"ref", "name", "command"}
    assert ProcTask("true")._wishes is None


def test_tasks_with_different_wishes_do_not_share_a_request() -> None:
    group = TaskGroup(
        [ProcTask("true", task_name=f"t{n}", time_limit=n, retries=n) for n in (1, 2)], group_name="g"
    )
    work = compile_exports([Export(group, "x")], "task.py", set())
    lines = [json.loads(line) for line in b"".join(work.chunks).splitlines()]
    found = [line["task"] for line in lines if "task" in line]
    assert [(t["request"]["time_limit"], t["retries"]) for t in found] == [(1000, 1), (2000, 2)]


def test_a_group_may_limit_how_many_run_at_once() -> None:
    group = TaskGroup([ProcTask("true")], group_name="g", max_parallel=4)
    assert line_of(group, "group")["max_parallel"] == 4
    for wrong in (0, -1, True, 1.5, "2"):
        with pytest.raises(FieldError, match=r"max_parallel: TaskGroup 'g': expected an integer ≥ 1"):
            TaskGroup([ProcTask("true")], group_name="g", max_parallel=wrong)  # type: ignore[arg-type]
    with pytest.raises(FieldError, match="did you mean 'max_parallel'"):
        TaskGroup([ProcTask("true")], group_name="g", max_paralel=2)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"min_devices": 4, "max_devices": 2},
            "max_devices: ProcTask 't': expected an integer ≥ min_devices (4), got 2",
        ),
        ({"min_devices": 0, "max_devices": 2}, "max_devices: ProcTask 't': a task whose min_devices is 0"),
        ({"time_limit": "soon"}, "time_limit: ProcTask 't': expected a length of time such as '2h'"),
        ({"time_limit": 0}, "time_limit: ProcTask 't': expected a length of time"),
        ({"time_limit": "30m1h"}, "time_limit"),
        ({"time_limit": "1h30"}, "time_limit"),
        ({"time_limit": ""}, "time_limit"),
        ({"time_limit": float("nan")}, "time_limit"),
        ({"time_limit": True}, "time_limit"),
        ({"backoff": -1}, "backoff: ProcTask 't': expected a length of time"),
        ({"devices": []}, "devices: ProcTask 't': expected 1 to 64 devices, got []"),
        ({"devices": [-1]}, "devices: ProcTask 't': expected names, indices, UUIDs or models"),
        ({"devices": "cuda:0,"}, "devices: ProcTask 't': expected names"),
        ({"devices": list(range(65))}, "devices: ProcTask 't': expected 1 to 64 devices"),
        ({"resources": ["licence"]}, "resources: ProcTask 't': expected a dictionary"),
        ({"resources": {"a b": 1}}, "resources: ProcTask 't': expected names without spaces"),
        ({"resources": {"a": 0}}, "resources['a']: ProcTask 't': expected an integer ≥ 1, got 0"),
        ({"resources": {f"r{n}": 1 for n in range(33)}}, "expected at most 32 of them, got 33"),
        ({"retries": -1}, "retries: ProcTask 't': expected an integer ≥ 0, got -1"),
        ({"retries": 1, "retry_on": [0]}, "retry_on: ProcTask 't': expected exit codes from 1 to 255"),
        ({"retries": 1, "retry_on": "singal"}, "got 'singal' (did you mean 'signal'?)"),
        ({"oom_growth": 0.5}, "oom_growth: ProcTask 't': expected a factor ≥ 1"),
        ({"not_before": "tomorrow"}, "not_before: ProcTask 't': expected a datetime"),
        ({"not_before": -1}, "not_before: ProcTask 't': expected a datetime"),
        ({"held": 1}, "held: ProcTask 't': expected True or False, got 1"),
        (
            {"log_limit": -1},
            "log_limit: ProcTask 't': expected MiB as an integer ≥ 0 or text such as '64GiB'",
        ),
        ({"preemptible": "yes"}, "preemptible: ProcTask 't': expected True or False"),
        ({"timelimit": 1}, "there is no such field (did you mean 'time_limit'?)"),
        ({"max_device": 1}, "there is no such field (did you mean 'max_devices'?)"),
    ],
)
def test_an_error_names_the_field_and_what_is_right(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(FieldError) as raised:
        ProcTask("true", task_name="t", **fields)
    assert said in str(raised.value)


def test_a_task_without_devices_has_no_pins() -> None:
    class Plain(Task):
        def run(self) -> None:
            pass

    assert line_of(Plain(time_limit="1m"))["request"] == {"min_devices": 0, "time_limit": 60_000}
    with pytest.raises(FieldError, match="there is no such field"):
        Plain(devices="cuda:0")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("tasks[0].request.resources.licence", "resources"),
        ("tasks[0].request.devices[1]", "devices"),
        ("tasks[0].request.memory", "requires_memory_per_device"),
        ("tasks[0].retry_on[0]", "retry_on"),
        ("tasks[0].name", "task_name"),
        ("tasks[0]", None),
    ],
)
def test_an_error_of_the_backend_names_the_field_as_users_do(path: str, field: str) -> None:
    task = ProcTask("true", task_name="t")
    work = compile_exports([Export(task, "task.py:1")], "task.py", set())
    assert _with_name(CattinoError("is wrong", field=path), work).field == field
