"""Tracebacks that show the user's own frames only."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Optional

_package = os.path.dirname(os.path.abspath(__file__)) + os.sep


def is_ours(filename: str) -> bool:
    return os.path.abspath(filename).startswith(_package) or filename.startswith("<frozen")


def user_traceback(error: BaseException) -> str:
    """As Python prints it, without the frames of this package."""
    import traceback

    shown = traceback.TracebackException.from_exception(error)
    pending: list[Optional[traceback.TracebackException]] = [shown]
    while pending:
        at = pending.pop()
        if at is not None:
            at.stack = traceback.StackSummary.from_list([f for f in at.stack if not is_ours(f.filename)])
            pending += [at.__cause__, at.__context__]
    return "".join(shown.format())


def users_part(trace: Optional[TracebackType], *, but: tuple[str, ...] = ()) -> Optional[TracebackType]:
    """Without the frames of this package, and of other modules (`but`); None if no other is left."""
    frames = []
    while trace is not None:
        frame = trace.tb_frame
        module = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if not is_ours(frame.f_code.co_filename) and module not in but:
            frames.append((frame, trace.tb_lasti, trace.tb_lineno))
        trace = trace.tb_next
    made = None
    for frame, at, line in reversed(frames):
        made = TracebackType(made, frame, at, line)
    return made


def place_of(trace: Optional[TracebackType], otherwise: str) -> str:
    """`file:line` of the last line of the user's own on the way to an error."""
    place = otherwise
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if not is_ours(filename):
            place = f"{filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
