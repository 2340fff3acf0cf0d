"""Task: a unit of work with its priority."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any, Optional

from cattino.errors import CattinoError, UnknownField, did_you_mean
from cattino.status import TaskStatus
from cattino.tasks.node import Node, check_name
from cattino.tasks.request import Memory, check_cpus, check_env, check_priority, check_ram, wrong
from cattino.tasks.wishes import CHECKS, Check, Wishes, check_flag

if TYPE_CHECKING:
    from typing_extensions import Unpack

# What is asked of a task, but said elsewhere.
PLACES = {
    **dict.fromkeys(
        ("depends_on", "dependencies", "dependency", "after", "requires", "upstream"),
        "TaskGroup([a, b], execute_strategy='sequential') and TaskGraph say what comes after what",
    ),
    **dict.fromkeys(("group", "group_name"), "put it into one: TaskGroup([task], group_name=…)"),
    **dict.fromkeys(("shell", "executable"), "a command with shell syntax is run by the setting `shell`"),
}
_FIELDS = ("task_name", "priority", "cpus", "ram", "env", "cwd", "cascade")


class Task(Node):
    """The base of all tasks. A subclass says what is done in `run`, which is called in a process of
    its own; for commands and plain functions there is ProcTask.

    Instead of `run` it may have `start()`, sync or async, and then also `wait()` and `terminate()`: all three
    are called in that process. `wait` is called when `start` has returned; what either returns is
    `result()`. When the task is to be stopped (SIGTERM) `terminate` is called; then the process ends by that
    signal, or with the exit status of the SystemExit that `terminate` raises. What is left is killed after
    the `grace` of the settings. On an object with a `wait` or a `terminate` of its own these are not those
    that ask the backend; `Task.wait(task)` and `Task.terminate(task)` are.

    It takes the fields of ProcTask but what to run, and no devices: `task_name`, `priority`, `cpus`, `ram`,
    `env`, `cwd`, `cascade`, `time_limit`, `retries`, … Wrong ones raise FieldError.

    Readable in hooks, and after `export`: name, fullname, group, status, pid, attempt, exit_code,
    assigned_device_indices, create_time, priority, run_dir.
    """

    _known: tuple[str, ...] = (*_FIELDS, *CHECKS)
    _checks: dict[str, Check] = CHECKS

    # What is sent; on the class until it differs.
    _priority: int = 0
    _min_devices: int = 0
    _memory: Memory = None
    _cpus: Optional[float] = None
    _ram: Any = None
    _env: Optional[dict[str, str]] = None
    _cwd: Optional[str] = None
    _cascade: Optional[bool] = None
    _wishes: Optional[dict[str, Any]] = None  # what only some tasks ask for, by the words of users
    _command: Optional[str] = None
    _argv: Optional[list[str]] = None

    def __init__(
        self,
        task_name: Optional[str] = None,
        priority: int = 0,
        *,
        cpus: Optional[float] = None,
        ram: Any = None,
        env: Optional[dict[str, Any]] = None,
        cwd: Any = None,
        cascade: Optional[bool] = None,
        **wishes: Unpack[Wishes],
    ) -> None:
        if type(self).run is Task.run:
            from cattino.tasks.own import has_start

            if not has_start(type(self)):
                raise TypeError(f"{type(self).__name__} has no `run`: define it, or use ProcTask")
        if task_name is not None:
            self._name = check_name(task_name, type(self).__name__, "task_name", True)
        if wishes:
            self._wish(dict(wishes))
        if priority != 0 or priority is False:
            self._priority = check_priority(self._owner(), priority)
        if cpus is not None:
            self._cpus = check_cpus(self._owner(), cpus)
        if ram is not None:
            self._ram = check_ram(self._owner(), ram)
        if env is not None:
            self._env = check_env(self._owner(), env)
        if cwd is not None:
            self._cwd = _absolute(self._owner(), cwd)
        if cascade is not None:
            self._cascade = check_flag(self._owner(), "cascade", cascade)
        self._created = time()

    def run(self) -> Any:
        """The work itself, called in a process of its own. What it returns is `result()`."""
        from cattino.tasks.own import run_started

        return run_started(self)

    def _owner(self) -> str:
        return f"{type(self).__name__} {self._name!r}" if self._name else type(self).__name__

    def _wish(self, wishes: dict[str, Any]) -> None:
        wanted = {}
        for word, value in wishes.items():
            check = self._checks.get(word)
            if check is None:
                hint = PLACES.get(word) or did_you_mean(word, self._known)
                raise UnknownField(f"{self._owner()}: there is no such field", field=word, hint=hint)
            if value is not None:
                wanted[word] = check(self._owner(), word, value)
        if "hook_timeout" in wanted:
            self._hook_timeout = wanted.pop("hook_timeout")  # the host's business alone
        if wanted:
            self._wishes = wanted

    def _default_name(self) -> str:
        return type(self).__name__

    def _label(self) -> Optional[str]:
        """What is shown of a task that is called, not executed; None for a command."""
        return f"{type(self).__name__}.{'start' if type(self).run is Task.run else 'run'}"

    def _reference(self) -> list[str]:
        if self._id is not None:
            return [f"#{self._id}"]
        return [self.fullname] if self._live is not None or self._fullname is not None else []

    # ---- what can be read ------------------------------------------------------------------------

    @property
    def priority(self) -> int:
        """Higher runs first; 0 unless told otherwise."""
        return self._priority

    @property
    def create_time(self) -> float:
        """Seconds since 1970: of the object, and in hooks of the submission."""
        live = self._live
        return live["created"] if live and "created" in live else self._created

    @property
    def status(self) -> TaskStatus:
        """In hooks as the backend told; after `export` as it is now; else Waiting."""
        if self._live is not None:
            return TaskStatus(self._live.get("status") or "Waiting")
        return TaskStatus(self._now().get("status", "Waiting")) if self._id else TaskStatus.Waiting

    @property
    def pid(self) -> Optional[int]:
        """Of the process of its last attempt; None before the first."""
        pid: Optional[int] = self._read("pid")
        return pid

    @property
    def attempt(self) -> int:
        """Which execution this is, from 1; 0 before the first."""
        return self._read("attempt") or 0

    @property
    def exit_code(self) -> Optional[int]:
        """Of the last attempt; None if there was none, or a signal ended it."""
        if self._live is None and self._id:
            code: Optional[int] = (self._now().get("exit") or {}).get("code")
            return code
        told: Optional[int] = self._read("exit_code")
        return told

    @property
    def assigned_device_indices(self) -> list[int]:
        """Of the devices of its last attempt: `[0, 3]` for `cuda:0` and `cuda:3`; empty before the first."""
        found = self._read("devices") or []
        return [int(str(device).rpartition(":")[2]) for device in found]

    @property
    def run_dir(self) -> Optional[str]:
        """The directory of its submission; None before that."""
        run_dir: Optional[str] = self._read("run_dir")
        return run_dir

    def _read(self, key: str) -> Any:
        if self._live is not None:
            return self._live.get(key)
        return self._now().get(key) if self._id else None

    def _now(self) -> dict[str, Any]:
        from cattino.backend import task_in_full

        found: dict[str, Any] = task_in_full(f"#{self._id}")["task"]
        return found

    # ---- its result ------------------------------------------------------------------------------

    def result(self, timeout: Optional[float] = None, *, progress: bool = True) -> Any:
        """What the function returned, once the task has ended. Waits for at most `timeout` seconds (else
        TimeoutError). What the function raised is raised, with the end of its log in a TaskFailed as
        `__cause__`; if it ended in another way (killed, cancelled, `sys.exit`), TaskFailed is. A command that
        is Done has none: CattinoError. `progress` is as for `wait`."""
        from cattino.results import settled

        Node.wait(self, timeout, progress=progress)  # not one that a subclass has for the process of the task
        task = self._now()
        if task["status"] == "Done" and self._label() is None:
            raise CattinoError(f"{self.fullname} is a command: it has no result, see its stdout.log")
        return settled(self.fullname, task)


def _absolute(owner: str, path: Any) -> str:
    import os

    if not isinstance(path, (str, bytes, os.PathLike)) or not path:
        wrong(owner, "cwd", "a path", path)
    text = os.fsdecode(path)
    return text if text.startswith(("/", "${")) else os.path.abspath(os.path.expanduser(text))
