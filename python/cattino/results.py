"""What function tasks return, on its way through a file."""

from __future__ import annotations

import os
import pickle
from typing import Any, Optional

from cattino.errors import CattinoError


class Unsendable:
    """Stands in the file for a value that could not be pickled."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def write_result(path: str, value: Any) -> None:
    """Writes so that a reader sees all of it or nothing. None is not written."""
    if value is None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        return
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "wb") as file:
        file.write(_pickled(value))
    os.replace(temporary, path)


def _pickled(value: Any) -> bytes:
    try:
        try:
            return pickle.dumps(value)
        except Exception:
            import cloudpickle

            dumped: bytes = cloudpickle.dumps(value)
            return dumped
    except Exception as error:
        return pickle.dumps(Unsendable(f"{type(value).__qualname__}: {error}"))


def read_result(task: dict[str, Any]) -> Any:
    """The value that the last attempt of `task` (as the backend tells of it) returned."""
    directory, attempt = task["directory"], task.get("attempt") or 1
    names = ["result.pkl"] if attempt == 1 else [f"result.{attempt}.pkl", "result.pkl"]
    for name in names:
        try:
            with open(os.path.join(directory, name), "rb") as file:
                value = pickle.load(file)
        except FileNotFoundError:
            continue
        if isinstance(value, Unsendable):
            raise CattinoError(f"{task['fullname']}: what it returned cannot be pickled: {value.reason}")
        return value
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
