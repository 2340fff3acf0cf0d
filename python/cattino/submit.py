"""From exports to an acknowledged submission."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Optional

from cattino.compile import Work, compile_exports
from cattino.errors import CattinoError
from cattino.exporting import Export
from cattino.status import TaskStatus
from cattino.tasks.base import Task
from cattino.tasks.node import Node

_taken: set[str] = set()  # fullnames that this process has submitted


def submit(exports: list[Export], source: str) -> dict[str, Any]:
    """Compiles and sends; returns the backend's answer. All or nothing."""
    from cattino.backend import stream

    _refuse_twice(export.exported for export in exports)
    work = compile_exports(exports, source, _taken)
    _refuse_twice(work.nodes)
    try:
        answer: dict[str, Any] = stream("/v1/submissions", work.chunks)
    except CattinoError as error:
        raise _with_name(error, work) from None
    _remember(work, answer)
    return answer


def _refuse_twice(nodes: Iterable[Any]) -> None:
    again = next((node for node in nodes if getattr(node, "_id", None) is not None), None)
    if again is not None:
        raise CattinoError(
            f"{again!r} has been submitted already",
            hint="resume() runs it again; or make a new object",
        )


# What a user calls the fields of a line.
_WORDS = {"memory": "requires_memory_per_device"}


def _with_name(error: CattinoError, work: Work) -> CattinoError:
    """Says which object it is, of which the backend complains, and names the field as users do."""
    node = _node_of(error, work)
    if node is None:
        return error
    path = (error.field or "").split(".", 2)  # tasks[3], request, memory
    field = "" if len(path) < 2 else path[-1] if path[1] == "request" else path[1]
    field = field.partition(".")[0].partition("[")[0]
    if field == "name":
        field = "task_name" if isinstance(node, Task) else "group_name"
    said = error.message.startswith((f"{node.fullname} ", f"`{node.fullname}` "))
    return CattinoError(
        error.message if said else f"{type(node).__name__} {node.fullname}: {error.message}",
        field=_WORDS.get(field, field) or None,
        hint=error.hint,
        status=error.status,
    )


def _node_of(error: CattinoError, work: Work) -> Optional[Node]:
    """By the line, or else by a path such as `tasks[3].request.cpus`."""
    from re import match

    line = getattr(error, "line", None)
    if isinstance(line, int) and 0 <= line - work.first_line < len(work.nodes):
        return work.nodes[line - work.first_line]
    path = match(r"(task|group)s\[(\d+)\]", error.field or "")
    if path is None:
        return None
    of_kind = [node for node in work.nodes if isinstance(node, Task) == (path[1] == "task")]
    index = int(path[2])
    return of_kind[index] if index < len(of_kind) else None


def _remember(work: Work, answer: dict[str, Any]) -> None:
    tasks = [node for node in work.nodes if isinstance(node, Task)]
    for number, task in enumerate(tasks, answer["first_task"]):
        task._id = number
    _taken.update(work.fullnames)
    told = answer.get("tasks", ())  # the first hundred
    renamed = _rename(tasks, told)
    if len(told) < len(tasks) and (renamed or _may_rename(work)):
        _rename(tasks, _listed(tasks[len(told) :]))
    Last.run_dir = answer.get("run_dir")


def _rename(tasks: list[Task], told: Iterable[dict[str, Any]]) -> bool:
    """Gives them the names that they got because theirs were taken; whether there were such."""
    first = tasks[0]._id or 0
    found = False
    for each in told:
        task, fullname = tasks[each["id"] - first], each["fullname"]
        if fullname != task.fullname:
            found = True
            task._fullname = fullname
            task._name = fullname if task.group is None else fullname[len(task.group.fullname) + 1 :]
            _taken.add(fullname)
    return found


def _may_rename(work: Work) -> bool:
    from cattino.preferences import settings

    try:
        return (work.on_conflict or settings["override-exist-tasks"]) == "rename"
    except CattinoError:  # nobody knows
        return True


def _listed(tasks: list[Task]) -> list[dict[str, Any]]:
    from cattino.backend import run
    from cattino.parts import listed

    try:
        return run(listed([f"#{task._id}" for task in tasks], query=[("all", 1), ("reasons", 0)]))
    except (CattinoError, OSError):  # they are submitted all the same
        return []


class Last:
    """The latest submission of this process."""

    run_dir: Optional[str] = None


__all__ = ["Last", "TaskStatus", "submit"]
