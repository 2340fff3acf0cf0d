"""Who waits for the ends of tasks hears of each, whatever becomes of the backend meanwhile."""

from __future__ import annotations

import threading
from socket import socket
from typing import Any, Callable, Optional

from cattino.client import BackendGone, lines
from cattino.errors import CattinoError
from cattino.status import ENDED

AGAIN_S = 0.2  # when the backend cannot answer now
Heard = Callable[[dict[str, Any]], None]


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
        from time import sleep

        from cattino.backend import open_connection

        while self._is_needed():
            try:
                self._listen(open_connection())
            except Exception as error:
                may_pass = isinstance(error, (BackendGone, OSError)) or (
                    isinstance(error, CattinoError) and (error.status or 0) >= 500
                )
                if not may_pass:
                    self._give_up(error)
                    return
                sleep(AGAIN_S)
            finally:
                with self._lock:
                    self._listening = False
                    self._missed = self._submitting > 0
                    self._failures += 1
                    self._lock.notify_all()

    def _listen(self, connection: socket) -> None:
        for line in lines(connection, "/v1/feed"):
            if line is None:
                self._now_listening()
                self._look_at_all()  # what ended while nobody listened
            elif line["event"] == "gap":
                with self._lock:
                    self._missed = self._submitting > 0
                self._look_at_all()
            elif line["event"] == "leaving":
                raise CattinoError("the backend was ended meanwhile")
            elif line["event"] in ("ended", "removed"):
                self._tell(line["task"]["id"])
            if not self._is_needed():
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
        """Raises what may pass; the task stays awaited then."""
        from cattino.backend import task_in_full

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
            self._lock.notify_all()
        for task in lost:
            self._heard({"id": task, "status": "Failed", "exit": {"text": str(error)}})
