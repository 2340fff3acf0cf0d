"""What a Client asks the backend, and what it makes of the answers: shared by both kinds of Client."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Callable, Generic, Optional, TypeVar, Union
from urllib.parse import urlencode

from cattino.backend import TOO_LATE, path_of
from cattino.errors import CattinoError, FieldError, did_you_mean
from cattino.info import DeviceInfo, TaskInfo
from cattino.status import TaskStatus
from cattino.tasks.node import Node
from cattino.tasks.timing import check_seconds

Name = Union[str, int, Node, TaskInfo]
T = TypeVar("T")
STREAMS = ("stdout", "stderr")
ALL = 1_000_000_000


class Call(Generic[T]):
    """A request, and how to read its answer."""

    def __init__(self, method: str, path: str, payload: Any, read: Callable[[Any], T]) -> None:
        self.method = method
        self.path = path
        self.payload = payload
        self.read = read


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


def list_call(
    names: Sequence[Name],
    status: Union[str, TaskStatus, Iterable[Union[str, TaskStatus]], None],
    everything: bool,
    match: Optional[str],
) -> Call[list[TaskInfo]]:
    query = [("name", name) for name in references(names)]
    query += [("status", word) for word in _statuses(status)]
    if everything:
        query.append(("all", "1"))
    if match is not None:
        query.append(("match", match))
    query.append(("limit", str(ALL)))
    return Call("GET", f"/v1/tasks?{urlencode(query)}", None, _tasks)


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


def _tasks(answer: dict[str, Any]) -> list[TaskInfo]:
    return [TaskInfo(told) for told in answer["tasks"]]


def full_call(name: Name) -> Call[dict[str, Any]]:
    return Call("GET", path_of(one_reference(name)), None, _of_task)


def task_call(name: Name) -> Call[TaskInfo]:
    call = full_call(name)
    return Call(call.method, call.path, None, lambda answer: TaskInfo(call.read(answer)["task"]))


def _of_task(answer: dict[str, Any]) -> dict[str, Any]:
    if "task" not in answer:
        raise CattinoError(f"{answer['group']['fullname']} is a group", hint="list() tells its tasks")
    return answer


def wait_call(names: Sequence[Name], left: Optional[float]) -> Call[list[TaskInfo]]:
    """`left`: seconds."""
    payload: dict[str, Any] = {"names": references(names)} if names else {}
    left = check_seconds("wait", "timeout", left)
    if left is not None:
        payload["timeout_ms"] = max(0, int(left * 1000))
    return Call("POST", "/v1/wait", payload, _waited)


def _waited(answer: dict[str, Any]) -> list[TaskInfo]:
    if answer["outcome"] == TOO_LATE:
        raise TimeoutError("not all have ended in time")
    return _tasks(answer)


def change_call(verb: str, names: Sequence[Name], match: Optional[str]) -> Call[list[TaskInfo]]:
    """`cancel`, `kill`, `resume` or `remove`."""
    if not names and match is None:
        raise FieldError(f"{verb}: expected names, or match=")
    payload: dict[str, Any] = {"names": references(names)} if names else {}
    if match is not None:
        payload["match"] = match
    return Call("POST", f"/v1/{verb}", payload, _changed)


def _changed(answer: dict[str, Any]) -> list[TaskInfo]:
    return [TaskInfo(told, full=False) for told in answer["changed"]]


def devices_call() -> Call[list[DeviceInfo]]:
    return Call("GET", "/v1/devices", None, lambda answer: [DeviceInfo(told) for told in answer["devices"]])
