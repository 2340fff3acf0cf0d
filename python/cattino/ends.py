"""Who waits for the ends of tasks hears of each, whatever becomes of the backend meanwhile."""

from __future__ import annotations

import threading
from typing import Any, Callable

from cattino.client import BackendGone, lines
from cattino.errors import CattinoError

ENDED = frozenset({"Done", "Failed", "Cancelled"})
Heard = Callable[[dict[str, Any]], None]


class Ends:
    """One connection and one thread of its own, while anybody waits. `heard` gets each task that was
    `awaited`, as the backend tells of it, once, when it has ended; it is called in that thread.

    An end may come before the answer to its submission has been read: what ends between `begin` and `awaited`
    is remembered.
    """

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._lock = threading.Condition()
        self._awaited: set[int] = set()
        self._submitting = 0
        self._early: set[int] = set()
        self._listening = False
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Somebody is about to submit; returns when nothing is missed any more."""
        with self._lock:
            self._submitting += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="cattino-ends", daemon=True)
                self._thread.start()
            self._lock.wait_for(lambda: self._listening or self._thread is None)

    def awaited(self, tasks: list[int]) -> None:
        """Ends what `begin` began: these were submitted (none, if that failed)."""
        with self._lock:
            self._submitting -= 1
            early = self._early.intersection(tasks)
            self._awaited.update(tasks)
            if self._submitting == 0:
                self._early.clear()
        for task in early:
            self._tell(task)

    def _run(self) -> None:
        from cattino.backend import open_connection

        while self._is_needed():
            try:
                for line in lines(open_connection(), "/v1/feed"):
                    if line is None:
                        self._now_listening()
                        self._look_at_all()  # what ended while nobody listened
                    elif line["event"] == "gap":
                        self._look_at_all()
                    elif line["event"] in ("ended", "removed"):
                        self._tell(line["task"]["id"])
                    if not self._is_needed():
                        return
            except (BackendGone, OSError):
                continue  # another one comes, or is started
            except CattinoError as error:
                self._give_up(error)
                return

    def _now_listening(self) -> None:
        with self._lock:
            self._listening = True
            self._lock.notify_all()

    def _is_needed(self) -> bool:
        with self._lock:
            needed = bool(self._awaited or self._submitting)
            if not needed:
                self._thread = None
                self._listening = False
            return needed

    def _look_at_all(self) -> None:
        with self._lock:
            awaited = list(self._awaited)
        for task in awaited:
            self._tell(task)

    def _tell(self, task: int) -> None:
        from cattino.backend import task_in_full

        with self._lock:
            if task not in self._awaited:
                if self._submitting:
                    self._early.add(task)
                return
        try:
            told = task_in_full(f"#{task}")["task"]
        except CattinoError as error:
            told = {"id": task, "status": "Cancelled", "exit": {"text": str(error)}}
        if told["status"] not in ENDED:
            return
        with self._lock:
            if task not in self._awaited:
                return
            self._awaited.remove(task)
        self._heard(told)

    def _give_up(self, error: CattinoError) -> None:
        with self._lock:
            lost, self._awaited = list(self._awaited), set()
            self._thread = None
            self._lock.notify_all()
        for task in lost:
            self._heard({"id": task, "status": "Failed", "exit": {"text": str(error)}})
