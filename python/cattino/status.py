"""The statuses that users see."""

from __future__ import annotations

from enum import Enum


class TaskStatus(str, Enum):
    """How a task is, or a group: `Waiting`, `Running`, `Done`, `Failed`, `Cancelled`; `MultiStatus` is a
    group whose tasks differ.

    Done is exit status 0, or a function that returned. Each is equal to its name as text:
    `task.status == "Running"`.
    """

    Waiting = "Waiting"
    Running = "Running"
    Done = "Done"
    Failed = "Failed"
    Cancelled = "Cancelled"
    MultiStatus = "MultiStatus"  #: a group whose members differ

    def __str__(self) -> str:
        return self.value

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)

    @property
    def has_ended(self) -> bool:
        """Whether it is Done, Failed or Cancelled."""
        return self in ENDED


ENDED = frozenset({TaskStatus.Done, TaskStatus.Failed, TaskStatus.Cancelled})  # and their names as text
