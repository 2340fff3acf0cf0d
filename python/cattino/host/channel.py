"""The connection to the daemon: an upgraded HTTP request, then JSON lines both ways."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from typing import Any, Optional

from cattino.client import HEADER_MAX, PATH_MAX

READ_BYTES = 256 * 1024


class Refused(Exception):
    """The daemon does not want this host (any more)."""


class Channel:
    """One connection. Lines are sent together at the end of the loop's turn."""

    def __init__(self, connection: socket.socket, first: bytes) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = connection
        self._read = bytearray(first)
        self._queue: list[bytes] = []
        self._unsent = b""
        self._scheduled = False
        self.broken = False

    def send(self, message: dict[str, Any]) -> None:
        self._queue.append(_line_of(message))
        if not self._scheduled and not self.broken:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def send_now(self, message: dict[str, Any]) -> None:
        """With what was to be sent at the end of the turn."""
        self._queue.append(_line_of(message))
        self._flush()

    @property
    def all_sent(self) -> bool:
        return not self._queue and not self._unsent

    def _flush(self) -> None:
        self._scheduled = False
        if self.broken:
            return
        if self._queue:
            self._unsent += b"\n".join(self._queue) + b"\n"
            self._queue.clear()
        try:
            sent = self._socket.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self.broken = True  # `lines` sees the end of it
            self._loop.remove_writer(self._socket)
            return
        self._unsent = self._unsent[sent:]
        if self._unsent:
            self._loop.add_writer(self._socket, self._flush)
        else:
            self._loop.remove_writer(self._socket)

    async def lines(self) -> AsyncIterator[dict[str, Any]]:
        """What the daemon says, until the connection ends."""
        searched = 0
        while True:
            end = self._read.find(b"\n", searched)
            if end >= 0:
                line = bytes(self._read[:end])
                del self._read[: end + 1]
                searched = 0
                if line:
                    # Paths and variables are bytes: those that are no UTF-8 arrive as they are.
                    yield json.loads(line.decode("utf-8", "surrogateescape"))
                continue
            searched = len(self._read)
            try:
                data = await self._loop.sock_recv(self._socket, READ_BYTES)
            except OSError:
                data = b""
            if not data:
                self.broken = True
                return
            self._read += data

    def close(self) -> None:
        self.broken = True
        self._loop.remove_writer(self._socket)
        self._socket.close()

    def close_in_child(self) -> None:
        """After a fork: lets go of the descriptor, touches nothing else."""
        os.close(self._socket.fileno())


def _line_of(message: dict[str, Any]) -> bytes:
    """One JSON line. What is no text, such as a path in an error's words, goes as the bytes it was."""
    line = json.dumps(message, ensure_ascii=False)
    try:
        return line.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return line.encode("utf-8", "replace")


async def connect(path: str, submission: int) -> Channel:
    """Connects to meow.sock and asks to be the host of `submission`. Raises OSError or Refused."""
    loop = asyncio.get_running_loop()
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        await loop.sock_connect(connection, short_path(path))
        head = (
            f"POST /v1/hosts/{submission} HTTP/1.1\r\nHost: cattino\r\nConnection: Upgrade\r\n"
            "Upgrade: cattino-host/1\r\nContent-Length: 0\r\n\r\n"
        )
        await loop.sock_sendall(connection, head.encode("ascii"))
        return Channel(connection, await _upgraded(connection))
    except BaseException:
        connection.close()
        raise


async def _upgraded(connection: socket.socket) -> bytes:
    """Reads the answer's head; returns what came after it."""
    loop = asyncio.get_running_loop()
    read = b""
    while b"\r\n\r\n" not in read:
        data = await loop.sock_recv(connection, READ_BYTES)
        if not data or len(read) > HEADER_MAX:
            raise ConnectionResetError("no answer")
        read += data
    head, _, rest = read.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if status == [b"101"]:
        return rest
    if status and status[0].startswith(b"4"):
        raise Refused(f"{head.splitlines()[0].decode('latin-1')} {rest[:500].decode('utf-8', 'replace')}")
    raise ConnectionResetError("not now")


_directories: dict[str, Optional[int]] = {}


def short_path(path: str) -> str:
    """`path`, or a shorter one that leads to the same socket, where it is too long for the kernel."""
    if len(os.fsencode(path)) <= PATH_MAX:
        return path
    directory = os.path.dirname(path)
    if directory not in _directories:
        _directories[directory] = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    return f"/proc/self/fd/{_directories[directory]}/{os.path.basename(path)}"
