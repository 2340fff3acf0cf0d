"""`cattino.Client`: the backend of this user, as an object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Optional, Union

from cattino import calls
from cattino.backend import run
from cattino.calls import Name
from cattino.errors import CattinoError
from cattino.events import Events
from cattino.info import DeviceInfo, TaskInfo
from cattino.status import TaskStatus
from cattino.tasks.timing import check_seconds

if TYPE_CHECKING:
    from typing_extensions import Self

    from cattino.following import LogLines
    from cattino.tasks import Task, TaskGraph, TaskGroup

TaskInfos = list[TaskInfo]  # in Client, `list` is its own
DeviceInfos = list[DeviceInfo]
Status = Union[str, TaskStatus, Iterable[Union[str, TaskStatus]], None]


class Client:
    """The backend of this user; it is started if it does not run.

        with cattino.Client() as client:
            client.submit(ProcTask("python train.py", task_name="train"))
            client.wait("train")

    Wherever a name is expected, the task or group object, the id, or a TaskInfo does as well; the name of a
    group stands for its tasks. What the backend refuses is raised as CattinoError, with its `hint`. It holds
    no connection, and can be used from several threads.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is held; for those who close what they opened."""

    def submit(self, *objects: Union[Task, TaskGroup, TaskGraph]) -> TaskInfos:
        """Submits `objects` (tasks, groups, graphs) as one submission: all or nothing. Returns their tasks,
        in order."""
        return submit(objects)

    def list(
        self, *names: Name, status: Status = None, all: bool = False, match: Optional[str] = None
    ) -> TaskInfos:
        """The tasks as they are now: those of `names`, and those whose fullname fits `match`, a regular
        expression (RE2); without either, all. What `match` or nothing stands for is what has not ended, and
        what ended in submissions of the last 24 hours; with `all`, whatever there is, a million at most. Of
        these, only those with `status` (one, or several: `"Running"`, `["Done", "Failed"]`)."""
        return run(calls.tasks(names, status, all, match))

    def task(self, name: Name) -> TaskInfo:
        """The task `name` as it is now. Raises CattinoError if there is none, or it is a group."""
        return run(calls.task(name))

    def wait(self, *names: Name, timeout: Optional[float] = None) -> TaskInfos:
        """Waits until `names` have ended; without any, all that has not ended now. Returns the tasks, also
        when nothing left can go on without the user. Raises TimeoutError after `timeout` seconds (None:
        never)."""
        return run(calls.wait(names, timeout))

    def result(self, name: Name, timeout: Optional[float] = None) -> Any:
        """What the function of the task `name` returned, or raised, when it has ended; of a command,
        TaskStatus.Done. Raises TaskFailed if it ended in another way, TimeoutError after `timeout`
        seconds."""
        return result_of(run(calls.ended_in_full(name, timeout)))

    def cancel(self, *names: Name, match: Optional[str] = None) -> TaskInfos:
        """Waiting or Running → Cancelled: `names`, or those whose fullname fits `match`, a regular expression
        (RE2). Returns what has changed (of more than 1000 not all), as do the other verbs; `wait` for those
        that run. What can never run then is cancelled, too."""
        return run(calls.change("cancel", names, match))

    def kill(self, *names: Name, match: Optional[str] = None) -> TaskInfos:
        """Running → stopped, Failed, and not retried: `names`, or what fits `match`, as for `cancel`."""
        return run(calls.change("kill", names, match))

    def resume(self, *names: Name, match: Optional[str] = None) -> TaskInfos:
        """Failed, Cancelled or held → Waiting, and with them what was cancelled because of them: `names`, or
        what fits `match`, as for `cancel`."""
        return run(calls.change("resume", names, match))

    def remove(self, *names: Name, match: Optional[str] = None) -> TaskInfos:
        """Cancelled if need be, and no longer listed: `names`, or what fits `match`, as for `cancel`. Logs
        stay."""
        return run(calls.change("remove", names, match))

    def logs(
        self, name: Name, stream: str = "stdout", follow: bool = False
    ) -> Union[LogLines, Iterator[str]]:
        """The lines that the task `name` has written to `stream`, `"stdout"` or `"stderr"`, in its last
        attempt, without their newlines; with `follow`, those to come, until the task has ended, through
        further attempts: then close it (`with client.logs(…, follow=True) as lines`) if you stop before its
        end."""
        from cattino.following import LogLines, lines_of, log_of

        calls.checked_stream(stream)
        info = self.task(name)
        return LogLines(info._told, stream) if follow else lines_of(log_of(info._told, stream))

    def events(self, since: Optional[float] = None) -> Events:
        """What happens from now on, or from `since` (seconds since 1970): an endless iterator that misses
        nothing, also when the backend is killed meanwhile."""
        return Events(check_seconds("events", "since", since))

    def devices(self) -> DeviceInfos:
        """The devices of the backend's machine, with who holds them."""
        return run(calls.devices())


def submit(objects: Iterable[Any]) -> list[TaskInfo]:
    from cattino.exporting import Collector, Export, _checked, _source
    from cattino.submit import submit as send
    from cattino.tasks.base import Task
    from cattino.tasks.graph import TaskGraph
    from cattino.tasks.group import TaskGroup

    exports = [Export(_checked(found), "cattino.Client") for found in objects]
    if not exports:
        return []
    if Collector.work is not None:
        raise CattinoError(
            "a Client submits at once, and `meow create` when the script has ended",
            hint="use cattino.export, or run it with python",
        )
    told = {task["id"]: task for task in send(exports, _source()).get("tasks", ())}
    found: list[TaskInfo] = []
    pending: list[Any] = [export.exported for export in reversed(exports)]
    while pending:
        node = pending.pop()
        if isinstance(node, Task):
            found.append(_submitted(node, told))
        elif isinstance(node, (TaskGroup, TaskGraph)):
            pending.extend(reversed(node.tasks))
    return found


def _submitted(task: Task, told: dict[int, dict[str, Any]]) -> TaskInfo:
    group = None if task.group is None else task.group.fullname
    known = {"id": task._id, "name": task.name, "fullname": task.fullname, "group": group}
    return TaskInfo({**known, **told.get(task._id or 0, {})}, full=False)


def result_of(full: dict[str, Any]) -> Any:
    """Of a task that has ended, as the backend tells of it in full."""
    from cattino.results import settled

    task = full["task"]
    if task["status"] == "Done" and full.get("function") is None:
        return TaskStatus.Done
    return settled(task["fullname"], task)
