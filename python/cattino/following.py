"""The lines of a task's log, and those that are still to come."""

from __future__ import annotations

import contextlib
import os
import re
import select
import socket
import threading
from collections.abc import Iterator
from typing import Any, Optional

from cattino.client import BackendGone, lines
from cattino.errors import CattinoError
from cattino.status import TaskStatus

READ_BYTES = 256 * 1024
WITHOUT_INOTIFY_MS = 200


class LogLines:
    """An iterator of the lines of one log, without their newlines, through all attempts from the one that
    runs. It ends when the task has; `close()` ends it before that, from any thread."""

    def __init__(self, task: dict[str, Any], stream: str) -> None:
        self._told, self._tell = socket.socketpair()
        self._lock = threading.Lock()  # of the end of that pair
        self._closed = False
        self._ended = False
        self._connection: Optional[socket.socket] = None
        self._watch = _Watch()
        self._lines = self._follow(path_of(task, stream), task["run_dir"])
        waits = threading.Thread(target=self._await_end, args=(task["id"],), name="cattino-end", daemon=True)
        waits.start()

    def __iter__(self) -> LogLines:
        return self

    def __next__(self) -> str:
        return next(self._lines)

    def close(self) -> None:
        """Ends the iteration; one that waits in another thread, too."""
        self._closed = True
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            if self._tell.fileno() >= 0:
                self._tell.send(b"!")

    def _await_end(self, task: int) -> None:
        """In a thread of its own. A wait would not do: it is over, too, when only the user can go on."""
        while not self._closed:
            try:
                if self._hear_of_end(task):
                    break
            except (BackendGone, OSError):
                continue
            except CattinoError:  # it was forgotten
                break
        self._ended = True
        self._wake()

    def _hear_of_end(self, task: int) -> bool:
        from cattino.backend import open_connection, task_in_full

        self._connection = open_connection()
        for line in lines(self._connection, "/v1/feed"):
            if line is not None and line["event"] == "leaving":
                return True
            if line is not None and (line.get("task") or {}).get("id") != task and line["event"] != "gap":
                continue
            if TaskStatus(task_in_full(f"#{task}")["task"]["status"]).has_ended:
                return True
        return False

    def _follow(self, path: str, below: str) -> Iterator[str]:
        try:
            while True:
                ended = self._ended  # before the last look
                self._watch.on(_nearest(os.path.dirname(path), below))
                file = _opened(path)
                if file is not None:
                    with file:
                        yield from self._lines_of(file, path)
                    if self._closed:
                        return
                    path = _next_attempt(path)
                    if os.path.exists(path):
                        continue
                if ended or self._closed:
                    return
                if not self._ended:
                    self._sleep()
        finally:
            self._watch.close()
            with self._lock:
                self._told.close()
                self._tell.close()

    def _lines_of(self, file: Any, path: str) -> Iterator[str]:
        """Of one attempt, until it is over."""
        rest = b""
        while not self._closed:
            over = self._ended or os.path.exists(_next_attempt(path))
            data = file.read(READ_BYTES)
            if data:
                *whole, rest = (rest + data).split(b"\n")
                for line in whole:
                    yield line.decode("utf-8", "replace")
            elif over:
                if rest:
                    yield rest.decode("utf-8", "replace")
                return
            else:
                self._sleep()

    def _sleep(self) -> None:
        """Until something may have changed."""
        poll = select.poll()
        poll.register(self._told, select.POLLIN)
        if self._watch.descriptor is not None:
            poll.register(self._watch.descriptor, select.POLLIN)
        ready = poll.poll(None if self._watch.descriptor is not None else WITHOUT_INOTIFY_MS)
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


def path_of(task: dict[str, Any], stream: str) -> str:
    """Of the log of the last attempt, or of the first that there will be."""
    return task[stream] or os.path.join(task["run_dir"], task["fullname"], f"{stream}.log")


def lines_of(path: str) -> Iterator[str]:
    """The lines that are in a log now; none if it is not there."""
    file = _opened(path)
    if file is None:
        return
    with file:
        for line in file:
            yield line.rstrip(b"\n").decode("utf-8", "replace")


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


def _next_attempt(path: str) -> str:
    """`…/stdout.log` → `…/stdout.2.log` → `…/stdout.3.log`."""
    directory, name = os.path.split(path)
    match = re.fullmatch(r"(\w+?)(?:\.(\d+))?\.log", name)
    assert match is not None
    return os.path.join(directory, f"{match[1]}.{int(match[2] or 1) + 1}.log")
