"""What is different in a notebook: in a kernel of IPython, whose cells show what is printed and raised."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, TimerHandle

EACH_S = 0.5  # so late an interrupt is heard at most


def in_notebook() -> bool:
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(_shell()).__mro__)


def _shell() -> Any:
    """IPython's, of a terminal or a kernel, or None."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def cell_of(filename: str) -> Optional[str]:
    """`Cell In[3]`, as IPython itself calls what was compiled under a name that says nothing."""
    shell = _shell()
    if shell is None:
        return None
    try:
        found = shell.compile.format_code_name(filename)
    except AttributeError:  # it is older than 8
        return None
    return None if found is None else " ".join(found)


def rendered(error: BaseException) -> list[str]:
    """As IPython shows it, without the frames of this package."""
    from cattino.tracebacks import users_part

    shown: list[str] = _shell().InteractiveTB.structured_traceback(
        type(error), error, users_part(error.__traceback__)
    )
    return shown


class _Awake:
    waiting = 0
    timer: Optional[TimerHandle] = None


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """While something is awaited. A kernel that is interrupted cancels the cell that awaits, but only when
    its loop next wakes up: it does that now and then."""
    if not in_notebook():
        yield
        return
    if not _Awake.waiting:
        from asyncio import get_running_loop

        _wake_up_again(get_running_loop())
    _Awake.waiting += 1
    try:
        yield
    finally:
        _Awake.waiting -= 1
        if not _Awake.waiting and _Awake.timer is not None:
            _Awake.timer.cancel()


def _wake_up_again(loop: AbstractEventLoop) -> None:
    _Awake.timer = loop.call_later(EACH_S, _wake_up_again, loop)
