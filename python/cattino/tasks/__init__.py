"""The objects that users write: tasks, groups and graphs."""

from cattino.status import TaskStatus
from cattino.tasks.base import Task
from cattino.tasks.graph import TaskGraph
from cattino.tasks.group import TaskGroup
from cattino.tasks.process import DeviceRequiredTask, ProcTask

__all__ = ["DeviceRequiredTask", "ProcTask", "Task", "TaskGraph", "TaskGroup", "TaskStatus"]
