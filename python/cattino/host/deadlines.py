"""How long hooks may take: one that takes longer is told so wherever it is, by an exception."""

from __future__ import annotations

import asyncio
import signal
import time
from types import FrameType
from typing import Any, Callable, Optional

AGAIN_S = 1.0  #: between two exceptions in a hook that catches them and goes on


class HookTimeout(TimeoutError):
    """A hook took longer than it may."""


class Deadlines:
    """Of hooks that run on one loop, each in an asyncio task of its own.

    One that waits is cancelled by the loop. One that holds the loop up hears of it by SIGALRM, between two
    steps of Python; what holds it up inside C code is out of reach, and ends with the process.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: dict[asyncio.Task[Any], float] = {}
        self._timers: dict[asyncio.Task[Any], asyncio.TimerHandle] = {}
        self._armed = 0.0  # for when the signal is asked for; 0: it is not
        self.handles_signal = False

    def begin(self, hook: asyncio.Task[Any], seconds: float, expired: Callable[[], None]) -> None:
        """`expired` is called if it waits when its time is over; it is cancelled then."""
        now = time.monotonic()
        self._due[hook] = now + seconds
        self._timers[hook] = self._loop.call_later(seconds, self._expire, hook, expired)
        if not self._armed or now + seconds < self._armed:
            self._arm(now, now + seconds)

    def end(self, hook: asyncio.Task[Any]) -> None:
        """What comes after this is not interrupted."""
        self._due.pop(hook, None)
        timer = self._timers.pop(hook, None)
        if timer is not None:
            timer.cancel()

    def _expire(self, hook: asyncio.Task[Any], expired: Callable[[], None]) -> None:
        self.end(hook)
        expired()
        hook.cancel()

    def _arm(self, now: float, due: float) -> None:
        self._armed = due
        if not self.handles_signal:
            self.handles_signal = True
            signal.signal(signal.SIGALRM, self._hurry)
        signal.setitimer(signal.ITIMER_REAL, max(0.001, due - now))

    def _hurry(self, _signal: int, _frame: Optional[FrameType]) -> None:
        now = time.monotonic()
        running = asyncio.current_task(self._loop) if asyncio._get_running_loop() is not None else None
        self._armed = 0.0
        if self._due:
            self._arm(now, max(min(self._due.values()), now + AGAIN_S))
        if running is not None and now >= self._due.get(running, now + 1):
            raise HookTimeout
