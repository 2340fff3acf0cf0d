"""Many tasks are asked about in parts that the backend takes, by both kinds of Client and by groups."""

from __future__ import annotations

import asyncio
import itertools
import json
from functools import partial
from typing import Any, Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from fakes import FakeDaemon

import cattino
from cattino import CattinoError, parts
from cattino.client import BackendGone
from cattino.tasks import ProcTask, TaskGroup

MANY = 12_000
HEAD_MAX, BODY_MAX = 64 * 1024 - 200, 1024 * 1024

Told = dict[str, Any]


def task(number: int, status: str = "Done") -> Told:
    return {"id": number, "fullname": f"t{number}", "status": status}


class Tasks:
    """What a daemon knows, by which it answers as the real one does: waits and verbs tell of the first 1000."""

    def __init__(self, daemon: FakeDaemon) -> None:
        self.all = {number: task(number) for number in range(41, 41 + MANY)}
        self.daemon = daemon
        daemon.answers["/v1/tasks"] = lambda body: self.listed()
        daemon.answers["/v1/wait"] = self.waited
        for verb in ("cancel", "kill", "resume", "remove"):
            daemon.answers[f"/v1/{verb}"] = self.changed

    def queries(self) -> list[dict[str, list[str]]]:
        return [
            parse_qs(urlsplit(path).query)
            for _, path, _ in self.daemon.requests
            if path.startswith("/v1/tasks")
        ]

    def bodies(self, path: str) -> list[Any]:
        return [json.loads(body) for _, asked, body in self.daemon.requests if asked == path]

    def listed(self) -> tuple[int, Any]:
        names = self.queries()[-1].get("name")
        numbers = list(self.all) if names is None else [self.number(name) for name in names]
        if any(number not in self.all for number in numbers):
            return 404, {"detail": "there is no such task"}
        return 200, {"tasks": [self.all[number] for number in numbers]}

    @staticmethod
    def number(name: str) -> int:
        return int(name.lstrip("#t"))

    def waited(self, body: bytes) -> tuple[int, Any]:
        numbers = [self.number(name) for name in json.loads(body)["names"]]
        found = [self.all[number] for number in numbers]
        return 200, {"outcome": 0, "tasks": found[:1000]}

    def changed(self, body: bytes) -> tuple[int, Any]:
        numbers = [self.number(name) for name in json.loads(body)["names"]]
        return 200, {"changed": [self.all[number] for number in numbers[:1000]], "count": len(numbers)}


@pytest.fixture
def known(daemon: FakeDaemon) -> Tasks:
    return Tasks(daemon)


def asked(verb: str, *arguments: Any, **options: Any) -> list[Callable[[], Any]]:
    """The same of both kinds of Client."""

    async def by_async() -> Any:
        return await getattr(cattino.AsyncClient(), verb)(*arguments, **options)

    return [
        lambda: getattr(cattino.Client(), verb)(*arguments, **options),
        lambda: asyncio.run(by_async()),
    ]


def many() -> TaskGroup:
    group = TaskGroup([ProcTask("x", task_name=f"t{i}") for i in range(MANY)])
    cattino.export(group)
    return group


def check_sizes(daemon: FakeDaemon) -> None:
    assert max(len(path) for _, path, _ in daemon.requests) < HEAD_MAX
    assert max(len(body) for _, path, body in daemon.requests if "submissions" not in path) < BODY_MAX


@pytest.mark.parametrize("kind", [0, 1])
def test_all_of_a_large_group_are_told_of(known: Tasks, kind: int) -> None:
    group = many()
    for verb in ("list", "wait"):
        found = asked(verb, group)[kind]()
        assert [info.id for info in found] == sorted(known.all), verb
    check_sizes(known.daemon)


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("verb", ["cancel", "kill", "resume", "remove"])
def test_all_of_a_large_group_are_changed(known: Tasks, kind: int, verb: str) -> None:
    asked(verb, many())[kind]()
    names = [name for body in known.bodies(f"/v1/{verb}") for name in body["names"]]
    assert names == [f"#{number}" for number in known.all]
    check_sizes(known.daemon)


