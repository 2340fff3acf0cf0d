"""ProcTask: a command, an argv or a callable that runs in a process of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from cattino.errors import FieldError, did_you_mean
from cattino.tasks.base import _FIELDS, Task
from cattino.tasks.request import Memory, check_devices, check_memory, wrong
from cattino.tasks.wishes import DEVICE_CHECKS, Check, DeviceWishes

if TYPE_CHECKING:
    from typing_extensions import Unpack

Work = Union[str, Sequence[Any], Callable[..., Any]]
START_METHODS = ("fork", "spawn")

_TEXTS = {str}


class DeviceRequiredTask(Task):
    """The base of tasks that need devices: `min_devices` of them (1), all at once, with
    `requires_memory_per_device` on each (unset: each whole, alone).

    A class of one's own says what is done, as with Task. It takes `task_name`, `priority`, and the other
    fields of ProcTask but what to run."""

    _known: tuple[str, ...] = (*_FIELDS, "min_devices", "requires_memory_per_device", *DEVICE_CHECKS)
    _checks: dict[str, Check] = DEVICE_CHECKS
    _min_devices = 1

    def __init__(
        self,
        task_name: Optional[str] = None,
        priority: int = 0,
        requires_memory_per_device: Memory = None,
        min_devices: int = 1,
        **more: Any,
    ) -> None:
        super().__init__(task_name, priority, **more)
        if min_devices != 1 or min_devices is True:
            self._min_devices = check_devices(self._owner(), min_devices)
        if requires_memory_per_device is not None:
            self._memory = check_memory(self._owner(), requires_memory_per_device)
        if self._wishes is not None:
            self._check_most()

    def _check_most(self) -> None:
        least, most = self._min_devices, (self._wishes or {}).get("max_devices")
        if most is not None and most < least:
            wrong(self._owner(), "max_devices", f"an integer ≥ min_devices ({least})", most)
        if most and not least:
            raise FieldError(
                f"{self._owner()}: a task whose min_devices is 0 has no device, so it takes no more",
                field="max_devices",
            )

    @property
    def min_devices(self) -> int:
        """How many devices it needs."""
        return self._min_devices

    @property
    def requires_memory_per_device(self) -> Memory:
        """MiB, a share, text, or None: the whole device."""
        return self._memory


class ProcTask(DeviceRequiredTask):
    """A command, or a function with its arguments, run in a process of its own when what it asks for is free.

        ProcTask("python train.py --lr 0.1", task_name="train", min_devices=2)
        ProcTask(["python", "train.py"], requires_memory_per_device="20GiB")
        ProcTask(train, args=(data,), kwargs={"lr": 0.1}, min_devices=0, cpus=4)

    What to run is `cmd_or_func`, the first, or named:

        cmd            a command line (text), or a list: an argv. One with shell syntax is run by a shell;
                       `${task_name}`, `${run_dir}` and the like are filled in
        func           a function; what it returns is `result()`
        args           a tuple of what it is called with
        kwargs         a dict of the same, by names
        start_method   "fork" (the default): the function's process is a copy of the one that runs the hooks,
                       as long as CUDA is not initialised there; "spawn": a fresh interpreter, which sees
                       nothing of what hooks have changed outside the task
        env            a dict of variables, over those of whoever submits it
        cwd            the directory in which it runs (default: that of whoever submits it)

    What it is called, and when it may run:

        task_name      a name, unique among tasks that have not ended (default: made of what it runs)
        priority       higher runs first (0)
        not_before     it starts then at the earliest: a datetime, seconds since 1970, or text such as
                       "2026-12-01T08:00" (local time) or "+2h"
        held           True: it waits until `resume()`
        preemptible    True: it may be stopped to make room for a higher priority, and runs again later
        cascade        True: it is cancelled when it can never run because one that it needs failed; False: it
                       waits (the setting `cascade-cancel-on-failure`)

    What it needs; it waits until that is free:

        min_devices    devices, all at once (1). 0: none, and devices are hidden from it
        max_devices    it takes up to so many, if they are idle when it starts (as min_devices)
        requires_memory_per_device
                       MiB (20000), text ("20GiB"), or a share (0.5); unset: each device whole, alone
        devices        only these: names, indices, UUIDs or models ("cuda:1", [0, 1], "A100")
        cpus           cores (0 beside an accelerator, else 1)
        ram            host memory: MiB, or text ("64GiB")
        resources      a dict of counters that the settings declare: {"licence": 1}

    When it is stopped, and run again (times: "2h", "1h30m", a timedelta, or seconds):

        time_limit     its longest run; then it is stopped, and Failed (none)
        retries        how often it is run again if it fails (0)
        retry_on       after which ends: exit codes, "exit" (any of them), "signal", "timeout", "oom", "lost"
                       (exit, signal and oom)
        backoff        the wait before the first retry ("1s"), twice as long before each further one
        longest_backoff
                       but never longer than this ("10min")
        oom_growth     after an "oom" it asks for so many times as much memory: 1.5 (none)
        hook_timeout   how long each of its hooks may take; 0: for ever (the setting `hook-timeout`)
        log_limit      how much each of its logs takes: MiB, or text; 0: all (the setting `log-limit`)

    What is wrong raises FieldError, which names the field; an unknown field is a TypeError, too.
    """

    _known: tuple[str, ...] = (
        *("cmd", "func", "args", "kwargs", "start_method"),
        *DeviceRequiredTask._known,
    )
    _func: Optional[Callable[..., Any]] = None
    # What the function is called with; on the class until it differs.
    _args: tuple[Any, ...] = ()
    _kwargs: Mapping[str, Any] = MappingProxyType({})
    _start_method: str = "fork"

    def __init__(
        self,
        cmd_or_func: Optional[Work] = None,
        env: Optional[dict[str, Any]] = None,
        task_name: Optional[str] = None,
        priority: int = 0,
        requires_memory_per_device: Memory = None,
        min_devices: int = 1,
        *,
        cmd: Union[str, Sequence[Any], None] = None,
        func: Optional[Callable[..., Any]] = None,
        args: Iterable[Any] = (),
        kwargs: Optional[Mapping[str, Any]] = None,
        start_method: Optional[str] = None,
        cpus: Optional[float] = None,
        ram: Union[int, str, None] = None,
        cwd: Any = None,
        cascade: Optional[bool] = None,
        **wishes: Unpack[DeviceWishes],
    ) -> None:
        super().__init__(
            task_name,
            priority,
            requires_memory_per_device,
            min_devices,
            cpus=cpus,
            ram=ram,
            env=env,
            cwd=cwd,
            cascade=cascade,
            **wishes,
        )
        work = cmd_or_func
        if cmd is not None or func is not None:
            if work is not None or (cmd is not None and func is not None):
                raise FieldError(
                    f"{self._owner()}: give one of a command and a function, not both", field="cmd"
                )
            work = func if cmd is None else cmd
        if args != () or kwargs:
            self._bind(work if cmd is None else None, args, kwargs or {})
        if isinstance(work, str) and work.strip():
            self._command = work
        elif isinstance(work, list) and set(map(type, work)) == _TEXTS and work[0]:
            self._argv = work.copy()
        else:
            self._take(work, cmd is not None)
        if start_method is not None:
            self._start_by(start_method)

    def _bind(self, work: Any, args: Any, kwargs: Any) -> None:
        owner, field = self._owner(), "kwargs" if args == () else "args"
        if not callable(work):
            raise FieldError(
                f"{owner}: arguments are for a function", field=field, hint="write them into the command"
            )
        if isinstance(args, (str, bytes, Mapping)) or not isinstance(args, Iterable):
            wrong(owner, "args", "a tuple or a list", args)
        if not isinstance(kwargs, Mapping) or not all(isinstance(name, str) for name in kwargs):
            wrong(owner, "kwargs", "a dict of names and values", kwargs)
        self._args, self._kwargs = tuple(args), dict(kwargs)

    def _take(self, work: Any, is_command: bool) -> None:
        owner = self._owner()
        if callable(work) and not is_command:
            self._func = _callable_with(owner, work, self._args, self._kwargs)
        elif isinstance(work, str):
            if not work.strip():
                raise FieldError(f"{owner}: the command is empty", field="cmd")
            self._command = work
        elif isinstance(work, (list, tuple)):
            self._argv = _words(owner, work)
        elif work is None:
            raise FieldError(f"{owner}: expected a command or a function, got nothing", field="cmd")
        else:
            raise FieldError(
                f"{owner}: expected a command (text), an argv (list) or a function, got {work!r}",
                field="cmd",
            )

    def _start_by(self, method: str) -> None:
        if method not in START_METHODS:
            hint = did_you_mean(method, START_METHODS) if isinstance(method, str) else None
            said = f"{self._owner()}: expected 'fork' or 'spawn', got {method!r}"
            raise FieldError(said, field="start_method", hint=hint)
        if self._func is None:
            raise FieldError(f"{self._owner()}: it is for functions, not for commands", field="start_method")
        self._start_method = method

    @property
    def cmd(self) -> Union[str, list[str], None]:
        """The command line, or the argv; None for a function."""
        return self._command if self._argv is None else self._argv

    @property
    def func(self) -> Optional[Callable[..., Any]]:
        """The function; None for a command."""
        return self._func

    def run(self) -> Any:
        """Calls the function with its arguments. Not used for commands."""
        if self._func is None:
            raise FieldError(f"{self._owner()}: a command is executed by the backend, not called")
        return self._func(*self._args, **self._kwargs)

    def _label(self) -> Optional[str]:
        return None if self._func is None else f"{_function_name(self._func)}()"

    def _default_name(self) -> str:
        if self._func is not None:
            return _as_name(_function_name(self._func))
        return _as_name(program_name(self._argv if self._argv is not None else self._command or ""))


def _words(owner: str, work: Sequence[Any]) -> list[str]:
    import os

    words = []
    for index, word in enumerate(work):
        text = os.fspath(word) if hasattr(word, "__fspath__") else word
        if isinstance(text, (int, float)) and not isinstance(text, bool):
            text = str(text)
        if not isinstance(text, str):
            raise FieldError(f"{owner}: expected text, got {word!r}", field=f"cmd[{index}]")
        words.append(text)
    if not words or not words[0]:
        raise FieldError(f"{owner}: the command is empty", field="cmd")
    return words


def _callable_with(
    owner: str, work: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Callable[..., Any]:
    import inspect

    try:
        signature = inspect.signature(work)
    except (TypeError, ValueError):  # a builtin that does not say
        return work
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        name = f"{_function_name(work)}{signature}"
        if args or kwargs:
            given = f"{owner}: {name} cannot be called so: {error}"
            raise FieldError(given, field="args" if args else "kwargs") from None
        raise FieldError(
            f"{owner}: {name} is called without arguments: {error}",
            field="func",
            hint="give them by args=(…) and kwargs={…}",
        ) from None
    return work


def _function_name(work: Any) -> str:
    while hasattr(work, "func"):  # functools.partial
        work = work.func
    name = getattr(work, "__name__", None) or type(work).__name__
    return str(name).strip("<>")


_interpreter = re.compile(r"(python|pypy|perl|ruby|node|bash|sh|zsh|Rscript|julia|torchrun)[\d.]*$")
_not_in_names = re.compile(r"[\x00-\x1f\x7f/]+")


def program_name(command: Union[str, Sequence[str]]) -> str:
    """What a command is called if nobody says: its program, or the script that it interprets."""
    if isinstance(command, str):
        import shlex

        try:
            words = shlex.split(command)
        except ValueError:
            words = command.split()
    else:
        words = list(command)
    while len(words) > 1 and re.match(r"\w+=", words[0]):
        words = words[1:]
    if not words:
        return "task"
    program = words[0].rstrip("/").rpartition("/")[2] or "task"
    if not _interpreter.match(program):
        return program
    for index, word in enumerate(words[1:], 1):
        if word == "-m" and index + 1 < len(words):
            return words[index + 1].rpartition(".")[2]
        if word == "-c":
            break
        if not word.startswith("-"):
            script = word.rpartition("/")[2]
            return script.rpartition(".")[0] or script
    return program


def _as_name(text: str) -> str:
    name = _not_in_names.sub("_", text)[:60]
    return "task" if name in ("", ".", "..") else name
