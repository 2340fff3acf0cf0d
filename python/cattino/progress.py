"""A line about what is waited for, where somebody sees it: at a terminal, or in a notebook."""

from __future__ import annotations

import contextlib
import sys
import threading
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from time import monotonic
from types import TracebackType
from typing import Any, Optional, Protocol

from cattino.backend import connect_running, run
from cattino.client import Told
from cattino.errors import CattinoError
from cattino.feed import GAP, LISTENING, Feed
from cattino.notebook import in_notebook
from cattino.parts import listed
from cattino.status import ENDED

BEFORE_S = 0.5  # a shorter wait shows nothing
EACH_S = 0.5  # drawn again, for the time that passes


def waiting(fullname: str, names: list[str]) -> AbstractContextManager[Any]:
    """Shows how many of the tasks `names` (`#12`) have ended; of a single one, its status."""
    if not names[0].startswith("#") or not (_at_terminal() or in_notebook()):
        return nullcontext()
    return Progress(fullname, [int(name[1:]) for name in names])


def _at_terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False


class Progress:
    """Two threads for as long as it is shown: one draws, one hears from the backend's feed what to draw."""

    def __init__(self, fullname: str, tasks: list[int]) -> None:
        self._fullname = fullname
        self._statuses = dict.fromkeys(tasks, "Waiting")
        self._feed = Feed(connect_running)  # who waits sees to it that a backend is there
        self._drawing = threading.Thread(target=self._draw, name="cattino-progress", daemon=True)

    def __enter__(self) -> None:
        self._drawing.start()

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._feed.close()
        self._drawing.join()

    def _draw(self) -> None:
        if self._feed.closed.wait(BEFORE_S):
            return
        threading.Thread(target=self._hear, name="cattino-progress-feed", daemon=True).start()
        bar = _bar(self._fullname, len(self._statuses))
        while not self._feed.closed.wait(EACH_S):
            statuses = list(self._statuses.values())
            bar.show(sum(status in ENDED for status in statuses), statuses[0])
        bar.close()

    def _hear(self) -> None:
        with contextlib.suppress(CattinoError, OSError):  # who waits is told of it
            for line in self._feed:
                try:
                    self._take(line)
                except Exception as error:
                    self._feed.drop(error)

    def _take(self, line: Told) -> None:
        if line["event"] in (LISTENING, GAP):
            names = [f"#{task}" for task in self._statuses]
            found = run(listed(names, query=[("all", 1), ("reasons", 0)]), connect_running)
            self._statuses.update((task["id"], task["status"]) for task in found)
        elif (line.get("task") or {}).get("id") in self._statuses:
            self._statuses[line["task"]["id"]] = line["task"]["status"]


class Bar(Protocol):
    def show(self, ended: int, status: str) -> None: ...
    def close(self) -> None: ...


def _bar(fullname: str, total: int) -> Bar:
    try:
        if in_notebook() and find_spec("ipywidgets") is None:
            from tqdm import tqdm  # the other one would warn of that
        else:
            from tqdm.auto import tqdm
    except ImportError:
        return Line(fullname, total)
    return Tqdm(tqdm, fullname, total)


class Tqdm:
    def __init__(self, tqdm: Any, fullname: str, total: int) -> None:
        single = {"bar_format": "{desc} {elapsed}"} if total == 1 else {}
        self._bar = tqdm(total=total, desc=fullname, unit="task", leave=False, file=sys.stderr, **single)
        self._fullname = fullname if total == 1 else ""

    def show(self, ended: int, status: str) -> None:
        if self._fullname:
            self._bar.set_description_str(f"{self._fullname}: {status}", refresh=False)
        self._bar.n = ended
        self._bar.refresh()

    def close(self) -> None:
        self._bar.n = self._bar.total  # else a notebook keeps it, in red
        self._bar.close()


class Line:
    """`pipeline: 3 of 10 tasks have ended (0:42)`, and nothing afterwards."""

    def __init__(self, fullname: str, total: int) -> None:
        self._fullname = fullname
        self._total = total
        self._begun = monotonic() - BEFORE_S
        self._drawn = 0

    def show(self, ended: int, status: str) -> None:
        minutes, seconds = divmod(int(monotonic() - self._begun), 60)
        said = status if self._total == 1 else f"{ended} of {self._total} tasks have ended"
        self._write(f"{self._fullname}: {said} ({minutes}:{seconds:02})")

    def close(self) -> None:
        self._write("")
        self._write("")

    def _write(self, text: str) -> None:
        """Spaces cover what was there: notebooks know no other way."""
        sys.stderr.write(f"\r{text.ljust(self._drawn)}")
        sys.stderr.flush()
        self._drawn = len(text)
