"""Where the logs of a task are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Optional, Union

from cattino.errors import CattinoError
from cattino.tasks.node import Node

if TYPE_CHECKING:
    from cattino.calls import Name


class LogPaths(NamedTuple):
    """Of the last attempt of a task: `directory`, `stdout` and `stderr` inside it, and `run_dir`, the
    directory of its submission. The files are there once it has started."""

    directory: Path
    stdout: Path
    stderr: Path
    run_dir: Path


def where(task: Optional[Name] = None) -> Union[LogPaths, Path]:
    """The paths of a task's logs (LogPaths); of a group, its directory (a Path); without a task, the
    directory of the latest submission of this process, inside a task of its own submission, else the one in
    which all logs are.

        cattino.where("pipeline/train").stdout.read_text()

    `task` is a name, an id, or an object. Raises CattinoError if there is no such task.
    """
    from cattino.backend import logs_home, task_in_full
    from cattino.submit import Last

    if task is None:
        inside = os.environ.get("CATTINO_RUN_DIR")
        return Path(Last.run_dir or inside or logs_home())
    found = task_in_full(_reference(task))
    if "task" not in found:
        return _of_group(found)
    told = found["task"]
    return LogPaths(*(Path(told[key]) for key in ("directory", "stdout", "stderr", "run_dir")))


def _reference(task: Name) -> str:
    if isinstance(task, Node):
        return task.fullname if task._id is None else f"#{task._id}"
    from cattino.calls import one_reference

    return one_reference(task)


def _of_group(found: dict[str, dict[str, str]]) -> Path:
    fullname = found["group"]["fullname"]
    for task in found.get("tasks", ()):
        run_dir = task.get("run_dir") if isinstance(task, dict) else None
        if run_dir:
            return Path(run_dir, fullname)
    raise CattinoError(f"{fullname} has no tasks whose place is known")
