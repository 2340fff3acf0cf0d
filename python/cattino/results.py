"""What function tasks return, on its way through a file."""

from __future__ import annotations

import contextlib
import os
import pickle
from typing import Any, Optional

from cattino.attempts import path_of
from cattino.errors import CattinoError, TaskFailed


class Unsendable:
    """Stands in the file for a value that could not be pickled."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Raised:
    """Stands in the file for the exception by which a function ended."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def write_error(path: str, error: BaseException) -> None:
    """Keeps what a function raised, if it can be sent; its traceback is in stderr.log in any case."""
    try:
        write_result(path, Raised(error.with_traceback(None)))
    except Exception:
        with contextlib.suppress(OSError):
            os.unlink(path)


def write_result(path: str, value: Any) -> None:
    """In place: nobody reads it before the task has ended, and one that was cut off is not Done. None is
    not written."""
    if value is None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        return
    pickled = _pickled(value)
    with open(path, "wb") as file:
        file.write(pickled)


def _pickled(value: Any) -> bytes:
    try:
        return _dumped(value)
    except Exception as error:
        from cattino.culprits import Search

        return pickle.dumps(Unsendable(Search(_dumped).describe(value, error)))


def _dumped(value: Any) -> bytes:
    try:
        return pickle.dumps(value)
    except Exception:
        import cloudpickle

        dumped: bytes = cloudpickle.dumps(value)
        return dumped


def read_result(task: dict[str, Any]) -> Any:
    """The value that the last attempt of `task` (as the backend tells of it) returned."""
    value = _read(task)
    if isinstance(value, Unsendable):
        raise CattinoError(f"{task['fullname']}: what it returned cannot be sent back: {value.reason}")
    return None if isinstance(value, Raised) else value


def read_error(task: dict[str, Any]) -> Optional[BaseException]:
    """What the last attempt's function raised; None if nothing, or nothing that could be sent."""
    try:
        value = _read(task)
    except Exception:  # its class cannot be found here
        return None
    return value.error if isinstance(value, Raised) else None


def settled(fullname: str, task: dict[str, Any]) -> Any:
    """What a function task that has ended gives: its value; or, raised, the exception that it raised, with
    TaskFailed as its cause; or TaskFailed alone, for any other end."""
    if task["status"] == "Done":
        return read_result(task)
    failed = failure(fullname, task)
    raised = read_error(task) if task["status"] == "Failed" and "directory" in task else None
    if isinstance(raised, Exception):
        raise raised from failed
    raise failed


def failure(fullname: str, task: dict[str, Any]) -> TaskFailed:
    """Why it has no result, with the end of its stderr.log."""
    how = (task.get("exit") or {}).get("text") or (task.get("reason") or {}).get("text")
    text = f"{fullname} ended {task['status']}" + (f": {how}" if how else "")
    tail = last_lines(task.get("stderr"))
    return TaskFailed(f"{text}\n{tail}" if tail else text)


def _read(task: dict[str, Any]) -> Any:
    try:
        with open(path_of(task["directory"], "result", task.get("attempt") or 1, "pkl"), "rb") as file:
            return pickle.load(file)
    except FileNotFoundError:
        return None


def last_lines(path: Optional[str], count: int = 10) -> str:
    """The end of a log."""
    if not path:
        return ""
    try:
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 8192))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-count:])
