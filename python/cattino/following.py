"""The lines of a task's log, and those that are still to come."""

from __future__ import annotations

import contextlib
import os
import re
import select
import socket
import threading
from collections.abc import Generator, Iterator
from typing import Any, Optional

from cattino.attempts import path_of
from cattino.backend import task_in_full
from cattino.client import Told
from cattino.errors import CattinoError
from cattino.feed import GAP, LISTENING, Feed
from cattino.status import ENDED

READ_BYTES = 256 * 1024
WITHOUT_INOTIFY_MS = 200


class LogLines:
    """An iterator of the lines of one log, without their newlines, through all attempts from the one that
    runs. It ends when the task has; `close()`, or the end of a `with`, ends it before, from any thread."""

    def __init__(self, task: dict[str, Any], stream: str) -> None:
        self._end = _End(task["id"])
        self._watch = _Watch()
        self._lines: Generator[str, None, None] = _follow(task, stream, self._end, self._watch)
        self._reading = threading.Lock()
        self._end.listen()

    def __iter__(self) -> LogLines:
        return self

    def __next__(self) -> str:
        with self._reading:
            try:
                return next(self._lines)
            except BaseException:
                self._release()
                raise

    def __enter__(self) -> LogLines:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the iteration; one that waits in another thread, too."""
        self._end.close()
        if self._reading.acquire(blocking=False):  # else who reads lets go of all
            try:
                self._release()
            finally:
                self._reading.release()

    def _release(self) -> None:
        self._lines.close()
        self._end.close()
        self._end.release()
        self._watch.close()

    def __del__(self) -> None:
        if hasattr(self, "_reading"):
            self.close()


class _End:
    """Hears, in a thread of its own that does not keep its owner alive, when a task has ended."""

    def __init__(self, task: int) -> None:
        self.task = task
        self.ended = False
        self.error: Optional[Exception] = None  # why it can never be heard
        self.closed = threading.Event()
        self._feed = Feed()
        self.told, self._tell = socket.socketpair()
        self._lock = threading.RLock()  # a finalizer may close it, in any thread and at any moment

    def listen(self) -> None:
        threading.Thread(target=self._run, name="cattino-end", daemon=True).start()

    def close(self) -> None:
        self.closed.set()
        self._feed.close()
        self._wake()

    def release(self) -> None:
        """Nobody waits for it any more."""
        with self._lock:
            self.told.close()
            self._tell.close()

    def _wake(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            if self._tell.fileno() >= 0:
                self._tell.send(b"!")

    def _run(self) -> None:
        """A wait would not do: it is over, too, when only the user can go on."""
        try:
            with self._feed as feed:
                for line in feed:
                    try:
                        if self._is_over(line):
                            break
                    except Exception as error:
                        feed.drop(error)
        except Exception as error:
            self.error = error
        self.ended = True
        self._wake()

    def _is_over(self, line: Told) -> bool:
        event = line["event"]
        if event == "leaving":
            return True
        if event not in (LISTENING, GAP) and (line.get("task") or {}).get("id") != self.task:
            return False
        try:
            return task_in_full(f"#{self.task}")["task"]["status"] in ENDED
        except CattinoError as error:
            if error.status != 404:
                raise
            return True  # it was forgotten


def _follow(task: dict[str, Any], stream: str, end: _End, watch: _Watch) -> Generator[str, None, None]:
    directory, attempt = task["directory"], task["attempt"] or 1
    while True:
        ended = end.ended  # before the last look
        nearest = _nearest(directory, task["run_dir"])
        watch.on(nearest)
        if nearest != _nearest(directory, task["run_dir"]):
            continue  # it was made meanwhile
        file = _opened(path_of(directory, stream, attempt, "log"))
        if file is not None:
            attempt += 1
            following = path_of(directory, stream, attempt, "log")
            with file:
                yield from _lines_of(file, following, end, watch)
            if end.closed.is_set():
                return
            if os.path.exists(following):
                continue
        if ended or end.closed.is_set():
            if end.error is not None:
                raise end.error
            return
        if not end.ended:
            _sleep(end, watch)


def _lines_of(file: Any, following: str, end: _End, watch: _Watch) -> Iterator[str]:
    """Of one attempt, until it is over: the log of the following one is there. A progress bar, drawn anew
    without a newline, is a line each time."""
    rest = b""
    while not end.closed.is_set():
        over = end.ended or os.path.exists(following)
        data = file.read(READ_BYTES)
        if data:
            *whole, rest = re.split(rb"\r\n|\n|\r(?!\Z)", rest + data)
            for line in whole:
                yield line.decode("utf-8", "replace")
        elif over:
            if rest:
                yield rest.decode("utf-8", "replace")
            return
        else:
            _sleep(end, watch)


def _sleep(end: _End, watch: _Watch) -> None:
    """Until something may have changed."""
    poll = select.poll()
    poll.register(end.told, select.POLLIN)
    if watch.descriptor is not None:
        poll.register(watch.descriptor, select.POLLIN)
    ready = poll.poll(None if watch.descriptor is not None else WITHOUT_INOTIFY_MS)
    for descriptor, _ in ready:
        os.read(descriptor, 4096)


class _Watch:
    """One directory, by inotify."""

    MODIFY, MOVED_TO, CREATE = 0x2, 0x80, 0x100

    def __init__(self) -> None:
        self.descriptor: Optional[int] = None
        self._path = ""
        self._number = -1
        try:
            import ctypes

            self._libc = ctypes.CDLL(None, use_errno=True)
            made = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        except (ImportError, OSError, AttributeError):
            return
        if made >= 0:
            self.descriptor = made

    def on(self, path: str) -> None:
        if self.descriptor is None or path == self._path:
            return
        if self._number >= 0:
            self._libc.inotify_rm_watch(self.descriptor, self._number)
        events = self.MODIFY | self.MOVED_TO | self.CREATE
        self._number = self._libc.inotify_add_watch(self.descriptor, os.fsencode(path), events)
        self._path = path
        if self._number < 0:  # too many are watched on this machine
            self.close()

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


def log_of(task: dict[str, Any], stream: str) -> str:
    """Of the last attempt, or of the first that there will be."""
    return path_of(task["directory"], stream, task["attempt"] or 1, "log")


def lines_of(path: str) -> Iterator[str]:
    """The lines that are in a log now; none if it is not there."""
    file = _opened(path)
    if file is None:
        return
    with file:
        for line in file:
            yield line.rstrip(b"\r\n").decode("utf-8", "replace")


def _opened(path: str) -> Optional[Any]:
    try:
        return open(path, "rb")
    except FileNotFoundError:
        return None


def _nearest(directory: str, below: str) -> str:
    """The directory, or what there is on the way to it from the run directory."""
    while not os.path.isdir(directory) and len(directory) > len(below):
        directory = os.path.dirname(directory)
    return directory
