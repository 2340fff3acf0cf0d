"""What a follower of events makes up after a gap, and what it then leaves out."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Iterator
from itertools import islice
from typing import Any, Optional
from urllib.parse import parse_qs, urlsplit

import pytest
from fakes import FakeDaemon

from cattino import CattinoError
from cattino.events import Events, _Known
from cattino.feed import Feed


def task(number: int, status: str, attempt: int, **more: Any) -> dict[str, Any]:
    known = {"id": number, "fullname": f"t{number}", "status": status, "attempt": attempt, "created": 5}
    return {**known, "started": 10 if attempt else None, "ended": None, "exit": None, **more}


def told(known: _Known, event: str, of: Optional[dict[str, Any]], at: int = 20) -> bool:
    return known.is_news({"event": event, "at": at, "task": of})


def missed(known: _Known, *tasks: dict[str, Any]) -> list[tuple[str, int, int]]:
    return [(e["event"], e["task"]["id"], e["task"]["attempt"]) for e in known.missed(list(tasks))]


def test_a_new_task_is_told_from_its_creation_to_its_end() -> None:
    known = _Known()
    assert missed(known, task(1, "Done", 2, ended=30)) == [
        ("created", 1, 2),
        ("started", 1, 1),
        ("started", 1, 2),
        ("ended", 1, 2),
    ]
    assert missed(known, task(1, "Done", 2, ended=30)) == []


def test_what_was_over_before_is_not_told() -> None:
    known = _Known()
    known.horizon = 100
    assert missed(known, task(1, "Done", 1, ended=30), task(2, "Running", 1), task(3, "Waiting", 0)) == []
    assert told(known, "ended", task(2, "Done", 1))
    assert told(known, "started", task(3, "Running", 1))


def test_of_an_older_task_only_the_last_start_can_be_from_after_the_beginning() -> None:
    known = _Known()
    known.horizon = 100
    older = {"created": 50, "started": 120}
    assert missed(known, task(1, "Running", 3, **older)) == [("started", 1, 3)]
    assert missed(known, task(2, "Done", 2, ended=130, **older)) == [("started", 2, 2), ("ended", 2, 2)]
    assert missed(known, task(3, "Waiting", 2, **older)) == [("started", 3, 2)]
    assert missed(known, task(4, "Running", 3, created=50, started=90)) == []
    assert missed(known, task(1, "Running", 5, created=50, started=140)) == [
        ("started", 1, 4),
        ("started", 1, 5),
    ]
    assert missed(known, task(5, "Running", 2, created=110, started=120)) == [
        ("created", 5, 2),
        ("started", 5, 1),
        ("started", 5, 2),
    ]


def test_the_feed_does_not_tell_again_what_was_made_up() -> None:
    known = _Known()
    assert told(known, "created", task(1, "Waiting", 0))
    assert told(known, "started", task(1, "Running", 1))
    assert missed(known, task(1, "Done", 2, ended=30)) == [("started", 1, 2), ("ended", 1, 2)]
    assert not told(known, "requeued", task(1, "Waiting", 1))
    assert not told(known, "changed", task(1, "Running", 2))
    assert not told(known, "started", task(1, "Running", 2))
    assert not told(known, "ended", task(1, "Done", 2))


def test_a_resumed_task_begins_again() -> None:
    known = _Known()
    for event, status, attempt in [
        ("created", "Waiting", 0),
        ("started", "Running", 1),
        ("ended", "Failed", 1),
        ("changed", "Waiting", 1),
        ("ended", "Cancelled", 1),
        ("changed", "Waiting", 1),
        ("started", "Running", 2),
    ]:
        assert told(known, event, task(1, status, attempt)), event
    assert missed(known, task(1, "Done", 2, ended=30)) == [("ended", 1, 2)]


def test_what_is_of_no_task_is_always_news() -> None:
    assert told(_Known(), "devices", None) and told(_Known(), "devices", None)


def test_an_end_without_another_attempt_is_told_again() -> None:
    """It was resumed meanwhile, and cancelled before it started."""
    known = _Known()
    assert told(known, "created", task(1, "Waiting", 0))
    assert told(known, "ended", task(1, "Failed", 1), at=20)
    assert missed(known, task(1, "Failed", 1, ended=20)) == []
    assert missed(known, task(1, "Cancelled", 1, ended=40)) == [("ended", 1, 1)]
    assert missed(known, task(1, "Cancelled", 1, ended=40)) == []
    assert not told(known, "changed", task(1, "Waiting", 1), at=30), "it was resumed before that end"
    assert not told(known, "ended", task(1, "Cancelled", 1), at=41)
    assert told(known, "changed", task(1, "Waiting", 1), at=50)
    assert told(known, "ended", task(1, "Cancelled", 1), at=60)


def test_ends_that_were_told_are_not_told_again_when_they_are_too_many_to_be_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cattino.events.KEPT_ENDS", 2)
    known = _Known()
    every = [task(number, "Done", 1, ended=30 - number) for number in range(9)]
    assert [end for end in missed(known, *every) if end[0] == "ended"] == [
        ("ended", number, 1) for number in reversed(range(9))
    ]
    assert missed(known, *every) == []


# ---- what is asked for after a gap ------------------------------------------------------------------


class Lines:
    """A feed that tells what the test wants."""

    def __init__(self, *told: Any) -> None:
        self.left = list(told)
        self.closed = threading.Event()
        self.dropped: list[Exception] = []

    def __next__(self) -> Any:
        return self.left.pop(0)

    def drop(self, error: Exception) -> None:
        self.dropped.append(error)

    def close(self) -> None:
        self.closed.set()


def heard(event: str, of: dict[str, Any], at: int) -> dict[str, Any]:
    return {"event": event, "at": at, "task": of, "text": ""}


LISTENING = {"event": "listening"}


class World:
    """A daemon at 100,000 ms since 1970, and events of it."""

    def __init__(self, daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
        self.daemon = daemon
        self.now = 100_000
        self.listed: list[dict[str, Any]] = []
        self.refuses = False
        self.feed = Lines(LISTENING)
        monkeypatch.setattr("cattino.events.Feed", lambda: self.feed)
        daemon.answers["/v1/tasks"] = self.answer

    def answer(self, _: bytes) -> tuple[int, Any]:
        query = self.queries()[-1]
        if self.refuses and "changed_since" in query:
            return 400, {"detail": "there is no changed_since"}
        names = query.get("name")
        if names is not None and len(names) > 1:
            return 404, {"detail": "one of them was forgotten"}
        found = [each for each in self.listed if names is None or f"#{each['id']}" in names]
        return 200, {"now": self.now, "tasks": found}

    def queries(self) -> list[dict[str, list[str]]]:
        paths = [path for _, path, _ in self.daemon.requests]
        return [parse_qs(urlsplit(path).query) for path in paths]

    def asked_since(self) -> Optional[int]:
        """Of the last list."""
        since = [query["changed_since"] for query in self.queries() if "changed_since" in query]
        return int(since[-1][0]) if since else None

    def told(self, events: Events, *lines: Any, count: int) -> list[str]:
        self.feed.left += lines
        return [f"{event.event} {event.task.id}" for event in islice(events, count) if event.task]


@pytest.fixture
def world(daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(daemon, monkeypatch)


def test_after_a_gap_only_what_has_changed_since_is_asked_for(world: World) -> None:
    events = Events()
    assert world.told(events, heard("created", task(1, "Waiting", 0), 150_000), count=1) == ["created 1"]
    world.now = 300_000
    world.listed = [task(1, "Done", 1, created=150_000, started=200_000, ended=250_000)]
    assert world.told(events, {"event": "gap", "at": 0}, count=2) == ["started 1", "ended 1"]
    assert world.asked_since() == 140_000
    again = heard("created", task(2, "Waiting", 0), 251_000)
    assert world.told(events, LISTENING, again, count=1) == ["created 2"]
    assert world.asked_since() == 240_000, "from the last end that was told"


def test_the_past_is_asked_for_from_when_it_is_wanted(world: World) -> None:
    world.listed = [task(1, "Done", 1, created=50_000, started=60_000, ended=70_000)]
    assert world.told(Events(since=65), count=1) == ["ended 1"]
    assert world.asked_since() == 55_000
    world.feed = Lines(LISTENING)
    assert world.told(Events(since=0), count=3) == ["created 1", "started 1", "ended 1"]
    assert world.asked_since() == 1, "0 would mean: not wanted"


def test_a_live_task_that_is_not_listed_is_looked_at(world: World) -> None:
    """It was removed, and that ended it; of two, one is forgotten."""
    events = Events()
    lines = [heard("created", task(number, "Waiting", 0), 150_000) for number in (1, 2)]
    assert world.told(events, *lines, count=2) == ["created 1", "created 2"]
    world.daemon.answers["/v1/tasks/%231"] = lambda body: (
        200,
        {"task": task(1, "Cancelled", 0, ended=160_000)},
    )
    world.daemon.answers["/v1/tasks/%232"] = lambda body: (404, {"detail": "no longer known"})
    assert world.told(events, {"event": "gap", "at": 0}, count=1) == ["ended 1"]
    assert events._known.live() == set()


def test_an_older_backend_is_asked_for_all(world: World) -> None:
    events = Events()
    world.refuses = True
    world.listed = [task(1, "Done", 1, created=150_000, started=160_000, ended=170_000)]
    assert world.told(events, LISTENING, count=3) == ["created 1", "started 1", "ended 1"]
    assert "changed_since" not in world.queries()[-1] and world.queries()[-1]["all"] == ["1"]


def test_a_clock_that_was_set_back_leaves_nothing_out(world: World) -> None:
    events = Events()
    assert world.told(events, heard("created", task(1, "Waiting", 0), 900_000), count=1)
    world.now = 200_000
    world.listed = [task(1, "Done", 1, started=150_000, ended=160_000)]
    assert world.told(events, LISTENING, count=2) == ["started 1", "ended 1"]
    assert "changed_since" not in world.queries()[-1]
    world.told(events, LISTENING, heard("created", task(2, "Waiting", 0), 210_000), count=1)
    assert world.asked_since() == 190_000


def test_who_cannot_catch_up_tries_again_with_another_connection(world: World) -> None:
    events = Events()
    world.daemon.answers["/v1/tasks"] = lambda body: (503, {"detail": "not now"})
    assert world.told(events, LISTENING, heard("created", task(1, "Waiting", 0), 1), count=1)
    assert [str(error) for error in world.feed.dropped] == ["not now"]


# ---- who does not close them ------------------------------------------------------------------------


@pytest.fixture
def ends(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    """The other ends of the connections that were made. Nothing is collected meanwhile."""
    made: list[socket.socket] = []

    def connect() -> socket.socket:
        ours, theirs = socket.socketpair()
        line = b'{"event": "devices", "at": 1, "text": ""}\n'
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        ours.sendall(head + b"%x\r\n%b\r\n" % (len(line), line))
        ours.setblocking(False)
        made.append(ours)
        return theirs

    monkeypatch.setattr("cattino.events.Feed", lambda: Feed(connect))
    gc.disable()
    yield made
    gc.enable()
    for each in made:
        each.close()


def is_closed(end: socket.socket) -> bool:
    try:
        while end.recv(4096):
            pass
    except BlockingIOError:
        return False
    return True


def test_a_loop_that_is_left_holds_no_connection(ends: list[socket.socket]) -> None:
    for since in (None, 0, 0):
        for event in Events(since):
            assert event.event == "devices"
            break
    Events()
    assert [is_closed(end) for end in ends] == [True] * 4


def test_events_that_are_still_wanted_keep_their_connection(ends: list[socket.socket]) -> None:
    events = Events()
    assert next(events).event == "devices" and not is_closed(ends[0])


def test_events_that_cannot_begin_hold_no_connection(world: World, ends: list[socket.socket]) -> None:
    """Not even as long as somebody keeps the error."""
    world.daemon.answers["/v1/tasks"] = lambda body: (503, {"detail": "not now"})
    with pytest.raises(CattinoError, match="not now") as caught:
        Events()
    assert is_closed(ends[0]) and caught.value.__traceback__ is not None
