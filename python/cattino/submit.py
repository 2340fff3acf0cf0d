"""From exports to an acknowledged submission."""

from __future__ import annotations

from typing import Any, Optional

from cattino.compile import Work, compile_exports
from cattino.errors import CattinoError
from cattino.exporting import Export
from cattino.status import TaskStatus

_taken: set[str] = set()  # fullnames that this process has submitted


def submit(exports: list[Export], source: str) -> dict[str, Any]:
    """Compiles and sends; returns the backend's answer. All or nothing."""
    from cattino.backend import stream

    for export in exports:
        _refuse_twice(export)
    work = compile_exports(exports, source, _taken)
    try:
        answer: dict[str, Any] = stream("/v1/submissions", work.chunks)
    except CattinoError as error:
        raise _with_name(error, work) from None
    _remember(work, answer)
    return answer


def _refuse_twice(export: Export) -> None:
    if getattr(export.exported, "_id", None) is not None:
        raise CattinoError(
            f"{export.exported!r} has been submitted already",
            hint="resume() runs it again; or make a new object",
        )


def _with_name(error: CattinoError, work: Work) -> CattinoError:
    """Says which object the line was, of which the backend complains."""
    line = getattr(error, "line", None)
    index = line - work.first_line if isinstance(line, int) else -1
    if 0 <= index < len(work.nodes):
        node = work.nodes[index]
        field = (error.field or "").partition(".")[2] or error.field
        return CattinoError(
            f"{type(node).__name__} {node.fullname}: {error.message}",
            field=field,
            hint=error.hint,
            status=error.status,
        )
    return error


def _remember(work: Work, answer: dict[str, Any]) -> None:
    from cattino.tasks.base import Task

    following: int = answer["first_task"]
    for node in work.nodes:
        if isinstance(node, Task):
            node._id = following
            following += 1
    for told in answer.get("tasks", ()):
        node = work.nodes[told["ref"] - 1]
        if told.get("fullname", node.fullname) != node.fullname:
            node._fullname = told["fullname"]  # it was renamed
    _taken.update(work.fullnames)
    Last.run_dir = answer.get("run_dir")


class Last:
    """The latest submission of this process."""

    run_dir: Optional[str] = None


__all__ = ["Last", "TaskStatus", "submit"]