@pytest.mark.parametrize("kind", [0, 1])
def test_long_names_are_split_by_their_bytes(
    known: Tasks, monkeypatch: pytest.MonkeyPatch, kind: int
) -> None:
    names = [("ü" * 100 + "/") * 3 + str(number) for number in range(2000)]
    monkeypatch.setattr(known, "number", lambda name: 41)
    assert len(asked("list", *names)[kind]()) == 1
    asked("cancel", *names)[kind]()
    assert [name for body in known.bodies("/v1/cancel") for name in body["names"]] == names
    check_sizes(known.daemon)


@pytest.mark.parametrize("kind", [0, 1])
def test_an_unknown_name_among_many_is_said_before_anything_is_changed(known: Tasks, kind: int) -> None:
    with pytest.raises(CattinoError, match="no such task"):
        asked("cancel", many(), "t1")[kind]()
    assert known.bodies("/v1/cancel") == []


@pytest.mark.parametrize("kind", [0, 1])
def test_a_wait_without_names_is_for_what_has_not_ended_then(known: Tasks, kind: int) -> None:
    assert len(asked("wait")[kind]()) == MANY
    assert known.queries()[0]["status"] == ["Waiting", "Running"]
    known.all.clear()
    known.daemon.requests.clear()
    assert asked("wait")[kind]() == [] and known.bodies("/v1/wait") == []


@pytest.mark.parametrize("kind", [0, 1])
def test_a_name_stands_for_the_tasks_that_had_it_when_the_wait_began(known: Tasks, kind: int) -> None:
    (info,) = asked("wait", "t50")[kind]()
    assert info.id == 50 and known.bodies("/v1/wait") == [{"names": ["#50"]}]


@pytest.mark.parametrize("kind", [0, 1])
def test_a_result_is_that_of_the_task_which_had_the_name_when_the_wait_began(known: Tasks, kind: int) -> None:
    known.daemon.answers["/v1/tasks/%2350"] = lambda body: (200, {"task": known.all[50]})
    known.daemon.answers["/v1/tasks/t50"] = lambda body: (200, {"task": task(51, "Failed")})  # its successor
    assert asked("result", "t50")[kind]() is cattino.TaskStatus.Done
    assert known.bodies("/v1/wait") == [{"names": ["#50"]}]


