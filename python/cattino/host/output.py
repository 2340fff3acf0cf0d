"""What hooks print: each to the log of its own task, though many run at once."""

from __future__ import annotations

import io
import os
from contextvars import ContextVar
from typing import Any, Callable, Optional, TextIO


class Log:
    """A log file, opened for append when it is first written to. Whole lines are written at once."""

    def __init__(self, path: Optional[str], told: Optional[Callable[[str], None]] = None) -> None:
        self._path = path
        self._told = told  # who else wants to know
        self._pending = ""

    def write(self, text: str) -> None:
        whole, newline, self._pending = (self._pending + text).rpartition("\n")
        if newline:
            self._put(whole + newline)

    def flush(self) -> None:
        if self._pending:
            text, self._pending = self._pending, ""
            self._put(text)

    def _put(self, text: str) -> None:
        if self._path is not None:
            append(self._path, text)
        if self._told is not None:
            self._told(text)


def append(path: str, text: str) -> None:
    """Appends to a file, whose directory is made if need be. What cannot be written is lost: a full
    disk must not end a hook."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    try:
        try:
            file = os.open(path, flags, 0o666)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            file = os.open(path, flags, 0o666)
        try:
            data = text.encode("utf-8", "backslashreplace")
            while data:
                data = data[os.write(file, data) :]
        finally:
            os.close(file)
    except OSError:
        pass


class Logs:
    """The two logs of the hook that is running."""

    def __init__(self, output: Optional[str], errors: Optional[str], told: Callable[[str], None]) -> None:
        self.stdout = Log(output, told)
        self.stderr = Log(errors)

    def flush(self) -> None:
        self.stdout.flush()
        self.stderr.flush()


current: ContextVar[Optional[Logs]] = ContextVar("cattino_logs", default=None)


class Stream(io.TextIOBase):
    """Stands for sys.stdout or sys.stderr: writes to the log of the hook in whose context it is called,
    outside hooks to the stream it stands for."""

    def __init__(self, name: str, original: TextIO) -> None:
        self._stream_name = name
        self._original = original

    def _target(self) -> Any:
        logs = current.get()
        return self._original if logs is None else getattr(logs, self._stream_name)

    def write(self, text: str) -> int:
        self._target().write(text)
        return len(text)

    def flush(self) -> None:
        self._target().flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return self._original.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    @property
    def buffer(self) -> Bytes:
        return Bytes(self)


class Bytes(io.RawIOBase):
    """`sys.stdout.buffer` of a Stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._stream.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def flush(self) -> None:
        if not self.closed:
            self._stream.flush()
