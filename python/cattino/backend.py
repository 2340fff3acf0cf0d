"""Finds the backend, starts it if need be, and asks it things."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Optional

from cattino.client import BackendGone, connect, request
from cattino.errors import CattinoError


def ask(method: str, path: str, payload: Any = None, timeout: Optional[float] = None) -> Any:
    """One request with a JSON body; its answer. Problems are raised as CattinoError."""
    connection = open_connection()
    connection.settimeout(timeout)
    return request(connection, method, path, body_of(payload))


def body_of(payload: Any) -> Optional[bytes]:
    return None if payload is None else json.dumps(payload, separators=(",", ":")).encode()


def stream(path: str, pieces: Iterable[bytes]) -> Any:
    """POSTs JSON lines, from what can be iterated again: if the backend goes away meanwhile they are
    sent once more, which the submission's key makes harmless."""
    try:
        return request(open_connection(), "POST", path, iter(pieces))
    except BackendGone:
        return request(open_connection(), "POST", path, iter(pieces))


TOO_LATE = 5  # the outcome of a wait
NAMES_EACH = 10_000  # in the body of a request: it takes 1 MiB
NAMES_EACH_PATH = 1000  # its header takes 64 KiB


def act(verb: str, names: list[str]) -> None:
    """Does what `meow VERB NAMES…` does."""
    for part in _parts(names, NAMES_EACH):
        ask("POST", f"/v1/{verb}", {"names": part})


def wait(names: list[str], timeout: Optional[float]) -> bool:
    """Waits until all have ended or nothing left can go on; False if that takes more than `timeout` s."""
    from time import monotonic

    deadline = None if timeout is None else monotonic() + timeout
    for part in _parts(names, NAMES_EACH):
        payload: dict[str, Any] = {"names": part}
        if deadline is not None:
            payload["timeout_ms"] = max(0, round((deadline - monotonic()) * 1000))
        if ask_again("POST", "/v1/wait", payload)["outcome"] == TOO_LATE:
            return False
    return True


def ask_again(method: str, path: str, payload: Any) -> Any:
    """As `ask`, for what may be asked twice: also when the backend is killed meanwhile. One that is ended by
    its user says so, by an error of status 503, and is not brought back."""
    connection = open_connection()
    body = body_of(payload)
    while True:
        try:
            return request(connection, method, path, body)
        except BackendGone:
            connection = open_connection()


def task_in_full(reference: str) -> dict[str, Any]:
    found: dict[str, Any] = ask("GET", path_of(reference))
    return found


def path_of(reference: str) -> str:
    """Of the request for all about a task or a group."""
    from urllib.parse import quote

    return f"/v1/tasks/{quote(reference, safe='')}"


def statuses(names: list[str]) -> list[str]:
    """The different statuses of these tasks."""
    found: dict[str, None] = {}
    for part in _parts(names, NAMES_EACH_PATH):
        counts = _list(part).get("counts", {})
        found.update({status: None for status, count in counts.items() if count})
    return list(found)


def _list(names: list[str]) -> dict[str, Any]:
    from urllib.parse import urlencode

    query = urlencode([("name", name) for name in names] + [("all", "1"), ("reasons", "0")])
    found: dict[str, Any] = ask("GET", f"/v1/tasks?{query}")
    return found


def listed(names: list[str]) -> Iterator[dict[str, Any]]:
    """The tasks."""
    for part in _parts(names, NAMES_EACH_PATH):
        yield from _list(part)["tasks"]


def _parts(names: list[str], most: int) -> Iterator[list[str]]:
    for at in range(0, len(names), most):
        yield names[at : at + most]


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
