"""What a Client asks the backend, and what it makes of the answers: shared by both kinds of Client."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Optional, Union

from cattino.backend import path_of
from cattino.client import Told
from cattino.errors import CattinoError, FieldError, did_you_mean
from cattino.info import DeviceInfo, TaskInfo
from cattino.parts import Request, Steps, acted, ended, listed
from cattino.status import TaskStatus
from cattino.tasks.node import Node
from cattino.tasks.timing import check_seconds

Name = Union[str, int, Node, TaskInfo]
STREAMS = ("stdout", "stderr")


def references(names: Iterable[Name]) -> list[str]:
    """As the backend takes them."""
    found: list[str] = []
    for name in names:
        if isinstance(name, Node):
            found += name._submitted()
        elif isinstance(name, TaskInfo):
            found.append(f"#{name.id}")
        elif isinstance(name, int) and not isinstance(name, bool):
            found.append(f"#{name}")
        elif isinstance(name, str):
            found.append(name)
        else:
            raise FieldError(f"expected the name, the id or the object of a task, got {name!r}")
    return found


def one_reference(name: Name) -> str:
    found = references([name])
    if len(found) != 1:
        raise FieldError(f"expected one task, got {name!r}")
    return found[0]


def checked_stream(stream: str) -> str:
    if stream not in STREAMS:
        raise FieldError(
            f"expected 'stdout' or 'stderr', got {stream!r}",
            field="stream",
            hint=did_you_mean(str(stream), STREAMS),
        )
    return stream


def tasks(
    names: Sequence[Name],
    status: Union[str, TaskStatus, Iterable[Union[str, TaskStatus]], None],
    everything: bool,
    match: Optional[str],
) -> Steps[list[TaskInfo]]:
    query = [("status", word) for word in _statuses(status)]
    if everything:
        query.append(("all", "1"))
    return _infos((yield from listed(references(names), match=match, query=query)))


def _statuses(status: Any) -> list[str]:
    if status is None:
        return []
    found = []
    for word in status if hasattr(status, "__iter__") and not isinstance(status, str) else [status]:
        try:
            found.append(TaskStatus(word).value)
        except ValueError:
            hint = did_you_mean(str(word), [each.value for each in TaskStatus])
            raise FieldError(f"there is no status {word!r}", field="status", hint=hint) from None
    return found


def _infos(tasks: list[Told], full: bool = True) -> list[TaskInfo]:
    return [TaskInfo(told, full) for told in tasks]


def in_full(name: Name) -> Steps[Told]:
    answer: Told = yield Request("GET", path_of(one_reference(name)), again=True)
    if "task" not in answer:
        raise CattinoError(f"{answer['group']['fullname']} is a group", hint="list() tells its tasks")
    return answer


def task(name: Name) -> Steps[TaskInfo]:
    return TaskInfo((yield from in_full(name))["task"])


def wait(names: Sequence[Name], timeout: Optional[float]) -> Steps[list[TaskInfo]]:
    """Raises TimeoutError after `timeout` seconds."""
    found = yield from ended(references(names), check_seconds("wait", "timeout", timeout))
    if found is None:
        raise TimeoutError("not all have ended in time")
    return _infos(found)


def ended_in_full(name: Name, timeout: Optional[float]) -> Steps[Told]:
    """Waits for one task, and tells all about the one that was waited for: when it has ended, its name may
    be another's."""
    reference = one_reference(name)
    found = yield from wait([reference], timeout)
    if len(found) == 1 and not found[0].fullname.startswith(f"{reference}/"):  # it is no group of one
        reference = f"#{found[0].id}"
    return (yield from in_full(reference))


def change(verb: str, names: Sequence[Name], match: Optional[str]) -> Steps[list[TaskInfo]]:
    """`cancel`, `kill`, `resume` or `remove`."""
    if not names and match is None:
        raise FieldError(f"{verb}: expected names, or match=")
    return _infos((yield from acted(verb, references(names), match)), full=False)


def devices() -> Steps[list[DeviceInfo]]:
    answer = yield Request("GET", "/v1/devices", again=True)
    return [DeviceInfo(told) for told in answer["devices"]]
