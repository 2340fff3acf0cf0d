"""The objects that users write: tasks, groups and graphs.

    ProcTask              a command, or a function with its arguments; what is nearly always meant
    TaskGroup             tasks and groups, at once, one after the other, or as a graph says
    TaskGraph             which of them come before which
    Task                  the base for classes with a `run`, or a `start`, of their own; needs no device
    DeviceRequiredTask    the same with devices
    TaskStatus            how a task or a group is

Hooks (`on_start`, `on_end`, `on_retry`, `on_fail`) are methods that a class of one's own overrides.
"""

from cattino.status import TaskStatus
from cattino.tasks.base import Task
from cattino.tasks.graph import TaskGraph
from cattino.tasks.group import TaskGroup
from cattino.tasks.process import DeviceRequiredTask, ProcTask

__all__ = ["DeviceRequiredTask", "ProcTask", "Task", "TaskGraph", "TaskGroup", "TaskStatus"]
