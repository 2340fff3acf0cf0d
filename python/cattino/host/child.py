"""A function task's own process: everything between the fork and the end."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import io
import os
import resource
import select
import signal
import socket
import sys
import time
from functools import partial
from typing import Any, Callable, NoReturn, Optional

from cattino.host.channel import short_path
from cattino.host.frames import ADOPTED, adopt, adopted, hello, take_frames

RLIMIT_LOCKS = 10  #: ignored by Linux, shown in /proc/PID/limits: the tag of an attempt
HANDSHAKE_S = 60.0

# What the child tells the host through their pipe.
ASKED, WAS_REFUSED, FAILED = b"a", b"r", b"e"


Streams = tuple[io.TextIOWrapper, io.TextIOWrapper, io.TextIOWrapper]
_streams: Optional[Streams] = None


def prepare() -> None:
    """In the host, before the first fork: what each child would do anew, and each page it would touch."""
    global _streams
    if _streams is None:
        import cattino.results  # noqa: F401

        try:
            _streams = _text_streams()
        except OSError:  # a hook has closed one of them: each child makes its own
            pass


class NotStarted(Exception):
    """The child cannot begin; the text says at which step and why."""


def run_child(
    op: dict[str, Any],
    supervisor: str,
    pipe: int,
    work: Callable[[], Any],
    let_go: Callable[[], None],
) -> NoReturn:
    """Never returns, whatever happens. `let_go` closes what belongs to the host."""
    status = 1
    try:
        let_go()
        status = _run(op, supervisor, pipe, work)
    except NotStarted as error:
        os.write(pipe, FAILED + str(error).encode("utf-8", "replace"))
    except BaseException as error:  # a defect of ours: it must not run on in the host's code
        os.write(pipe, FAILED + f"{type(error).__name__}: {error}".encode("utf-8", "replace"))
    finally:
        os._exit(status)


def _run(op: dict[str, Any], supervisor: str, pipe: int, work: Callable[[], Any]) -> int:
    os.setsid()
    signal.set_wakeup_fd(-1)
    asyncio._set_running_loop(None)  # the function may run a loop of its own, or ask for one
    if sys.version_info < (3, 14):
        asyncio.set_event_loop_policy(None)
    os.umask(int(op.get("umask", 0o022)))
    copied = _redirect(op)  # before the tag: what copies logs is not part of the task
    key = int(op["key"])
    _tag(key)
    for name, value in (op.get("environment") or {}).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if op.get("cwd"):
        _step("working directory", lambda: os.chdir(op["cwd"]))
    if not _handshake(supervisor, adopt(key, os.getpid(), *op.get("bounds", ())), key, pipe):
        os.write(pipe, WAS_REFUSED)
        return 0
    os.close(pipe)
    _reseed()
    status = finish(work, op.get("result"))
    if copied is not None:
        copied.wait()
    return status


def _step(name: str, action: Callable[[], Any]) -> Any:
    try:
        return action()
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        raise NotStarted(f"{name}{where}: {error.strerror or error}") from None


def _tag(key: int) -> None:
    _, hard = resource.getrlimit(RLIMIT_LOCKS)
    try:
        resource.setrlimit(RLIMIT_LOCKS, (key, hard))
    except (ValueError, OSError) as error:
        raise NotStarted(f"limits: {error}") from None


def _redirect(op: dict[str, Any]) -> Optional[Copied]:
    null = above_standard(os.open(os.devnull, os.O_RDONLY))
    os.dup2(null, 0)
    os.close(null)
    logs = [above_standard(_step("logs", partial(_open_log, op[key]))) for key in ("stdout", "stderr")]
    copied = _step("logs", partial(Copied, op, logs)) if op.get("log_limit") else None
    for number, opened in zip((1, 2), copied.pipes if copied else logs):
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = _streams or _text_streams()
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr  # type: ignore[misc]
    return copied


class Copied:
    """Logs with a limit: pipes in their place, and a process, nobody's child, that copies from them."""

    PATIENCE_MS = 5000  # others may still hold the pipes

    def __init__(self, op: dict[str, Any], logs: list[int]) -> None:
        out, err, ended = os.pipe(), os.pipe(), os.pipe()
        self._ended = ended[0]
        self.pipes = [out[1], err[1]]
        given = [_lifted(fd) for fd in (out[0], logs[0], err[0], logs[1], ended[1])]
        actions = [(os.POSIX_SPAWN_DUP2, fd, as_fd) for as_fd, fd in enumerate(given, 3)]
        words = ["meow-supervisor", "--copy-logs-apart", str(op["log_limit"]), op["stdout"]]
        starter = os.posix_spawn(op["copier"], words, os.environ, file_actions=actions, setsid=True)
        for fd in (*given, out[0], err[0], ended[1], *logs):
            os.close(fd)
        _, status = os.waitpid(starter, 0)
        if status != 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO), op["copier"])

    def wait(self) -> None:
        """Until what was printed is in the logs."""
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            hung_up = select.poll()
            hung_up.register(self._ended, 0)
            hung_up.poll(self.PATIENCE_MS)
        except OSError:  # the function has closed what was not its own
            pass


