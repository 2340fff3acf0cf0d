"""Cattino: schedules processes on the devices of a machine.

    import cattino
    from cattino.tasks import ProcTask

    task = ProcTask("python train.py", task_name="train", min_devices=2, requires_memory_per_device="20GiB")
    cattino.export(task)      # a backend runs it when two devices have so much memory free
    task.wait()               # Done, Failed or Cancelled; its output: cattino.where(task).stdout

What to run is written with cattino.tasks: ProcTask (a command or a function), TaskGroup (several, at once or
one after the other) and TaskGraph (in any order). See help(cattino.tasks.ProcTask).

    export            hands tasks, groups and graphs to the backend
    where             the paths of a task's logs
    Executor          a concurrent.futures.Executor whose calls are tasks
    Client            the backend: list, wait, result, cancel, logs, events, devices, …
    AsyncClient       the same for asyncio; `await task` works, too
    settings          what holds for this process, this project and the backend
    Magics            `${…}` in commands: resolvers and constants of one's own
    TaskStatus        Waiting, Running, Done, Failed, Cancelled, MultiStatus
    CattinoError      the base of all errors; FieldError (a wrong value), TaskFailed (no result)

Inside a task:

    report            says how far it is
    exit_and_retry    ends it so that it is run again
"""

# What is rarely needed is imported when it is first used, so that `import cattino` stays cheap.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cattino.errors import CattinoError, FieldError, TaskFailed
from cattino.exporting import exit_and_retry, export
from cattino.status import TaskStatus

if TYPE_CHECKING:
    from cattino.async_clients import AsyncClient
    from cattino.clients import Client
    from cattino.executor import Executor
    from cattino.logs import where
    from cattino.magics import Magics
    from cattino.preferences import settings
    from cattino.reporting import report

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "CattinoError",
    "Client",
    "Executor",
    "FieldError",
    "Magics",
    "TaskFailed",
    "TaskStatus",
    "__version__",
    "exit_and_retry",
    "export",
    "report",
    "settings",
    "where",
]

_lazy = {
    "AsyncClient": "cattino.async_clients",
    "Client": "cattino.clients",
    "Executor": "cattino.executor",
    "Magics": "cattino.magics",
    "report": "cattino.reporting",
    "settings": "cattino.preferences",
    "where": "cattino.logs",
}


def __getattr__(name: str) -> Any:
    module = _lazy.get(name)
    if module is None:
        raise AttributeError(f"module 'cattino' has no attribute {name!r}{_hint(name)}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def _hint(name: str) -> str:
    if not name[:1].isupper():  # Python asks so for modules, before it imports them
        return ""
    from cattino.errors import nearest

    if name in ("DeviceRequiredTask", "ProcTask", "Task", "TaskGraph", "TaskGroup"):
        return f" (it is in cattino.tasks: from cattino.tasks import {name})"
    meant = nearest(name, __all__)
    return f" (did you mean {meant!r}?)" if meant else ""


def __dir__() -> list[str]:
    return sorted({*globals(), *_lazy})
