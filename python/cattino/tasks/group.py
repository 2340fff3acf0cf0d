"""TaskGroup: tasks and groups that belong together, and in which order they run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Optional, Union

from cattino.errors import FieldError, UnknownField, did_you_mean
from cattino.status import TaskStatus
from cattino.tasks.base import Task
from cattino.tasks.graph import TaskGraph
from cattino.tasks.node import Node, check_name
from cattino.tasks.timing import Length, check_pause
from cattino.tasks.wishes import whole

STRATEGIES = ("parallel", "sequential")


class TaskGroup(Node):
    """Tasks and groups that belong together. Groups nest.

        TaskGroup([a, b], group_name="both")
        TaskGroup([a, b, inner], execute_strategy="sequential", group_name="pipeline")
        TaskGroup(execute_strategy=graph, group_name="dag")

        tasks              a task, a group, several of them, or a TaskGraph
        execute_strategy   "parallel" (the default): at once; "sequential": one after the other, each when the
                           one before is Done; or a TaskGraph, whose tasks and groups join the group
        group_name         a name without `/` (default: made of the first member)
        max_parallel       at most so many of the tasks inside, at any depth, run at once (no limit)
        hook_timeout       how long each hook of the group may take: "10m", seconds; 0: for ever (the setting)

    `len`, `in` and iteration are over its members. What is wrong raises FieldError.
    """

    _max_parallel: Optional[int] = None

    def __init__(
        self,
        tasks: Union[Node, TaskGraph, Iterable[Node], None] = None,
        execute_strategy: Union[str, TaskGraph] = "parallel",
        group_name: Optional[str] = None,
        *,
        max_parallel: Optional[int] = None,
        hook_timeout: Optional[Length] = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            word = next(iter(unknown))
            known = ("tasks", "execute_strategy", "group_name", "max_parallel", "hook_timeout")
            hint = did_you_mean(word, known)
            raise UnknownField("TaskGroup: there is no such field", field=word, hint=hint)
        if group_name is not None:
            self._name = check_name(group_name, type(self).__name__, "group_name", False)
        if isinstance(tasks, TaskGraph):
            if execute_strategy != "parallel":
                raise FieldError("TaskGroup: a graph of tasks is its own strategy", field="execute_strategy")
            execute_strategy = tasks
            tasks = None
        if not isinstance(execute_strategy, TaskGraph) and execute_strategy not in STRATEGIES:
            raise FieldError(
                f"TaskGroup: expected 'parallel', 'sequential' or a TaskGraph, got {execute_strategy!r}",
                field="execute_strategy",
                hint="tasks go into a list: TaskGroup([a, b])"
                if isinstance(execute_strategy, Node)
                else did_you_mean(str(execute_strategy), STRATEGIES),
            )
        if max_parallel is not None:
            self._max_parallel = whole(1, 2**32 - 1)(self._owner(), "max_parallel", max_parallel)
        if hook_timeout is not None:
            self._hook_timeout = check_pause(self._owner(), "hook_timeout", hook_timeout)
        self._members: dict[Node, None] = {}  # in order, each once
        self._strategy = execute_strategy
        self._joined = -1  # the version of the graph whose nodes have joined
        self._take(tasks)
        self._join()

    @classmethod
    def from_name_task_pairs(
        cls,
        name_task_pairs: Iterable[tuple[str, Node]],
        group_types: Optional[dict[str, type[TaskGroup]]] = None,
        execute_strategy: Union[str, TaskGraph] = "parallel",
        group_name: Optional[str] = None,
    ) -> TaskGroup:
        """Builds nested groups from `name_task_pairs`, of a group's path and a task; the path of a task of
        the outermost group is empty: `[("", a), ("inner", b), ("inner/deep", c)]`. `group_types` has the
        classes of groups by their paths (default: this one). `execute_strategy` and `group_name` are those of
        the outermost one, which is returned."""
        outer = cls(None, execute_strategy, group_name)
        groups: dict[str, TaskGroup] = {"": outer}

        def at(path: str) -> TaskGroup:
            found = groups.get(path)
            if found is None:
                above, _, name = path.rpartition("/")
                found = (group_types or {}).get(path, cls)(group_name=name)
                at(above).add_task(found)
                groups[path] = found
            return found

        for path, task in name_task_pairs:
            at(path).add_task(task)
        return outer

    def add_task(self, task: Node) -> None:
        """Adds a task or a group, at the end; one that is in it already stays where it is. Raises FieldError
        for one that belongs to another group."""
        if not isinstance(task, Node):
            raise FieldError(f"{self._owner()}: expected a task or a group, got {task!r}", field="tasks")
        if task in self._members:
            return
        if task._group is not None:
            raise FieldError(f"{self._owner()}: {task!r} belongs to the group {task._group.fullname} already")
        if task is self or (isinstance(task, TaskGroup) and task._holds(self)):
            raise FieldError(f"{self._owner()}: a group cannot be inside itself")
        self._members[task] = None
        task._group = self

    def _take(self, tasks: Any) -> None:
        if tasks is None:
            return
        if isinstance(tasks, Node):
            tasks = [tasks]
        elif isinstance(tasks, (str, bytes)) or not hasattr(tasks, "__iter__"):
            raise FieldError(
                f"{self._owner()}: expected a task, a list or a graph, got {tasks!r}", field="tasks"
            )
        for task in tasks:
            self.add_task(task)

    def _join(self) -> None:
        """Takes in what has come to the graph since the last time."""
        graph = self._strategy
        if isinstance(graph, TaskGraph) and self._joined != graph._version:
            for node in graph.nodes:
                if node._group is None and node is not self and not _inside(self, node):
                    self.add_task(node)
            self._joined = graph._version

    def _holds(self, node: Node) -> bool:
        return _inside(node, self)

    def _owner(self) -> str:
        return f"{type(self).__name__} {self._name!r}" if self._name else type(self).__name__

    def _default_name(self) -> str:
        first = next(iter(self._members), None)
        return "group" if first is None else f"group_of_{first.name.replace('/', '_')}"

    def _reference(self) -> list[str]:
        """Its tasks by their ids: a group of an earlier submission may have the same name, and the backend
        may have renamed tasks."""
        tasks = self.all_tasks
        ids = [f"#{task._id}" for task in tasks if task._id is not None]
        in_host = self._live is not None or self._fullname is not None
        if in_host and (len(ids) < len(tasks) or not ids):  # it knows the ids of tasks with hooks only
            return [self.fullname]
        return ids

    # ---- what can be read ------------------------------------------------------------------------

    @property
    def execute_strategy(self) -> Union[str, TaskGraph]:
        """`"parallel"`, `"sequential"` or a TaskGraph."""
        return self._strategy

    @property
    def tasks(self) -> list[Node]:
        """Its own members: tasks and groups."""
        self._join()
        return list(self._members)

    @property
    def subtasks(self) -> list[Node]:
        """The same as `tasks`."""
        return self.tasks

    @property
    def all_tasks(self) -> list[Task]:
        """All tasks in it and in the groups inside it, in order."""
        found: list[Task] = []
        pending = list(reversed(self.tasks))
        while pending:
            node = pending.pop()
            if isinstance(node, TaskGroup):
                pending.extend(reversed(node.tasks))
            elif isinstance(node, Task):
                found.append(node)
        return found

    @property
    def status(self) -> TaskStatus:
        """What its tasks agree on, else MultiStatus."""
        if self._live is not None:
            return TaskStatus(self._live.get("status") or "Running")
        from cattino.backend import run
        from cattino.parts import statuses

        found = run(statuses(self._reference())) or [TaskStatus.Waiting]
        return TaskStatus(found[0]) if len(found) == 1 else TaskStatus.MultiStatus

    def __getstate__(self) -> dict[str, Any]:
        """A group whose hooks are called knows its members; any other is sent as a name only."""
        state = dict(self.__dict__)
        if not (self._class_hooks() or self._own_hooks()):
            state["_members"] = {}
            state["_strategy"] = "parallel"
        return state

    def __iter__(self) -> Iterator[Node]:
        return iter(self.tasks)

    def __len__(self) -> int:
        return len(self.tasks)

    def __bool__(self) -> bool:
        return True

    def __contains__(self, node: object) -> bool:
        return isinstance(node, Node) and node is not self and _inside(node, self)


def _inside(node: Node, group: Node) -> bool:
    """Whether `node` is `group` or anywhere inside it."""
    at: Optional[Node] = node
    while at is not None and at is not group:
        at = at._group
    return at is group