@pytest.mark.parametrize("kind", [0, 1])
def test_a_group_of_one_task_has_no_result(known: Tasks, monkeypatch: pytest.MonkeyPatch, kind: int) -> None:
    known.all[50]["fullname"] = "g/t50"
    monkeypatch.setattr(known, "number", lambda name: 50)
    known.daemon.answers["/v1/tasks/g"] = lambda body: (200, {"group": {"fullname": "g"}})
    with pytest.raises(CattinoError, match="g is a group"):
        asked("result", "g")[kind]()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Which would have been made."""
    found: list[float] = []

    async def sleep(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr("cattino.backend.sleep", found.append)
    monkeypatch.setattr("asyncio.sleep", sleep)
    return found


@pytest.mark.parametrize("kind", [0, 1])
def test_a_backend_that_dies_each_time_is_asked_less_and_less_often_and_not_for_ever(
    known: Tasks, pauses: list[float], kind: int
) -> None:
    known.daemon.hang_up = 1000
    with pytest.raises(BackendGone):
        asked("wait", 41)[kind]()
    assert known.daemon.hang_up == 980
    assert pauses == [0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, *[2.0] * 12]


@pytest.mark.parametrize("kind", [0, 1])
def test_backends_that_lasted_are_followed_by_others_without_a_pause(
    known: Tasks, pauses: list[float], monkeypatch: pytest.MonkeyPatch, kind: int
) -> None:
    """Each look at the clock is three seconds later than the one before."""
    clock = itertools.count(0, 3)
    monkeypatch.setattr("cattino.tries.monotonic", lambda: next(clock))
    known.daemon.hang_up = 30
    assert len(asked("wait", 41)[kind]()) == 1 and pauses == [0] * 30


@pytest.mark.parametrize("kind", [0, 1])
def test_what_may_not_be_asked_again_is_asked_once(known: Tasks, pauses: list[float], kind: int) -> None:
    known.daemon.hang_up = 2
    with pytest.raises(BackendGone):
        asked("cancel", 41)[kind]()
    assert known.daemon.hang_up == 1 and pauses == []


@pytest.mark.parametrize("kind", [0, 1])
def test_what_matches_is_asked_for_once_and_told_once(known: Tasks, kind: int) -> None:
    found = asked("list", *[f"t{number}" for number in range(41, 2041)], "t41", match="^t", all=True)[kind]()
    assert len(found) == 2000
    assert [query.get("match") for query in known.queries()] == [["^t"], None, None]
    assert all(query["all"] == ["1"] for query in known.queries())


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_a_timeout_is_for_all_parts_and_all_tries_together(
    known: Tasks, monkeypatch: pytest.MonkeyPatch, kind: int
) -> None:
    """Each look at the clock is a second later than the one before."""
    group = many()
    clock = itertools.count()
    monkeypatch.setattr(parts, "monotonic", lambda: next(clock))
    known.daemon.hang_up = 1
    waits: list[Callable[[], object]] = [*asked("wait", group, timeout=100), partial(group.wait, timeout=100)]
    waits[kind]()
    first, second = (body["timeout_ms"] for body in known.bodies("/v1/wait"))
    assert second == first - 1000
    assert first <= 98_000  # one try was in vain


@pytest.mark.parametrize("kind", [0, 1])
def test_a_wait_that_takes_too_long_is_a_timeout(known: Tasks, kind: int) -> None:
    known.daemon.answers["/v1/wait"] = lambda body: (200, {"outcome": 5, "tasks": []})
    with pytest.raises(TimeoutError):
        asked("wait", 41, timeout=1)[kind]()


# ---- names that were taken --------------------------------------------------------------------------


def submitted_as(daemon: FakeDaemon, known: Tasks) -> TaskGroup:
    """A group of 150, all of whose names are taken; the answer tells of the first 100."""
    group = TaskGroup([ProcTask("x", task_name=f"a/t{i}") for i in range(150)], group_name="g")
    for i in range(150):
        known.all[41 + i]["fullname"] = f"g/a/t{i}_1"
    told = [{"ref": 2 + i, **known.all[41 + i]} for i in range(100)]
    daemon.answers["/v1/submissions"] = lambda body: (
        201,
        {"id": 7, "run_dir": "/logs", "first_task": 41, "count": 150, "tasks": told},
    )
    cattino.export(group)
    return group


def test_renamed_tasks_have_their_names_beyond_the_first_hundred(daemon: FakeDaemon, known: Tasks) -> None:
    tasks = submitted_as(daemon, known).all_tasks
    assert [task.fullname for task in tasks] == [f"g/a/t{i}_1" for i in range(150)]
    assert [task.name for task in tasks] == [f"a/t{i}_1" for i in range(150)]
    assert [len(query["name"]) for query in known.queries()] == [50]


def test_names_are_only_looked_up_where_they_may_have_changed(
    daemon: FakeDaemon, known: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    cattino.export(TaskGroup([ProcTask("x", task_name=f"t{i}") for i in range(150)]))
    assert known.queries() == []
    monkeypatch.setattr(cattino.settings, "_own", {"override-exist-tasks": "rename"})
    cattino.export(TaskGroup([ProcTask("x", task_name=f"u{i}") for i in range(150)]))
    assert len(known.queries()) == 1


def test_a_submission_stands_when_its_names_cannot_be_looked_up(daemon: FakeDaemon, known: Tasks) -> None:
    daemon.answers["/v1/tasks"] = lambda body: (503, {"detail": "not now"})
    last = submitted_as(daemon, known).all_tasks[-1]
    assert (last._id, last.fullname) == (190, "g/a/t149")
