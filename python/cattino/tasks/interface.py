"""The names that scripts written for the first Cattino import from here."""

from cattino.status import TaskStatus
from cattino.tasks import DeviceRequiredTask, Task, TaskGraph, TaskGroup

__all__ = ["DeviceRequiredTask", "Task", "TaskGraph", "TaskGroup", "TaskStatus"]
