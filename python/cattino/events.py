"""What happens in the backend, as it happens. Nothing is missed, whatever becomes of it meanwhile."""

from __future__ import annotations

import socket
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any, Optional

from cattino.client import BackendGone, lines
from cattino.errors import CattinoError
from cattino.info import Event
from cattino.status import ENDED

AGAIN_FIRST_S, AGAIN_MAX_S = 0.05, 2.0
KEPT_ENDS = 200_000

Told = dict[str, Any]


class Events:
    """An iterator of Event, from when it was made, or from `since` (seconds since 1970): then with what
    can be told of the past, which is the creation, the starts and the end of each task.

    Iterating waits for the next one. `close()` ends it, from any thread. After the backend was killed it goes
    on with the next one, with what happened meanwhile; `meow exit` ends the iteration.
    """

    def __init__(self, since: Optional[float] = None) -> None:
        self._closing = threading.Event()
        self._connection: Optional[socket.socket] = None
        self._lines: Iterator[Optional[Told]] = iter(())
        self._pending: deque[Told] = deque()
        self._known = _Known()
        self._listen(again=False)
        now = self._snapshot(limit=1)["now"]
        self._known.horizon = now if since is None else round(since * 1000)
        if since is not None:
            self._catch_up()

    def __iter__(self) -> Events:
        return self

    def __next__(self) -> Event:
        while not self._closing.is_set():
            if self._pending:
                return Event(self._pending.popleft())
            told = self._next_line()
            if told is None:
                continue
            if told["event"] == "gap":
                self._catch_up()
            elif self._known.is_news(told):
                if told["event"] == "leaving":  # for good
                    self._closing.set()
                return Event(told)
        raise StopIteration

    def close(self) -> None:
        """Ends the iteration; one that waits in another thread, too."""
        self._closing.set()
        connection = self._connection
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is closed already

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- the connection --------------------------------------------------------------------------

    def _next_line(self) -> Optional[Told]:
        try:
            return next(self._lines)
        except (BackendGone, OSError, StopIteration):
            if not self._closing.is_set():
                self._listen(again=True)
                self._catch_up()
            return None

    def _listen(self, again: bool) -> None:
        from cattino.backend import open_connection

        delay = AGAIN_FIRST_S
        while not self._closing.is_set():
            try:
                self._connection = open_connection()
                self._lines = lines(self._connection, "/v1/feed")
                next(self._lines)  # from here on nothing is missed
                return
            except (BackendGone, OSError, CattinoError) as error:
                may_pass = not isinstance(error, CattinoError) or (error.status or 500) >= 500
                if not again or not may_pass:
                    raise
                self._closing.wait(delay)
                delay = min(AGAIN_MAX_S, 2 * delay)

    # ---- what was not heard ----------------------------------------------------------------------

    def _snapshot(self, limit: int = 1_000_000_000) -> Told:
        from cattino.backend import ask

        answer: Told = ask("GET", f"/v1/tasks?all=1&reasons=0&limit={limit}")
        return answer

    def _catch_up(self) -> None:
        """Whatever the tasks as they are now have gone through since they were last heard of."""
        while not self._closing.is_set():
            try:
                self._pending.extend(self._known.missed(self._snapshot()["tasks"]))
                return
            except (BackendGone, OSError):
                self._listen(again=True)


class _Known:
    """How far each task has come, as was told. All that ended before `horizon` (ms) was told, or is not to
    be."""

    def __init__(self) -> None:
        self.horizon = 0
        self._live: dict[int, int] = {}  # task → attempts that have started
        self._ended: OrderedDict[int, int] = OrderedDict()  # task → attempts; the last ends

    def is_news(self, told: Told) -> bool:
        """Takes an event of the feed over, unless it was made up already."""
        task, event = told.get("task"), told["event"]
        if not task or event == "hook":
            return True
        number, attempt = task["id"], task.get("attempt") or 0
        if event == "created":
            if number in self._live or number in self._ended:
                return False
        elif event == "started":
            if attempt <= max(self._live.get(number, 0), self._ended.get(number, 0)):
                return False
        elif event == "ended":
            if number not in self._live and self._ended.get(number, -1) >= attempt:
                return False
            self._end(number, attempt, told["at"])
            return True
        elif event == "removed":
            self._live.pop(number, None)
            return True
        if task["status"] in ENDED:
            return True
        ended = self._ended.get(number, -1)
        if attempt < max(ended, self._live.get(number, 0)) or (
            attempt == ended and task["status"] != "Waiting"
        ):
            return False  # from before what was made up
        self._ended.pop(number, None)  # it was resumed
        self._live[number] = attempt
        return True

    def _end(self, number: int, attempt: int, at: int) -> None:
        self._live.pop(number, None)
        self._ended[number] = attempt
        while len(self._ended) > KEPT_ENDS:
            self._ended.popitem(last=False)
            self.horizon = max(self.horizon, at)

    def missed(self, tasks: list[Told]) -> list[Told]:
        """Events that the feed did not tell, in their order."""
        found: list[Told] = []
        for task in tasks:
            found += self._missed_of(task)
        gone = set(self._live) - {task["id"] for task in tasks}
        for number in gone:
            del self._live[number]
        return sorted(found, key=lambda event: event["at"])

    def _missed_of(self, task: Told) -> list[Told]:
        number, attempt = task["id"], task.get("attempt") or 0
        known = self._live.get(number, self._ended.get(number))
        status = task["status"]
        was_live = known is None or number in self._live
        ended = task.get("ended") or 0
        found: list[Told] = []
        if known is None:
            if status in ENDED and ended < self.horizon:
                return []
            if task["created"] >= self.horizon:
                found.append(_event("created", task, task["created"]))
            known = 0 if (task.get("started") or 0) >= self.horizon else attempt
        if number in self._ended and status == "Running" and attempt <= known:
            return []  # what it told was not yet stored when the backend was killed: it will tell it again
        self._live[number] = attempt
        for started in range(known + 1, attempt + 1):
            found.append(_event("started", {**task, "attempt": started}, task.get("started") or ended))
        if status in ENDED:
            if was_live or attempt > known:
                found.append(_event("ended", task, ended))
            self._end(number, attempt, ended)
        return found


def _event(event: str, task: Told, at: int) -> Told:
    how = (task.get("exit") or {}).get("text", "")
    text = f"{task['fullname']} {event}" + (f": {how}" if event == "ended" and how else "")
    return {"event": event, "at": at, "task": task, "text": text}
