"""HTTP/1.1 on a Unix socket, by hand: a request, and its answer as JSON."""

from __future__ import annotations

import json
import os
import select
import socket
import struct
from collections.abc import Generator, Iterable, Iterator
from typing import Any, Optional, Union

from cattino.errors import CattinoError

HEADER_MAX = 64 * 1024
PATH_MAX = 107  # of sun_path

Body = Union[bytes, Iterable[bytes], None]
Told = dict[str, Any]  #: what the backend tells of a task, an event, …


class BackendGone(CattinoError):
    """The connection ended without an answer."""


def connect(path: str, timeout: Optional[float] = None) -> socket.socket:
    """Connects to the socket at `path`, if it is served by this user. Raises OSError."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        _connect(connection, path)
        uid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
        if uid not in (os.getuid(), 0):
            raise PermissionError(f"{path} is served by another user (uid {uid})")
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(connection: socket.socket, path: str) -> None:
    if len(os.fsencode(path)) <= PATH_MAX:
        connection.connect(path)
        return
    # Too long for the kernel: through its directory's descriptor.
    directory = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        connection.connect(f"/proc/self/fd/{directory}/{os.path.basename(path)}")
    finally:
        os.close(directory)


def request(connection: socket.socket, method: str, path: str, body: Body = None) -> Any:
    """Sends one request and closes the connection; returns the answer's JSON. `body` is bytes of JSON,
    or an iterable of pieces of JSON lines, which is sent as it comes."""
    with connection:
        try:
            _send(connection, method, path, body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it may have answered before it closed
        return _answer(_Reader(connection))


def lines(connection: socket.socket, path: str) -> Generator[Any, None, None]:
    """GETs JSON lines that come one after the other, for ever. The first thing yielded is None: from then on
    nothing is missed. Closing the connection ends it; raises BackendGone when the other side does."""
    with connection:
        _send(connection, "GET", path, None)
        reader = _Reader(connection)
        status, headers = read_head(reader)
        if status >= 400:
            _value(reader, status, headers)  # raises it
        yield None
        rest = b""
        for piece in _pieces(reader):
            *whole, rest = (rest + piece).split(b"\n")
            yield from map(json.loads, whole)
        raise BackendGone("the backend has ended")


def _send(connection: socket.socket, method: str, path: str, body: Body) -> None:
    if body is None or isinstance(body, bytes):
        connection.sendall(request_bytes(method, path, body))
    else:
        head = f"{method} {path} HTTP/1.1\r\nHost: cattino\r\nConnection: close\r\n"
        head += "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode("ascii"))
        for piece in body:
            if _has_answered(connection):
                return
            connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        connection.sendall(b"0\r\n\r\n")


def _has_answered(connection: socket.socket) -> bool:
    """An answer before the end of our request: it was refused, the rest would be in vain."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def request_bytes(method: str, path: str, body: Optional[bytes]) -> bytes:
    """For those who send them on their own; the answer ends with the connection."""
    head = f"{method} {path} HTTP/1.1\r\nHost: cattino\r\nConnection: close\r\n"
    if body is None:
        return f"{head}\r\n".encode("ascii")
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("ascii") + body


def answer_in(data: bytes) -> Any:
    """Of all that came; what it says, a problem is raised."""
    return _answer(_Reader(None, data))


class _Reader:
    """Reads an answer: lines, then counted bytes."""

    def __init__(self, connection: Optional[socket.socket], data: bytes = b"") -> None:
        self._connection = connection
        self._buffer = bytearray(data)

    def more(self) -> bool:
        if self._connection is None:
            return False
        try:
            data = self._connection.recv(256 * 1024)
        except ConnectionResetError:
            data = b""
        self._buffer += data
        return bool(data)

    def line(self) -> bytes:
        while True:
            end = self._buffer.find(b"\r\n")
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 2]
                return line
            if len(self._buffer) > HEADER_MAX or not self.more():
                raise BackendGone("the backend closed the connection without an answer")

    def exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            if not self.more():
                raise BackendGone("the backend's answer was cut off")
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def rest(self) -> bytes:
        while self.more():
            pass
        return bytes(self._buffer)


def read_head(reader: _Reader) -> tuple[int, dict[str, str]]:
    """The status and the headers (names in lower case)."""
    status = 100
    headers: dict[str, str] = {}
    while status == 100:  # 100 Continue is followed by the answer
        words = reader.line().split(b" ", 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
            raise CattinoError("what answered is no cattino backend: it does not speak HTTP")
        status = int(words[1])
        headers = {}
        while True:
            line = reader.line()
            if not line:
                break
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
    return status, headers


def _answer(reader: _Reader) -> Any:
    return _value(reader, *read_head(reader))


def _value(reader: _Reader, status: int, headers: dict[str, str]) -> Any:
    """What the body says; a problem is raised."""
    if "chunked" in headers.get("transfer-encoding", ""):
        body = b"".join(_pieces(reader))
    elif "content-length" in headers:
        body = reader.exactly(int(headers["content-length"]))
    else:
        body = reader.rest()
    try:
        value = json.loads(body) if body else None
    except ValueError:
        value = {"detail": body[:200].decode("utf-8", "replace")}
        status = max(status, 500)
    if status >= 400:
        raise problem(status, value)
    return value


def _pieces(reader: _Reader) -> Iterator[bytes]:
    """Of a chunked body, as they come."""
    while True:
        size = int(reader.line().partition(b";")[0], 16)
        if size == 0:
            while reader.line():
                pass
            return
        piece = reader.exactly(size)
        reader.line()
        yield piece


class Problem(CattinoError):
    """The backend said no; `line` is that of a submission, from 1, or None."""

    line: Optional[int] = None


def problem(status: int, value: Any) -> Problem:
    """An application/problem+json as an error."""
    told = value if isinstance(value, dict) else {}
    message = str(told.get("detail") or told.get("title") or f"the backend answered {status}")
    error = Problem(message, field=told.get("field"), hint=told.get("hint"), status=status)
    error.line = told.get("line") if isinstance(told.get("line"), int) else None
    return error
