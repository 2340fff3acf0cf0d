"""Who waits for the ends of tasks hears of each, whatever becomes of the backend meanwhile."""

from __future__ import annotations

import threading
from typing import Callable, Optional

from cattino.backend import task_in_full
from cattino.client import Told
from cattino.errors import CattinoError
from cattino.feed import GAP, LISTENING, LOST, Feed
from cattino.status import ENDED

Heard = Callable[[Told], None]


class Ends:
    """One connection and one thread of its own, while anybody waits. `heard` gets each task that was
    `awaited`, as the backend tells of it, once, when it has ended; it is called in that thread.

    An end may come before the answer to its submission has been read: what ends between `begin` and
    `awaited` is remembered, and if the backend went away in between, all of them are looked at.
    """

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._lock = threading.Condition()
        self._awaited: set[int] = set()
        self._submitting = 0
        self._to_look_at: set[int] = set()  # of `awaited`, and what ended while somebody submits
        self._missed = False  # somebody submits, and ends may have passed unheard
        self._listening = False
        self._failures = 0  # connections that ended
        self._thread: Optional[threading.Thread] = None

    def begin(self) -> None:
        """Somebody is about to submit; returns when nothing is missed any more."""
        with self._lock:
            self._run_if_needed()
            self._submitting += 1
            failed = self._failures
            self._lock.wait_for(lambda: self._listening or self._failures > failed or not self._runs())

    def awaited(self, tasks: list[int]) -> None:
        """Ends what `begin` began: these were submitted (none, if that failed)."""
        with self._lock:
            self._submitting -= 1
            self._awaited.update(tasks)
            if self._missed or not self._listening:
                self._to_look_at.update(tasks)
            if self._submitting == 0:
                self._missed = False
                self._to_look_at &= self._awaited
            early = [task for task in tasks if task in self._to_look_at]
            if self._awaited:
                self._run_if_needed()
        for task in early:
            try:
                self._tell(task)
            except (CattinoError, OSError):
                pass  # the thread looks at it when it listens again

    # ---- the thread ------------------------------------------------------------------------------

    def _runs(self) -> bool:
        return self._thread is not None and self._thread.is_alive()  # not so after a fork

    def _run_if_needed(self) -> None:
        if self._runs():
            return
        self._listening = False
        thread = threading.Thread(target=self._run, name="cattino-ends", daemon=True)
        thread.start()
        self._thread = thread

    def _run(self) -> None:
        with Feed() as feed:
            try:
                for line in feed:
                    try:
                        self._take(line)
                    except Exception as error:
                        feed.drop(error)
                    if not self._is_needed():
                        return
            except Exception as error:
                self._give_up(error)

    def _take(self, line: Told) -> None:
        event = line["event"]
        if event == LOST:
            with self._lock:
                self._lost()
        elif event == LISTENING:
            self._now_listening()
            self._look_at_all()  # what ended while nobody listened
        elif event == GAP:
            with self._lock:
                self._missed = self._submitting > 0
            self._look_at_all()
        elif event == "leaving":
            raise CattinoError("the backend was ended meanwhile")
        elif event in ("ended", "removed"):
            self._tell(line["task"]["id"])

    def _lost(self) -> None:
        self._listening = False
        self._missed = self._submitting > 0
        self._failures += 1
        self._lock.notify_all()

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
        """Raises what may pass; the task stays awaited then."""
        with self._lock:
            if task not in self._awaited:
                if self._submitting:
                    self._to_look_at.add(task)
                return
        try:
            told = task_in_full(f"#{task}")["task"]
        except CattinoError as error:
            if error.status != 404:
                raise
            told = {"id": task, "status": "Cancelled", "exit": {"text": str(error)}}  # it was forgotten
        if told["status"] not in ENDED:
            return
        with self._lock:
            if task not in self._awaited:
                return
            self._awaited.remove(task)
        self._heard(told)

    def _give_up(self, error: Exception) -> None:
        with self._lock:
            lost, self._awaited = list(self._awaited), set()
            self._thread = None
            self._lost()
        for task in lost:
            self._heard({"id": task, "status": "Failed", "exit": {"text": str(error)}})
