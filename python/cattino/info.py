"""What the backend tells of tasks, devices and events, as values that can only be read."""

from __future__ import annotations

from typing import Any, Optional

from cattino.status import TaskStatus


class TaskInfo:
    """A task as it was when it was asked for.

    Times are seconds since 1970. What an event does not tell of its task is asked for when it is first
    read, and is as of then.
    """

    __slots__ = ("_full", "_told")

    def __init__(self, told: dict[str, Any], full: bool = True) -> None:
        self._told = told
        self._full = full

    @property
    def id(self) -> int:
        """Its number, which no other task ever has."""
        return self._told["id"]  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        """Without its groups."""
        if not self._full and "/" not in self.fullname:
            return self.fullname
        return self._get("name")  # type: ignore[no-any-return]

    @property
    def fullname(self) -> str:
        """`group/subgroup/task`."""
        return self._told["fullname"]  # type: ignore[no-any-return]

    @property
    def group(self) -> Optional[str]:
        """The fullname of its group, or None."""
        if not self._full and "/" not in self.fullname:
            return None
        return self._get("group")  # type: ignore[no-any-return]

    @property
    def status(self) -> TaskStatus:
        """As it was then."""
        return TaskStatus(self._get("status"))

    @property
    def reason(self) -> str:
        """Why it waits, or how it ended; empty if there is nothing to say."""
        told = self._get("reason") or self._get("exit") or {}
        return told.get("text", "")  # type: ignore[no-any-return]

    @property
    def priority(self) -> int:
        """Higher runs first."""
        return self._get("priority")  # type: ignore[no-any-return]

    @property
    def attempt(self) -> int:
        """The number of its last attempt; 0 before the first."""
        return self._get("attempt")  # type: ignore[no-any-return]

    @property
    def exit_code(self) -> Optional[int]:
        """Of the last attempt; None if there was none, or a signal ended it."""
        return (self._get("exit") or {}).get("code")

    @property
    def signal(self) -> Optional[int]:
        """The number of the signal that ended the last attempt, or None."""
        return (self._get("exit") or {}).get("signal")

    @property
    def pid(self) -> Optional[int]:
        """Of the process of its last attempt; None before the first."""
        return self._get("pid")  # type: ignore[no-any-return]

    @property
    def devices(self) -> list[str]:
        """Of the last attempt: `["cuda:0"]`."""
        return list(self._get("devices") or ())

    @property
    def command(self) -> Optional[str]:
        """As the listing shows it: a command line, or `train()`."""
        return self._get("command")  # type: ignore[no-any-return]

    @property
    def request(self) -> dict[str, Any]:
        """What it asks for, by the words of the protocol: `{"min_devices": 2, …}`."""
        return dict(self._get("request") or {})

    @property
    def progress(self) -> Optional[dict[str, Any]]:
        """How far it says it is: `{"step": 3, "total": 17, "metrics": {"loss": 0.5}}`, all but metrics
        optional; by `cattino.report`, or the last bar of tqdm or Keras in its logs. None if it does not."""
        return self._get("progress")  # type: ignore[no-any-return]

    @property
    def created(self) -> float:
        """When it was submitted."""
        return self._get("created") / 1000  # type: ignore[no-any-return]

    @property
    def started(self) -> Optional[float]:
        """When its last attempt was; None before the first."""
        return _seconds(self._get("started"))

    @property
    def ended(self) -> Optional[float]:
        """When it ended; None if it has not."""
        return _seconds(self._get("ended"))

    @property
    def directory(self) -> str:
        """The directory of its logs."""
        return self._get("directory")  # type: ignore[no-any-return]

    @property
    def run_dir(self) -> str:
        """The directory of its submission."""
        return self._get("run_dir")  # type: ignore[no-any-return]

    @property
    def stdout(self) -> Optional[str]:
        """The path of the log of its last attempt; None before the first."""
        return self._get("stdout")  # type: ignore[no-any-return]

    @property
    def stderr(self) -> Optional[str]:
        """The path of the log of its last attempt; None before the first."""
        return self._get("stderr")  # type: ignore[no-any-return]

    def _get(self, key: str) -> Any:
        if key not in self._told and not self._full:
            from cattino.backend import task_in_full

            self._told = {**task_in_full(f"#{self.id}")["task"], **self._told}
            self._full = True
        return self._told.get(key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TaskInfo) and self._told == other._told

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<TaskInfo #{self.id} {self.fullname}: {self._told.get('status', '…')}>"


class DeviceInfo:
    """A device of the backend's machine. Memory is in MiB."""

    __slots__ = ("_told",)

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told

    @property
    def name(self) -> str:
        """`cuda:0`."""
        return self._told["name"]  # type: ignore[no-any-return]

    @property
    def kind(self) -> str:
        """`accelerator` or `cpu`."""
        return self._told["kind"]  # type: ignore[no-any-return]

    @property
    def model(self) -> Optional[str]:
        """What the driver calls it; nothing if it does not say."""
        return self._told.get("model")

    @property
    def uuid(self) -> Optional[str]:
        """The name that it keeps wherever it is put; nothing if it has none."""
        return self._told.get("uuid")

    @property
    def health(self) -> str:
        """`ok`, or what is wrong with it."""
        return self._told["health"]  # type: ignore[no-any-return]

    @property
    def total(self) -> int:
        """Its memory, in MiB."""
        return self._told["total"]  # type: ignore[no-any-return]

    @property
    def free(self) -> int:
        """MiB that tasks may still ask for."""
        return self._told["free"]  # type: ignore[no-any-return]

    @property
    def used_by_others(self) -> int:
        """MiB that processes use which are no tasks."""
        return self._told["used_by_others"]  # type: ignore[no-any-return]

    @property
    def tasks(self) -> list[str]:
        """The fullnames of the tasks that hold it."""
        return list(self._told["tasks"])

    def __repr__(self) -> str:
        return f"<DeviceInfo {self.name}: {self.free} of {self.total} MiB free>"


class Event:
    """Something that happened, to `task` (a TaskInfo, or None).

    `event` is `created`, `started`, `ended`, `requeued` (it will run again), `changed`, `removed`,
    `devices` (theirs have changed) or `leaving` (the backend ends).
    """

    __slots__ = ("_told", "task")

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told
        task = told.get("task")
        self.task: Optional[TaskInfo] = None if task is None else TaskInfo(task, full=False)

    @property
    def event(self) -> str:
        """What happened, in one word."""
        return self._told["event"]  # type: ignore[no-any-return]

    @property
    def at(self) -> float:
        """Seconds since 1970."""
        return self._told["at"] / 1000  # type: ignore[no-any-return]

    @property
    def text(self) -> str:
        """One line for people."""
        return self._told.get("text") or ""

    def __repr__(self) -> str:
        return f"<Event {self.event}: {self.text}>"


def _seconds(ms: Optional[int]) -> Optional[float]:
    return None if ms is None else ms / 1000
