"""`cattino.export`: hands work to whoever collects it, or submits it at once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Optional, Union

from cattino.errors import CattinoError, WrongType

if TYPE_CHECKING:
    from cattino.tasks import Task, TaskGraph, TaskGroup

RETRY_STATUS = 100  #: the exit status that asks to be run again


class Export(NamedTuple):
    """One exported object, and where the script exported it."""

    exported: Any
    place: str


class Collector:
    """Where exports go. `work` is None where export submits by itself; `off` while the host loads
    modules, whose exports were submitted long ago."""

    work: Optional[list[Export]] = None
    off = False


def export(*objects: Union[Task, TaskGroup, TaskGraph]) -> None:
    """Hands `objects` (tasks, groups, graphs) to the backend, as one submission: all of them or none.

    Under `meow create` the script's exports are submitted together when the script has ended; in a
    plain Python process or a notebook they are submitted now, which is said in one line. The backend is
    started if it does not run.

    From then on `wait()`, `status`, `result()`, `cancel()` and the like ask the backend about them. An object
    is submitted once. Raises CattinoError for what cannot be: a name that is taken by a task that has not
    ended, a request that no machine of the backend fulfils, a function that cannot be pickled.
    """
    frame = sys._getframe(1)
    place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
    exports = [Export(_checked(found), place) for found in objects]
    if Collector.off:
        return
    if not exports:
        raise WrongType("export: expected a Task, a TaskGroup or a TaskGraph, got nothing")
    if Collector.work is not None:
        Collector.work.extend(exports)
        return
    from cattino.created import created_line
    from cattino.notebook import in_notebook
    from cattino.submit import submit

    answer = submit(exports, _source())
    # A notebook shows stderr like errors; elsewhere stdout is the script's own.
    print(created_line(answer), file=sys.stdout if in_notebook() else sys.stderr, flush=True)


def exit_and_retry() -> NoReturn:
    """Ends this process so that its task is run again (exit status 100): after 1 s, 2 s, 4 s … 10 min, at
    most ten times in a row. Raises SystemExit, so that `finally` and atexit are heeded."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    raise SystemExit(RETRY_STATUS)


def _checked(found: object) -> object:
    from cattino.tasks.base import Task
    from cattino.tasks.graph import TaskGraph
    from cattino.tasks.group import TaskGroup

    if isinstance(found, (Task, TaskGroup, TaskGraph)):
        return found
    hint = None
    if isinstance(found, (list, tuple)):
        hint = "export(*tasks), or put them in a TaskGroup"
    elif isinstance(found, type):
        hint = f"export an object: {found.__name__}(…)"
    elif isinstance(found, str):
        hint = f"ProcTask({found!r}) makes a task of a command"
    elif callable(found):
        hint = f"ProcTask({getattr(found, '__name__', found)}) makes a task of a function"
    raise WrongType(f"export: expected a Task, a TaskGroup or a TaskGraph, got {found!r}", hint=hint)


def _source() -> str:
    """What people see as the origin of the work."""
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)
    if path is None:
        return "notebook" if "ipykernel" in sys.modules else "python"
    return str(path).rpartition("/")[2]


__all__ = ["CattinoError", "Collector", "Export", "exit_and_retry", "export"]
