"""What tasks and groups have in common: a name, a place, hooks, and a life in the backend."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Optional

from cattino.errors import CattinoError, FieldError
from cattino.status import TaskStatus

if TYPE_CHECKING:
    from cattino.tasks.group import TaskGroup


# What the backend calls, and what can be overridden for it: on_retry and on_fail belong to an end.
HOOKS = {"on_start": ("on_start",), "on_end": ("on_end", "on_retry", "on_fail")}
HOOK_METHODS = frozenset(method for methods in HOOKS.values() for method in methods)


class _Nothing:
    """What the base hooks return: may be awaited (in an async hook) or dropped (in a sync one)."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, None]:
        yield from ()


_nothing = _Nothing()


class Node:
    """A task or a group. Not for direct use.

    Attributes are kept on the class until they differ, so that a hundred thousand tasks stay small.
    """

    _name: Optional[str] = None  # None: the default name
    _unique: Optional[str] = None  # the default name after it was made unique
    _group: Optional[TaskGroup] = None
    _id: Optional[int] = None  # in the backend
    _fullname: Optional[str] = None  # as the backend knows it
    _live: Optional[dict[str, Any]] = None  # set in the host process: what a hook may read
    _hook_timeout: Optional[int] = None  # milliseconds; 0: none; None: as the setting says

    # ---- names ----------------------------------------------------------------------------------

    def _default_name(self) -> str:
        raise NotImplementedError

    @property
    def name(self) -> str:
        """Without its groups: as was given, else made of what it does, and unique once it is submitted."""
        return self._name or self._unique or self._default_name()

    @property
    def fullname(self) -> str:
        """`group/subgroup/task`: how the backend and `meow` know it."""
        if self._fullname is not None:
            return self._fullname
        group = self._group
        return self.name if group is None else f"{group.fullname}/{self.name}"

    @property
    def group(self) -> Optional[TaskGroup]:
        """The group that this belongs to, or None."""
        return self._group

    # ---- hooks ----------------------------------------------------------------------------------

    def on_start(self) -> Any:
        """Called before each attempt (of a group once, before its first task starts). Override it with a
        `def` or an `async def`; what it raises fails the task, or all in the group.

        Hooks of a submission run in one Python process, async ones side by side on one loop, others one at a
        time; what they set on `self` stays. What they print is in the task's stdout.log.
        """
        return _nothing

    def on_end(self) -> Any:
        """Called after each attempt (of a group when none of its tasks waits or runs any more), whenever
        `on_start` was, when its devices are free again. Override it with `def` or `async def`; what it raises
        is in stderr.log and changes nothing. What comes after the task waits for it."""
        return _nothing

    def on_retry(self) -> Any:
        """Called after `on_end` of an attempt that another will follow."""
        return _nothing

    def on_fail(self) -> Any:
        """Called after `on_end`: of a task that has failed for good, or a group in which one has."""
        return _nothing

    @classmethod
    def _class_hooks(cls) -> list[str]:
        """What the backend is to call on objects of this class."""
        return [
            hook
            for hook, methods in HOOKS.items()
            if any(getattr(cls, method) is not getattr(Node, method) for method in methods)
        ]

    def _own_hooks(self) -> list[str]:
        """Likewise, for methods that were set on this object."""
        own = self.__dict__
        return [hook for hook, methods in HOOKS.items() if any(method in own for method in methods)]

    # ---- the backend ----------------------------------------------------------------------------

    def _reference(self) -> list[str]:
        """How the backend is asked about it; empty if it does not know of it yet."""
        raise NotImplementedError

    def _submitted(self) -> list[str]:
        names = self._reference()
        if not names:
            raise CattinoError(
                f"{self.fullname} has not been submitted",
                hint="export it first; under `meow create` it is submitted when the script has ended",
            )
        return names

    def wait(self, timeout: Optional[float] = None, *, progress: bool = True) -> TaskStatus:
        """Waits until it has ended, for at most `timeout` seconds (None: for ever; else TimeoutError), and
        returns its status; also when nothing left can go on without the user (it is held, or needs one that
        failed). At a terminal or in a notebook a wait of more than half a second shows how it goes on, unless
        `progress` is False. Ctrl-C ends the wait, not the task."""
        from cattino.backend import run
        from cattino.parts import waited
        from cattino.progress import waiting
        from cattino.tasks.timing import check_seconds

        names = self._submitted()
        timeout = check_seconds(f"wait for {self.fullname}", "timeout", timeout)
        try:
            with waiting(self.fullname, names) if progress else nullcontext():
                answers = run(waited(names, timeout))
        except KeyboardInterrupt:  # where inside is of no interest
            raise KeyboardInterrupt(f"{self.fullname} goes on; cancel() ends it") from None
        if answers is None:
            raise TimeoutError(f"{self.fullname} has not ended after {timeout} s")
        return self.status

    def __await__(self) -> Generator[Any, None, Any]:
        """In asyncio: of a task its `result()` (of a command: Done, or TaskFailed is raised), of a group its
        status, when it has ended."""
        from cattino.async_clients import awaited

        return awaited(self).__await__()

    @property
    def status(self) -> TaskStatus:
        """As it is now."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Waiting or Running → Cancelled; what runs is stopped. What can never run then is cancelled, too."""
        self._ask("cancel")

    def terminate(self, force: bool = False) -> None:
        """Running → stopped and Failed, as `meow kill` does. What is stopped gets SIGTERM, and SIGKILL
        after the `grace` of the settings (30 s); `force` changes nothing about that."""
        self._ask("kill")

    def resume(self) -> None:
        """Failed, Cancelled or held → Waiting for its turn, and with it what was cancelled because of it.
        What is Done is not run again."""
        self._ask("resume")

    def _ask(self, verb: str) -> None:
        from cattino.backend import run
        from cattino.parts import acted

        run(acted(verb, self._submitted()))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.fullname}>"


def check_name(name: object, owner: str, field: str, slashes: bool) -> str:
    """A name is one path component; a task's may hold `/`."""
    if not isinstance(name, str):
        raise FieldError(f"{owner}: expected text, got {name!r}", field=field)
    if 2 < len(name) < 64 and name.isprintable() and "/" not in name:
        return name  # nearly all are such
    for part in name.split("/") if slashes else [name]:
        bad = (
            "is empty"
            if not part
            else "may not be '.' or '..'"
            if part in (".", "..")
            else "may not hold '/': nest groups instead"
            if "/" in part
            else "is longer than 255 bytes"
            if len(part) > 63 and len(part.encode("utf-8", "surrogateescape")) > 255
            else "holds a control character"
            if not part.isprintable() and any(ord(c) < 32 or ord(c) == 127 for c in part)
            else None
        )
        if bad:
            raise FieldError(f"{owner}: the name {name!r} {bad}", field=field)
    return name
