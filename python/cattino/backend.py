"""Finds the backend, starts it if need be, and asks it things."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable, Iterator
from time import sleep
from typing import Any, Callable, Optional

from cattino.client import BackendGone, connect, request
from cattino.errors import CattinoError
from cattino.parts import Asking, Request, Steps, T
from cattino.tries import Tries

TRIES = 20  # in a row that end at once, in about half a minute: it dies of what it is asked, or of itself


def ask(method: str, path: str, payload: Any = None) -> Any:
    """One request with a JSON body; its answer. Problems are raised as CattinoError."""
    wanted = Request(method, path, payload)
    return _answer(wanted, open_connection)


def stream(path: str, pieces: Iterable[bytes]) -> Any:
    """POSTs JSON lines, from what can be iterated again: if the backend goes away meanwhile they are
    sent once more, which the submission's key makes harmless."""
    try:
        return request(open_connection(), "POST", path, iter(pieces))
    except BackendGone:
        return request(open_connection(), "POST", path, iter(pieces))


def run(steps: Steps[T], connected: Optional[Callable[[], socket.socket]] = None) -> T:
    """Asks what `steps` wants asked, over connections that `connected` makes; what it returns.

    What may be asked again is, when the backend is killed meanwhile, but not for ever if each one dies at
    once. One that is ended by its user says so, by an error of status 503, and is not brought back."""
    asking = Asking(steps)
    while asking.wanted is not None:
        asking.answered(_answer(asking.wanted, connected or open_connection))
    return asking.result


def _answer(wanted: Request, connected: Callable[[], socket.socket]) -> Any:
    tries = Tries()
    while True:
        connection = connected()
        tries.begin()  # without the time that a start took: one that dies at once is no lasting one
        try:
            return request(connection, wanted.method, wanted.path, wanted.body())
        except BackendGone:
            pause = tries.failed()
            if not wanted.again or tries.failures >= TRIES:
                raise
        sleep(pause)


def task_in_full(reference: str) -> dict[str, Any]:
    found: dict[str, Any] = ask("GET", path_of(reference))
    return found


def path_of(reference: str) -> str:
    """Of the request for all about a task or a group."""
    from urllib.parse import quote

    return f"/v1/tasks/{quote(reference, safe='')}"


known_socket = ""  # the path, in a process that the backend told

# ---- where it is ----------------------------------------------------------------------------------


def open_connection() -> socket.socket:
    """A connection to the backend, which is started if none listens."""
    for path in candidates():
        try:
            return connect(path)
        except OSError:
            continue
    path = _start()
    try:
        return connect(path)
    except OSError as error:
        raise CattinoError(f"the backend was started, but {path} does not answer: {error.strerror}") from None


def connect_running() -> socket.socket:
    """A connection to a backend that is there: none is started. Raises OSError."""
    return connect(next(candidates()))


def candidates() -> Iterator[str]:
    """The paths at which its socket may be."""
    from cattino import places

    told = known_socket or os.environ.get("CATTINO_SOCKET")
    yield told or places.socket_path(os.environ)


def logs_home() -> str:
    """The directory in which all logs are."""
    from cattino import places

    return places.logs_home(os.environ)


def find_meow() -> Optional[str]:
    """The program `meow`: $CATTINO_MEOW, beside this interpreter, in the package, in PATH."""
    from shutil import which

    told = os.environ.get("CATTINO_MEOW")
    if told:
        return told
    places = [os.path.dirname(os.path.abspath(sys.executable))] if sys.executable else []
    places += [os.path.join(sys.prefix, "bin"), os.path.join(os.path.dirname(__file__), "bin")]
    for place in places:
        path = os.path.join(place, "meow")
        if os.access(path, os.X_OK):
            return path
    return which("meow")


def _start() -> str:
    """Starts the backend; returns the path of its socket."""
    import subprocess

    meow = find_meow()
    if meow is None:
        raise CattinoError(
            "no backend is running, and the program meow was not found",
            hint="install cattino into this environment, or set CATTINO_MEOW to the path of meow",
        )
    try:
        done = subprocess.run(
            [meow, "_start"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise CattinoError(f"{meow} cannot be executed: {error.strerror}") from None
    path = done.stdout.strip().rpartition("\n")[2]
    if done.returncode != 0 or not path:
        said = done.stderr.strip() or f"exit status {done.returncode}"
        raise CattinoError(f"the backend could not be started: {said}")
    return path
