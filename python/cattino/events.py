"""What happens in the backend, as it happens. Nothing is missed, whatever becomes of it meanwhile."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Optional

from cattino.backend import ask, run, task_in_full
from cattino.client import Told
from cattino.errors import CattinoError
from cattino.feed import GAP, LISTENING, LOST, Feed
from cattino.info import Event
from cattino.parts import LISTED_MAX, listed
from cattino.status import ENDED

KEPT_ENDS = 200_000
IN_FLIGHT_MS = 10_000  # before the last event that was heard, others may have happened that were not
REFUSED = (400, 422)  # what an older backend answers to a query that it does not know


class Events:
    """An iterator of Event, from when it was made, or from `since` (seconds since 1970): then with what
    can be told of the past, which is the creation, the starts and the end of each task.

    Iterating waits for the next one. `close()` ends it, from any thread. After the backend was killed it goes
    on with the next one, with what happened meanwhile; `meow exit` ends the iteration. What cannot pass (the
    backend cannot be started again) is raised.
    """

    def __init__(self, since: Optional[float] = None) -> None:
        self._pending: deque[Told] = deque()
        self._known = _Known()
        self._feed = Feed()
        try:
            self._begin(since)
        except BaseException:
            self.close()  # the traceback keeps this object
            raise

    def _begin(self, since: Optional[float]) -> None:
        first = next(self._feed)
        if first["event"] == LOST:
            raise first["error"]
        now: int = ask("GET", "/v1/tasks?all=1&reasons=0&limit=1")["now"]
        self._known.horizon = now if since is None else round(since * 1000)
        self._heard = min(now, self._known.horizon)  # ms since 1970: all before that was told
        if since is not None:
            self._catch_up()

    def __iter__(self) -> Events:
        return self

    def __next__(self) -> Event:
        while not self._feed.closed.is_set():
            if self._pending:
                return Event(self._pending.popleft())
            told = next(self._feed)
            event = told["event"]
            if event in (LISTENING, GAP):
                self._catch_up()
            elif event != LOST:
                self._heard = max(self._heard, told["at"])
                if self._known.is_news(told):
                    if event == "leaving":  # for good
                        self._feed.close()
                    return Event(told)
        raise StopIteration

    def close(self) -> None:
        """Ends the iteration; one that waits in another thread, too."""
        self._feed.close()

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        """A loop that was left lets go of the connection at once: nothing in here refers to this object."""
        if hasattr(self, "_feed"):
            self.close()

    # ---- what was not heard ----------------------------------------------------------------------

    def _catch_up(self) -> None:
        """Whatever the tasks as they are now have gone through since they were last heard of."""
        try:
            tasks = self._changed()
            unlisted = self._known.live() - {task["id"] for task in tasks}
            tasks += self._unlisted(unlisted)
        except Exception as error:
            self._feed.drop(error)
            return
        self._known.forget(unlisted - {task["id"] for task in tasks})
        missed = self._known.missed(tasks)
        self._pending.extend(missed)
        self._heard = max(self._heard, *(event["at"] for event in missed), 0)

    def _changed(self) -> list[Told]:
        """What has not ended, and what ended since the last event that was heard."""
        rest = f"reasons=0&limit={LISTED_MAX}"
        since = max(1, self._heard - IN_FLIGHT_MS)
        answer: Optional[Told] = None
        try:
            answer = ask("GET", f"/v1/tasks?changed_since={since}&{rest}")
        except CattinoError as error:
            if error.status not in REFUSED:
                raise
        if answer is None or answer["now"] < self._heard:  # its clock was set back
            answer = ask("GET", f"/v1/tasks?all=1&{rest}")
            self._heard = min(self._heard, answer["now"])
        tasks: list[Told] = answer["tasks"]
        return tasks

    @staticmethod
    def _unlisted(numbers: set[int]) -> list[Told]:
        """Those that were removed meanwhile, or are more than are listed; not those that were forgotten."""
        if not numbers:
            return []
        names = [f"#{number}" for number in sorted(numbers)]
        try:
            return run(listed(names, query=[("reasons", 0)]))
        except CattinoError as error:
            if error.status != 404:
                raise
        found: list[Told] = []
        for name in names:
            try:
                found.append(task_in_full(name)["task"])
            except CattinoError as error:
                if error.status != 404:
                    raise
        return found


class _Known:
    """How far each task has come, as was told. All that ended before `horizon` (ms) was told, or is not to
    be."""

    def __init__(self) -> None:
        self.horizon = 0
        self._live: dict[int, int] = {}  # task → attempts that have started
        self._ended: OrderedDict[int, tuple[int, int]] = OrderedDict()  # the last: attempts, and when (ms)

    def live(self) -> set[int]:
        return set(self._live)

    def forget(self, numbers: set[int]) -> None:
        for number in numbers:
            self._live.pop(number, None)

    def is_news(self, told: Told) -> bool:
        """Takes an event of the feed over, unless it was made up already."""
        task, event = told.get("task"), told["event"]
        if not task or event == "hook":
            return True
        number, attempt = task["id"], task.get("attempt") or 0
        ended, ended_at = self._ended.get(number, (-1, 0))
        if event == "created":
            if number in self._live or number in self._ended:
                return False
        elif event == "started":
            if attempt <= max(self._live.get(number, 0), ended):
                return False
        elif event == "ended":
            if number not in self._live and ended >= attempt:
                return False
            self._end(number, attempt, told["at"])
            self._trim()
            return True
        elif event == "removed":
            self._live.pop(number, None)
            return True
        if task["status"] in ENDED:
            return True
        if attempt < max(ended, self._live.get(number, 0)) or (
            attempt == ended and (task["status"] != "Waiting" or told["at"] < ended_at)
        ):
            return False  # from before what was made up
        self._ended.pop(number, None)  # it was resumed
        self._live[number] = attempt
        return True

    def _end(self, number: int, attempt: int, at: int) -> None:
        self._live.pop(number, None)
        self._ended[number] = attempt, at
        self._ended.move_to_end(number)

    def _trim(self) -> None:
        """All ends up to now have been told."""
        while len(self._ended) > KEPT_ENDS:
            _, (_, at) = self._ended.popitem(last=False)
            self.horizon = max(self.horizon, at + 1)

    def missed(self, tasks: list[Told]) -> list[Told]:
        """Events that the feed did not tell, in their order."""
        found: list[Told] = []
        for task in tasks:
            found += self._missed_of(task)
        self._trim()
        return sorted(found, key=lambda event: event["at"])

    def _missed_of(self, task: Told) -> list[Told]:
        number, attempt = task["id"], task.get("attempt") or 0
        last, last_at = self._ended.get(number, (None, 0))
        known = self._live.get(number, last)
        status = task["status"]
        ended = task.get("ended") or 0
        # A task may have been resumed and have ended again, without another attempt.
        is_end = status in ENDED and (number in self._live or last is None or ended > last_at)
        found: list[Told] = []
        if known is None:
            if status in ENDED and ended < self.horizon:
                return []
            known = attempt
            if task["created"] >= self.horizon:
                found.append(_event("created", task, task["created"]))
                known = 0
            elif (task.get("started") or 0) >= self.horizon:
                known = max(0, attempt - 1)  # when those before it started is not told
        if last is not None and status == "Running" and attempt <= known:
            return []  # what it told was not yet stored when the backend was killed: it will tell it again
        for started in range(known + 1, attempt + 1):
            found.append(_event("started", {**task, "attempt": started}, task.get("started") or ended))
        if status not in ENDED:
            self._ended.pop(number, None)
            self._live[number] = attempt
            return found
        if is_end or attempt > known:
            found.append(_event("ended", task, ended))
            self._end(number, attempt, ended)
        return found


def _event(event: str, task: Told, at: int) -> Told:
    how = (task.get("exit") or {}).get("text", "")
    text = f"{task['fullname']} {event}" + (f": {how}" if event == "ended" and how else "")
    return {"event": event, "at": at, "task": task, "text": text}