def above_standard(descriptor: int) -> int:
    """The same, if it is none of 0 to 2; else a copy in its place: a hook has closed one of these."""
    if descriptor > 2:
        return descriptor
    lifted = _lifted(descriptor)
    os.close(descriptor)
    return lifted


def _lifted(descriptor: int) -> int:
    """A copy above the numbers that a copier gets."""
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 20)


def _text_streams() -> Streams:
    return open(0, closefd=False), _text(1), _text(2)


def _text(number: int) -> io.TextIOWrapper:
    """Unbuffered, as PYTHONUNBUFFERED makes those of a command."""
    raw = io.FileIO(number, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding="utf-8",
        errors="backslashreplace",
        write_through=True,
        line_buffering=True,
    )


def _open_log(path: str) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        directory = os.path.dirname(path)
        try:
            os.mkdir(directory)  # mostly the last one only is missing
        except OSError:
            os.makedirs(directory, exist_ok=True)
        return os.open(path, flags, 0o666)


def _handshake(supervisor: str, asking: bytes, key: int, pipe: int) -> bool:
    """Adopt… Adopted. While the supervisor is away it is asked again."""
    deadline = time.monotonic() + HANDSHAKE_S
    delay = 0.02
    asked = False
    while True:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(max(0.1, deadline - time.monotonic()))
                connection.connect(short_path(supervisor))
                if not asked:
                    _tell_asked(pipe)
                    asked = True
                connection.sendall(hello() + asking)
                return _answer(connection, key)
        except OSError as error:
            if time.monotonic() + delay > deadline:
                raise NotStarted(f"the supervisor does not answer: {error.strerror or error}") from None
        time.sleep(delay)
        delay = min(1.0, 2 * delay)


def _tell_asked(pipe: int) -> None:
    try:
        os.write(pipe, ASKED)
    except BrokenPipeError:
        raise NotStarted("the host has ended") from None


def _answer(connection: socket.socket, key: int) -> bool:
    read = bytearray()
    while True:
        data = connection.recv(4096)
        if not data:
            raise ConnectionResetError("it closed the connection")
        read += data
        for kind, fields in take_frames(read):
            if kind == ADOPTED:
                told, go = adopted(fields)
                if told == key:
                    return go


def _reseed() -> None:
    """Each child its own random numbers; `random` sees to it itself."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def finish(work: Callable[[], Any], result: Optional[str]) -> int:
    """Calls the function and keeps what it returns; the exit status."""
    status = 0
    try:
        value = work()
        if hasattr(value, "__await__"):
            value = asyncio.run(_awaited(value))
        if result:
            from cattino.results import write_result

            write_result(result, value)
    except SystemExit as leaving:
        status = _status_of(leaving)
    except BaseException as error:
        from cattino.tracebacks import user_traceback

        sys.stderr.write(user_traceback(error))
        status = 1
        if result:
            from cattino.results import write_error

            write_error(result, error)
    return _leave(status)


async def _awaited(value: Any) -> Any:
    return await value


def _status_of(leaving: SystemExit) -> int:
    if leaving.code is None:
        return 0
    if isinstance(leaving.code, int):
        return leaving.code & 0xFF
    print(leaving.code, file=sys.stderr)
    return 1


def _leave(status: int) -> int:
    """What an interpreter does at its end, and os._exit does not: threads, atexit, buffers."""
    import atexit
    import threading

    for name, action in (
        ("threads", getattr(threading, "_shutdown", None)),
        ("atexit", getattr(atexit, "_run_exitfuncs", None)),
        ("stdout", sys.stdout.flush),
        ("stderr", sys.stderr.flush),
    ):
        try:
            if action is not None:
                action()
        except BaseException as error:
            sys.stderr.write(f"cattino: at exit, {name}: {type(error).__name__}: {error}\n")
            status = status or 1
    return status
