"""A daemon and a supervisor that say what a test tells them to, on real Unix sockets."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import threading
from pathlib import Path
from typing import Any, Callable, Optional

Answer = tuple[int, Any]


class FakeDaemon:
    """Answers each request with what `answers` has for its path; keeps what it was sent."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.requests: list[tuple[str, str, bytes]] = []
        self.answers: dict[str, Callable[[bytes], Answer]] = {}
        self.chunked_answers = False
        self.hang_up = 0  # how many connections to close before an answer
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(self.path)
        self._listening.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def lines(self, index: int = -1) -> list[Any]:
        return [json.loads(line) for line in self.requests[index][2].splitlines()]

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        file = connection.makefile("rb")
        words = file.readline().split()
        if not words:
            return
        headers = {}
        for line in iter(file.readline, b"\r\n"):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        if self.hang_up > 0:
            self.hang_up -= 1
            return
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while True:
                size = int(file.readline(), 16)
                body += file.read(size)
                file.readline()
                if size == 0:
                    break
        else:
            body = file.read(int(headers.get("content-length", 0)))
        method, path = words[0].decode(), words[1].decode()
        self.requests.append((method, path, body))
        found = self.answers.get(path.partition("?")[0], created)
        status, value = found(body)
        connection.sendall(self._answer(status, json.dumps(value).encode()))

    def _answer(self, status: int, body: bytes) -> bytes:
        head = f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\n"
        if not self.chunked_answers:
            return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        half = len(body) // 2
        pieces = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in (body[:half], body[half:]) if p)
        return f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + pieces + b"0\r\n\r\n"


def created(body: bytes) -> Answer:
    """What the daemon says to a submission."""
    lines = [json.loads(line) for line in body.splitlines()]
    names: dict[int, str] = {}
    tasks: list[dict[str, Any]] = []
    for line in lines:
        for kind in ("group", "task"):
            node = line.get(kind)
            if node is None:
                continue
            parent = node.get("parent" if kind == "group" else "group")
            names[node["ref"]] = f"{names[parent]}/{node['name']}" if parent else node["name"]
            if kind == "task":
                tasks.append({"ref": node["ref"], "id": 41 + len(tasks), "fullname": names[node["ref"]]})
    for task in tasks:
        task.update(status="Waiting", reason={"text": "devices are taken", "kind": "devices"})
    answer = {
        "id": 7,
        "run_dir": "/logs/day/time",
        "first_task": 41,
        "count": len(tasks),
        "tasks": tasks[:100],
    }
    return 201, answer


class FakeSupervisor:
    """Adopts every child (unless `go` is False) and keeps the frames it was sent."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.go = True
        self.hang_up = 0  # how many connections to close when a child's end is told
        self.frames: list[tuple[int, bytes]] = []
        self.statuses: dict[int, tuple[int, int]] = {}  # key: (kind, value)
        self.ends: list[tuple[int, str]] = []  # key, and the state of the process when its end was told
        self.bounds: dict[int, list[int]] = {}  # key: bytes and thousandths of a core in Adopt
        self.limits: dict[int, str] = {}  # key: /proc/PID/limits at Adopt
        self._pids: dict[int, int] = {}
        self._changed = threading.Condition()
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(self.path)
        self._listening.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def status_of(self, key: int, timeout: float = 20) -> tuple[int, int]:
        with self._changed:
            assert self._changed.wait_for(lambda: key in self.statuses, timeout), f"no ChildExited of {key}"
            return self.statuses[key]

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_one, args=(connection,), daemon=True).start()

    def _serve_one(self, connection: socket.socket) -> None:
        with contextlib.suppress(ConnectionError):  # a host that leaves does not wait for answers
            self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        file = connection.makefile("rb")
        while True:
            head = file.read(4)
            if len(head) < 4:
                return
            body = file.read(struct.unpack("<I", head)[0])
            if body[0] == 8 and self.hang_up > 0:
                self.hang_up -= 1
                self._note_state(struct.unpack_from("<Q", body, 1)[0])
                connection.shutdown(socket.SHUT_RDWR)
                return
            answer = self._take(body[0], body[1:])
            if answer is not None:
                connection.sendall(answer)

    def _take(self, kind: int, fields: bytes) -> Optional[bytes]:
        with self._changed:
            self.frames.append((kind, fields))
            if kind == 7:
                key, pid, *bounds = struct.unpack("<QiQI", fields)
                if pid == 0:  # only asks whether the end was noted
                    return struct.pack("<IBQB", 10, 68, key, False)
                self._pids[key] = pid
                self.bounds[key] = bounds
                self.limits[key] = Path(f"/proc/{pid}/limits").read_text()
                return struct.pack("<IBQB", 10, 68, key, self.go)
            if kind == 8:
                key, exit_kind, _, value = struct.unpack("<QBBi", fields)
                self._note_state(key)
                self.statuses[key] = (exit_kind, value)
                self._changed.notify_all()
        return None

    def _note_state(self, key: int) -> None:
        text = Path(f"/proc/{self._pids[key]}/stat").read_text() if key in self._pids else "gone) ?"
        self.ends.append((key, text.rpartition(")")[2].split()[0]))


class FakeHostDaemon:
    """The daemon's side of a host's connection, driven line by line from a test."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(self.path)
        self._listening.listen()
        self._listening.settimeout(20)
        self._connection: Optional[socket.socket] = None
        self._read = b""
        self.prints: list[dict[str, Any]] = []
        self.heads: list[bytes] = []

    def accept(self, status: str = "101 Switching Protocols") -> None:
        self._connection, _ = self._listening.accept()
        self._connection.settimeout(20)
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._connection.recv(4096)
        self.heads.append(head)
        upgrade = "Connection: Upgrade\r\nUpgrade: cattino-host/1\r\n"
        self._connection.sendall(f"HTTP/1.1 {status}\r\n{upgrade}\r\n".encode())
        self._read = b""

    def send(self, *messages: dict[str, Any]) -> None:
        assert self._connection is not None
        # As the daemon does: bytes that are no text go as they are.
        lines = (json.dumps(message, ensure_ascii=False) + "\n" for message in messages)
        self._connection.sendall("".join(lines).encode("utf-8", "surrogateescape"))

    def receive(self) -> dict[str, Any]:
        """The next message that is no print, nor tells that a hook has begun; prints are kept aside."""
        assert self._connection is not None
        while True:
            line, newline, rest = self._read.partition(b"\n")
            if newline:
                self._read = rest
                message: dict[str, Any] = json.loads(line.decode("utf-8", "surrogateescape"))
                if message["op"] == "print":
                    self.prints.append(message)
                elif message["op"] != "begun":
                    return message
                continue
            data = self._connection.recv(65536)
            assert data, "the host closed the connection"
            self._read += data

    def drop(self) -> None:
        assert self._connection is not None
        self._connection.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._listening.close()


def environment_without_cattino() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CATTINO_")}
