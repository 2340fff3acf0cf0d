"""Runs a task whose class has a `start` of its own, and perhaps a `wait` and a `terminate`, but no `run`.

All of this happens in the process of the task; the objects of those who wait for it are not started.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable
from types import FrameType
from typing import TYPE_CHECKING, Any, Callable, Optional

from cattino.tasks.node import Node

if TYPE_CHECKING:
    from cattino.tasks.base import Task


def has_start(kind: type[Task]) -> bool:
    return callable(getattr(kind, "start", None))


def run_started(task: Any) -> Any:
    """What `start` returned, or else `wait`. If `start` is async, what is to be awaited for that."""
    if type(task).terminate is not Node.terminate:
        signal.signal(signal.SIGTERM, _Stop(task.terminate))
    begun = task.start()
    wait = task.wait if type(task).wait is not Node.wait else _no_wait
    if hasattr(begun, "__await__"):
        return _go_on(begun, wait)
    waited = wait()
    return waited if begun is None else begun


def _no_wait() -> None:
    pass


async def _go_on(begun: Awaitable[Any], wait: Callable[[], Any]) -> Any:
    """On one loop, so that what `start` has begun there can be waited for."""
    value = await begun
    waited = wait()
    if hasattr(waited, "__await__"):
        waited = await waited
    return waited if value is None else value


class _Stop:
    """The handler of SIGTERM. A second one ends the process at once."""

    def __init__(self, terminate: Callable[[], Any]) -> None:
        self._terminate = terminate
        self._stopping: Optional[asyncio.Task[None]] = None

    def __call__(self, number: int, frame: Optional[FrameType]) -> None:
        signal.signal(number, signal.SIG_DFL)
        try:
            result = self._terminate()
            if hasattr(result, "__await__"):
                try:
                    loop = asyncio.get_running_loop()
                except RuntimeError:
                    asyncio.run(_awaited(result))
                else:  # which waits for something else, and must be woken up
                    loop.call_soon_threadsafe(self._stop_on, loop, result)
                    return
        except Exception as error:
            _show(error)
        _end_by_signal()

    def _stop_on(self, loop: asyncio.AbstractEventLoop, result: Awaitable[Any]) -> None:
        async def stop() -> None:
            try:
                await result
            except Exception as error:
                _show(error)
            _end_by_signal()

        self._stopping = loop.create_task(stop())


async def _awaited(result: Awaitable[Any]) -> None:
    await result


def _show(error: Exception) -> None:
    from cattino.tracebacks import user_traceback

    sys.stderr.write(user_traceback(error))


def _end_by_signal() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.kill(os.getpid(), signal.SIGTERM)
