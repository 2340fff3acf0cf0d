"""The backend's feed, followed over the ends of connections."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator
from socket import SHUT_RDWR, socket
from typing import TYPE_CHECKING, Callable, Optional

from cattino.backend import open_connection
from cattino.client import BackendGone, Told, lines
from cattino.errors import CattinoError
from cattino.tries import Tries

if TYPE_CHECKING:
    from typing_extensions import Self

LISTENING, LOST, GAP = "listening", "lost", "gap"


class Feed:
    """An endless iterator of what the backend tells on its feed (docs/protocol.md), and of two events more:

    - `listening`: from here on nothing is missed. Now is the time to look at what was not heard, as it is
      after a `gap`;
    - `lost`: the connection has ended or could not be made, `error` says why. Another one follows: at once,
      then after 0.05 s, and twice as long each further time, up to 2 s.

    What cannot pass by itself (the backend cannot be started, it refuses the request) is raised, and is the
    end. `connected` makes the connections; unless told otherwise it starts a backend if none runs.

    Its owner closes it: its generator refers to it, so that one that is only let go of keeps its connection
    until the cycle is collected.
    """

    def __init__(self, connected: Callable[[], socket] = open_connection) -> None:
        self.closed = threading.Event()  # to be waited for; it is set by close()
        self._connected = connected
        self._lock = threading.RLock()  # a finalizer may close it, in any thread and at any moment
        self._connection: Optional[socket] = None
        self._dropped: Optional[Exception] = None
        self._told = self._follow()
        self._iterating = threading.Lock()

    def __iter__(self) -> Feed:
        return self

    def __next__(self) -> Told:
        with self._iterating:
            if self.closed.is_set():
                self._told.close()
            return next(self._told)

    def drop(self, error: Exception) -> None:
        """For who could not look at what was not heard: raises `error` unless it may pass; else what follows
        is `lost` and `listening`, for another try."""
        if not may_pass(error):
            raise error
        self._dropped = error

    def close(self) -> None:
        """Ends the iteration; one that waits in another thread, too."""
        self.closed.set()
        with self._lock:
            if self._connection is not None:
                with contextlib.suppress(OSError):  # it is closed already
                    self._connection.shutdown(SHUT_RDWR)
        if self._iterating.acquire(blocking=False):  # else who iterates lets go of all
            try:
                self._told.close()
            finally:
                self._iterating.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _follow(self) -> Generator[Told, None, None]:
        tries = Tries()
        while not self.closed.is_set():
            tries.begin()
            try:
                yield from self._listen()
                return
            except Exception as error:
                if self.closed.is_set():
                    return
                if not may_pass(error):
                    raise
                lost: Told = {"event": LOST, "error": error}
            pause = tries.failed()
            yield lost
            self.closed.wait(pause)

    def _listen(self) -> Generator[Told, None, None]:
        """One connection; returns when this was closed."""
        self._dropped = None
        connection = self._connected()
        with self._lock:
            self._connection = connection
        if self.closed.is_set():
            connection.close()
            return
        with contextlib.closing(lines(connection, "/v1/feed")) as told:
            for line in told:
                yield {"event": LISTENING} if line is None else line
                if self._dropped is not None:
                    raise self._dropped


def may_pass(error: Exception) -> bool:
    """Whether it may be gone when it is tried again: the backend is away, or cannot answer now."""
    if isinstance(error, CattinoError):
        return isinstance(error, BackendGone) or (error.status or 0) >= 500
    return isinstance(error, OSError)
