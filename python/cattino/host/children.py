"""The host's function tasks: forks them, sees their end, tells the supervisor, reaps them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import warnings
from typing import Any, Callable, Optional

from cattino.client import connect
from cattino.host.child import ASKED, FAILED, WAS_REFUSED, above_standard, prepare, run_child
from cattino.host.frames import (
    ADOPTED,
    KIND_CODE,
    KIND_LOST,
    KIND_SIGNAL,
    adopt,
    adopted,
    child_exited,
    hello,
    take_frames,
)
from cattino.host.fresh import CUDA_SAYS, Fresh, cuda_is_initialised

RETRY_FIRST_S, RETRY_MAX_S = 0.05, 2.0
NO_PID = 0  #: adopts nothing: asks only whether what was sent before has been read


class Supervisor:
    """The host's own connection to the supervisor: tells it of ends, and again until it has noted them.

    What was sent is not what was read: each end is followed by a question about its key that the
    supervisor answers once its journal has the end. A connection that breaks before takes nothing along.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._socket: Optional[socket.socket] = None
        self._read = bytearray()
        self._unsent = b""
        self._untold: dict[int, tuple[bytes, Callable[[], None]]] = {}  # by key, until it is noted
        self._delay_s = RETRY_FIRST_S
        self._retry: Optional[asyncio.TimerHandle] = None

    def tell(self, key: int, end: bytes, noted: Callable[[], None]) -> None:
        """`end` says how attempt `key` ended; `noted` is called once that cannot get lost any more."""
        frames = end + adopt(key, NO_PID)
        self._untold[key] = frames, noted
        if self._socket is not None:
            self._send(frames)
        elif self._retry is None:
            self._connect()

    def _connect(self) -> None:
        self._retry = None
        try:
            self._socket = connect(self.path, timeout=10)
        except OSError:
            self._again_later()
            return
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._receive)
        self._send(hello() + b"".join(frames for frames, _ in self._untold.values()))

    def _send(self, frames: bytes) -> None:
        waits = bool(self._unsent)
        self._unsent += frames
        if not waits:
            self._flush()

    def _flush(self) -> None:
        if self._socket is None:
            return
        loop = asyncio.get_running_loop()
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self._broken()
            return
        if self._unsent:
            loop.add_writer(self._socket, self._flush)
        else:
            loop.remove_writer(self._socket)

    def _receive(self) -> None:
        if self._socket is None:
            return
        try:
            data = self._socket.recv(64 * 1024)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._broken()
            return
        self._delay_s = RETRY_FIRST_S
        self._read += data
        for kind, fields in list(take_frames(self._read)):
            if kind == ADOPTED:
                _, noted = self._untold.pop(adopted(fields)[0], (b"", None))
                if noted is not None:
                    noted()

    def _broken(self) -> None:
        assert self._socket is not None
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        loop.remove_writer(self._socket)
        self.close()
        if self._untold:
            self._again_later()

    def _again_later(self) -> None:
        self._retry = asyncio.get_running_loop().call_later(self._delay_s, self._connect)
        self._delay_s = min(RETRY_MAX_S, 2 * self._delay_s)

    def close(self) -> None:
        """Lets go of the descriptor; in a forked child this is all that may be touched."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._read.clear()
        self._unsent = b""


class Child:
    def __init__(self, call: str, key: int, pid: int, pipe: int) -> None:
        self.call = call
        self.key = key
        self.pid: Optional[int] = pid
        self.pipe = pipe  # what it tells before it runs user code
        self.pidfd: Optional[int] = None


class Children:
    """`ended` is called with a call and None, or with why the function was never started."""

    def __init__(self, supervisor: Supervisor, ended: Callable[[str, Optional[str]], None]) -> None:
        self._supervisor = supervisor
        self._ended = ended
        self._running: dict[int, Child] = {}  # by key, until reaped
        self._by_signal = False
        self.close_in_child: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self._running)

    def start(self, op: dict[str, Any], target: Any) -> int:
        """Forks a child that calls `target.run()`; its pid. Raises OSError, or what pickling raises."""
        prepare()
        asked = getattr(target, "_start_method", "fork") == "spawn"
        fresh = Fresh(target, op, "" if asked else CUDA_SAYS) if asked or cuda_is_initialised() else None
        inward, outward = map(above_standard, os.pipe())
        for stream in (sys.__stdout__, sys.__stderr__):
            if stream is not None:
                stream.flush()
        try:
            pid = _forked()
        except OSError:
            os.close(inward)
            os.close(outward)
            if fresh is not None:
                fresh.close()
            raise
        if pid == 0:
            target._live = {**(target._live or {}), "pid": os.getpid()}
            work = fresh.run if fresh else target.run
            run_child(op, self._supervisor.path, outward, work, lambda: self._let_go(inward))
        os.close(outward)
        if fresh is not None:
            fresh.close()
        os.set_blocking(inward, False)
        child = Child(op["call"], int(op["key"]), pid, inward)
        self._running[child.key] = child
        self._watch(child, pid)
        return pid

    def _let_go(self, pipe: int) -> None:
        """In the child: of what belongs to the host."""
        self.close_in_child()
        self._supervisor.close()
        os.close(pipe)
        for other in self._running.values():
            for descriptor in (other.pipe, other.pidfd):
                if descriptor is not None and descriptor >= 0:
                    os.close(descriptor)

    # ---- their end -------------------------------------------------------------------------------

    def _watch(self, child: Child, pid: int) -> None:
        loop = asyncio.get_running_loop()
        try:
            child.pidfd = os.pidfd_open(pid)
        except (AttributeError, OSError):  # an old kernel: SIGCHLD tells
            if not self._by_signal:
                self._by_signal = True
                loop.add_signal_handler(signal.SIGCHLD, self._look)
            loop.call_soon(self._look)
            return
        loop.add_reader(child.pidfd, self._peek, child)

    def _look(self) -> None:
        for child in list(self._running.values()):
            if child.pidfd is None:
                self._peek(child)

    def _peek(self, child: Child) -> None:
        """Reads its status and leaves it a zombie, so that the supervisor can look at it too."""
        if child.key not in self._running or child.pid is None:
            return
        try:
            found = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        except ChildProcessError:  # somebody else reaped it: a library in a hook
            self._lost(child)
            return
        if found is None:
            return
        self._unwatch(child)
        kind = KIND_CODE if found.si_code == os.CLD_EXITED else KIND_SIGNAL
        self._tell_end(child, kind, found.si_status)

    def _unwatch(self, child: Child) -> None:
        if child.pidfd is not None:
            asyncio.get_running_loop().remove_reader(child.pidfd)
            os.close(child.pidfd)
            child.pidfd = None

    def _lost(self, child: Child) -> None:
        self._unwatch(child)
        os.close(child.pipe)
        child.pipe = -1
        child.pid = None  # the number may soon be another's
        self._tell(child, child_exited(child.key, KIND_LOST, 0))

    def _tell_end(self, child: Child, kind: int, status: int) -> None:
        said = _read_all(child.pipe)
        child.pipe = -1
        why: Optional[str] = None
        if not said.startswith(ASKED):
            how = f"{'exit status' if kind == KIND_CODE else 'signal'} {status}"
            why = said[1:].decode("utf-8", "replace") or f"it ended before it could begin: {how}"
        elif FAILED in said[1:2]:
            why = said[2:].decode("utf-8", "replace")
        if why is not None or said[1:2] == WAS_REFUSED:
            self._reap(child, why)
        else:
            self._tell(child, child_exited(child.key, kind, status))

    def _tell(self, child: Child, frame: bytes) -> None:
        """It stays a zombie, and unfinished, until the supervisor has noted its end."""
        child.pidfd = -1  # not to be looked at again
        self._supervisor.tell(child.key, frame, lambda: self._reap(child, None))

    def _reap(self, child: Child, why: Optional[str]) -> None:
        del self._running[child.key]
        try:
            if child.pid is not None:
                os.waitpid(child.pid, 0)
        except ChildProcessError:
            pass
        self._ended(child.call, why)


def _forked() -> int:
    if sys.version_info < (3, 12):
        return os.fork()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork, where a library has threads
        return os.fork()


def _read_all(pipe: int) -> bytes:
    try:
        return os.read(pipe, 4096)
    except BlockingIOError:
        return b""
    finally:
        os.close(pipe)
