"""What is asked about tasks, however many they are: in parts that the backend takes.

The functions yield one Request after the other and are sent its answer; what they return is the result.
`backend.run` has them answered, and `async_clients` in its own way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from math import ceil
from time import monotonic
from typing import Any, Callable, Generic, NamedTuple, Optional, TypeVar
from urllib.parse import quote

from cattino.client import Told

T = TypeVar("T")

TOO_LATE = 5  # the outcome of a wait
LISTED_MAX = 1_000_000  # tasks, in one answer
BODY_NAMES, BODY_BYTES = 10_000, 900_000  # a body takes 1 MiB
PATH_NAMES, PATH_BYTES = 1000, 48 * 1024  # a head takes 64 KiB

_an_id = re.compile(r"#\d+")


class Request(NamedTuple):
    """`again`: it may be asked twice, so that it is when the backend is killed meanwhile. What is left until
    `deadline` (of time.monotonic) goes along as its timeout."""

    method: str
    path: str
    payload: Optional[Told] = None
    again: bool = False
    deadline: Optional[float] = None

    def body(self) -> Optional[bytes]:
        """As it is to be sent now."""
        payload = self.payload
        if self.deadline is not None:
            left = max(0, ceil((self.deadline - monotonic()) * 1000))
            payload = {**(payload or {}), "timeout_ms": left}
        return None if payload is None else json.dumps(payload, separators=(",", ":")).encode()


Steps = Generator[Request, Any, T]


class Asking(Generic[T]):
    """Steps on their way: `wanted` is to be answered next; None when they have come to their `result`."""

    wanted: Optional[Request]
    result: T

    def __init__(self, steps: Steps[T]) -> None:
        self._steps = steps
        self.answered(None)

    def answered(self, answer: Any) -> None:
        try:
            self.wanted = self._steps.send(answer)
        except StopIteration as end:
            self.wanted, self.result = None, end.value


def listed(
    names: Iterable[str], *, match: Optional[str] = None, query: Sequence[tuple[str, Any]] = ()
) -> Steps[list[Told]]:
    """The tasks with these names and those that match; without any, all. In the order of their ids, each
    once; at most a million for each part of the names."""
    more = [*query, ("limit", LISTED_MAX)]
    found: dict[int, Told] = {}
    for part in list(_in_paths(names)) or [[]]:
        matching = [] if match is None else [("match", match)]
        answer = yield Request("GET", _list_path(part, [*matching, *more]), again=True)
        match = None  # said once
        found.update((task["id"], task) for task in answer["tasks"])
    return [found[number] for number in sorted(found)]


def statuses(names: Iterable[str]) -> Steps[list[str]]:
    """The different statuses of these tasks."""
    found: dict[str, None] = {}
    for part in _in_paths(names):
        path = _list_path(part, [("all", 1), ("reasons", 0), ("limit", LISTED_MAX)])
        answer = yield Request("GET", path, again=True)
        found.update({status: None for status, count in answer.get("counts", {}).items() if count})
    return list(found)


def acted(verb: str, names: Iterable[str], match: Optional[str] = None) -> Steps[list[Told]]:
    """Does what `meow VERB NAMES…` does, and tells what has changed (the first thousand of each part). An
    unknown name is said before anything is changed."""
    parts = list(_parts(names, _in_json, BODY_NAMES, BODY_BYTES))
    if len(parts) > 1:
        for some in _in_paths(name for part in parts for name in part):
            yield Request("GET", _list_path(some, [("all", 1), ("reasons", 0), ("limit", 1)]), again=True)
    changed: list[Told] = []
    for part in parts or [[]]:
        payload: Told = {"names": part} if part else {}
        if match is not None:
            payload["match"] = match
        answer = yield Request("POST", f"/v1/{verb}", payload)
        changed += answer.get("changed", ())
    return changed


def waited(names: Iterable[str], timeout: Optional[float]) -> Steps[Optional[list[tuple[list[str], Told]]]]:
    """Until all have ended or nothing left can go on: the answers, with the names that each is about. None
    if that takes more than `timeout` seconds, for all parts together."""
    deadline = None if timeout is None else monotonic() + timeout
    answers: list[tuple[list[str], Told]] = []
    for part in _parts(names, _in_json, BODY_NAMES, BODY_BYTES):
        answer = yield Request("POST", "/v1/wait", {"names": part}, again=True, deadline=deadline)
        if answer["outcome"] == TOO_LATE:
            return None
        answers.append((part, answer))
    return answers


def ended(names: Sequence[str], timeout: Optional[float]) -> Steps[Optional[list[Told]]]:
    """Waits as `waited` does, without names for all that has not ended now; then tells of all of them."""
    begun = monotonic()
    ids = yield from _ids(names)
    left = None if timeout is None else timeout - (monotonic() - begun)
    answers = yield from waited(ids, left)
    if answers is None:
        return None
    found: list[Told] = []
    for part, answer in answers:
        tasks = answer["tasks"]
        if len(tasks) < len(part):  # it tells of the first thousand
            tasks = yield from listed(part)
        found += tasks
    return sorted(found, key=lambda task: task["id"])


def _ids(names: Sequence[str]) -> Steps[list[str]]:
    """What names stand for now: when they are asked about later, other tasks may have them."""
    ids = dict.fromkeys(name for name in names if _an_id.fullmatch(name))
    others = [name for name in names if name not in ids]
    if others or not names:
        live = [] if names else [("status", "Waiting"), ("status", "Running")]
        tasks = yield from listed(others, query=[*live, ("reasons", 0)])
        ids.update(dict.fromkeys(f"#{task['id']}" for task in tasks))
    return list(ids)


def _list_path(names: list[str], query: Sequence[tuple[str, Any]]) -> str:
    """`names` as `_in_paths` gives them."""
    return "/v1/tasks?" + "&".join([*names, *(f"{word}={_quoted(str(value))}" for word, value in query)])


def _in_paths(names: Iterable[str]) -> Iterator[list[str]]:
    return _parts((f"name={_quoted(name)}" for name in names), len, PATH_NAMES, PATH_BYTES)


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogateescape")


def _in_json(name: str) -> int:
    return len(json.dumps(name))


def _parts(
    names: Iterable[str], size_of: Callable[[str], int], most: int, most_bytes: int
) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for name in names:
        more = size_of(name) + 1
        if part and (len(part) == most or size + more > most_bytes):
            yield part
            part, size = [], 0
        part.append(name)
        size += more
    if part:
        yield part
