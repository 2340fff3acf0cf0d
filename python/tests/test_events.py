"""What a follower of events makes up after a gap, and what it then leaves out."""

from __future__ import annotations

from typing import Any, Optional

from cattino.events import _Known


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


def test_what_was_removed_meanwhile_is_forgotten() -> None:
    known = _Known()
    assert told(known, "created", task(1, "Waiting", 0))
    assert missed(known) == []
    assert known._live == {}
