"""Where the logs of a task are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple, Optional, Union

from cattino.errors import CattinoError
from cattino.tasks.node import Node


class LogPaths(NamedTuple):
    """Of the last attempt of a task."""

    directory: Path
    stdout: Path
    stderr: Path
    run_dir: Path


def where(task: Union[str, Node, None] = None) -> Union[LogPaths, Path]:
    """The paths of a task's logs; of a group, its directory; without a task, the directory of the
    latest submission of this process, or the one in which all logs are.

    cattino.where("pipeline/train").stdout
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


def _reference(task: Union[str, Node]) -> str:
    if isinstance(task, Node):
        identity: Optional[int] = task._id
        return task.fullname if identity is None else f"#{identity}"
    return task


def _of_group(found: dict[str, dict[str, str]]) -> Path:
    fullname = found["group"]["fullname"]
    for task in found.get("tasks", ()):
        run_dir = task.get("run_dir") if isinstance(task, dict) else None
        if run_dir:
            return Path(run_dir, fullname)
    raise CattinoError(f"{fullname} has no tasks whose place is known")
