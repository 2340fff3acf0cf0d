"""TaskGraph: which tasks and groups come before which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Callable, Optional

from cattino.errors import FieldError, did_you_mean
from cattino.tasks.node import Node

if TYPE_CHECKING:
    from cattino.tasks.base import Task

WHEN = ("ok", "any", "fail")


class TaskGraph:
    """A directed graph of tasks and groups: which of them come before which.

        graph = TaskGraph()
        graph.add_edges_from([(a, c), (b, c)])     # c when a and b are Done
        cattino.export(graph)                      # or TaskGroup(execute_strategy=graph, group_name="dag")

    An edge of a group stands for all its tasks. What has no edges runs at once. A cycle is refused when the
    graph is exported.

    `len`, `in` and iteration are over its nodes; iteration is in topological order if there is one.
    """

    def __init__(self) -> None:
        self._next: dict[Node, dict[Node, str]] = {}
        self._backwards: Optional[dict[Node, dict[Node, str]]] = None  # made when first asked for
        self._version = 0  # grows with each change of the set of nodes

    # ---- changes ---------------------------------------------------------------------------------

    def add_task(self, task: Node) -> None:
        """Adds a `task` or a group. Adding it again does nothing."""
        if task not in self._next:
            _check(task, "add_task")
            self._next[task] = {}
            if self._backwards is not None:
                self._backwards[task] = {}
            self._version += 1

    def add_tasks_from(self, tasks: Iterable[Node]) -> None:
        """Adds several."""
        for task in [tasks] if isinstance(tasks, Node) and not hasattr(tasks, "all_tasks") else tasks:
            self.add_task(task)

    def add_edge(self, u: Node, v: Node, when: str = "ok") -> None:
        """`v` may start when `u` has ended: Done (`when` is `"ok"`), in any way (`"any"`), or Failed
        (`"fail"`). Both are added if they are not in the graph. An edge that is there already is replaced."""
        if when not in WHEN:
            raise FieldError(f"add_edge: unknown value {when!r}", field="when", hint=did_you_mean(when, WHEN))
        if u is v:
            raise FieldError(f"add_edge: {u!r} cannot come before itself")
        following = self._next
        if u not in following:
            self.add_task(u)
        if v not in following:
            self.add_task(v)
        following[u][v] = when
        if self._backwards is not None:
            self._backwards[v][u] = when

    def add_edges_from(self, edges: Iterable[Any], when: str = "ok") -> None:
        """Adds `edges`: pairs `(u, v)`, for which `when` holds, or triples `(u, v, when)`."""
        following = self._next
        plain = when in WHEN and self._backwards is None
        for edge in edges:
            try:
                u, v = edge
                if plain and u is not v and v in following:  # the common case, without a call
                    following[u][v] = when
                    continue
            except KeyError:
                pass
            except (TypeError, ValueError):
                self.add_edge(*_triple(edge))
                continue
            self.add_edge(u, v, when)

    def remove_task(self, task: Node) -> None:
        """Removes a `task` or a group and its edges. Raises FieldError if it is not in the graph."""
        if task not in self._next:
            raise FieldError(f"remove_task: {task!r} is not in the graph")
        previous = self._previous
        for later in self._next.pop(task):
            del previous[later][task]
        for earlier in previous.pop(task):
            del self._next[earlier][task]
        self._version += 1

    def remove_tasks_from(self, tasks: Iterable[Node]) -> None:
        """Removes several."""
        for task in list(tasks):
            self.remove_task(task)

    def remove_edge(self, u: Node, v: Node) -> None:
        """Removes the edge from `u` to `v`; they stay. Raises FieldError if there is none."""
        if v not in self._next.get(u, ()):
            raise FieldError(f"remove_edge: there is no edge from {u!r} to {v!r}")
        del self._next[u][v]
        if self._backwards is not None:
            del self._backwards[v][u]

    def remove_edges_from(self, edges: Iterable[tuple[Node, Node]]) -> None:
        """Removes several `edges`, given as pairs."""
        for u, v in list(edges):
            self.remove_edge(u, v)

    # ---- graphs of networkx ----------------------------------------------------------------------

    @classmethod
    def from_networkx(cls, graph: Any) -> TaskGraph:
        """A graph as a directed one of networkx has it. Its nodes are tasks and groups, or have one as their
        attribute `task`; an edge may have an attribute `when` (else `ok`)."""
        from cattino.tasks.networks import from_networkx

        return from_networkx(cls(), graph)

    def to_networkx(self) -> Any:
        """A `networkx.DiGraph` of its tasks and groups, with `when` on each edge. Takes networkx."""
        from cattino.tasks.networks import to_networkx

        return to_networkx(self)

    # ---- what is in it ---------------------------------------------------------------------------

    @property
    def nodes(self) -> list[Node]:
        """Its tasks and groups, in the order in which they were added."""
        return list(self._next)

    @property
    def tasks(self) -> list[Task]:
        """Its tasks and those inside its groups, each once, in the order in which they were added."""
        found: dict[Any, None] = {}
        for node in self._next:
            found.update(dict.fromkeys(getattr(node, "all_tasks", [node])))
        return list(found)

    @property
    def edges(self) -> list[tuple[Node, Node, str]]:
        """Triples `(u, v, when)`."""
        return [(u, v, when) for u, later in self._next.items() for v, when in later.items()]

    def predecessors(self, task: Node) -> list[Node]:
        """What `task` waits for, by an edge of its own."""
        return list(self._find(task, self._previous))

    def successors(self, task: Node) -> list[Node]:
        """What waits for `task`, by an edge of its own. `neighbors` is the same."""
        return list(self._find(task, self._next))

    neighbors = successors

    def filter_tasks(self, predicate: Callable[[Node], bool]) -> TaskGraph:
        """A new graph of the nodes for which `predicate` holds, and the edges between them."""
        kept = TaskGraph()
        kept.add_tasks_from([task for task in self._next if predicate(task)])
        for u, v, when in self.edges:
            if u in kept and v in kept:
                kept.add_edge(u, v, when)
        return kept

    def has_cycle(self) -> bool:
        """Whether some of its nodes wait for each other. What groups hold is looked at when it is
        exported."""
        return len(self._order()) < len(self._next)

    @property
    def _previous(self) -> dict[Node, dict[Node, str]]:
        """`_next` the other way round. From now on it is kept up to date."""
        if self._backwards is None:
            found: dict[Node, dict[Node, str]] = {node: {} for node in self._next}
            for u, later in self._next.items():
                for v, when in later.items():
                    found[v][u] = when
            self._backwards = found
        return self._backwards

    def _find(self, task: Node, where: dict[Node, dict[Node, str]]) -> dict[Node, str]:
        if task not in where:
            raise FieldError(f"{task!r} is not in the graph")
        return where[task]

    def _order(self) -> list[Node]:
        """Topological; nodes on a cycle, and after one, are missing."""
        missing = {node: len(earlier) for node, earlier in self._previous.items()}
        order = [node for node, count in missing.items() if count == 0]
        for node in order:
            for later in self._next[node]:
                missing[later] -= 1
                if missing[later] == 0:
                    order.append(later)
        return order

    def __iter__(self) -> Iterator[Node]:
        order = self._order()
        return iter(order if len(order) == len(self._next) else list(self._next))

    def __len__(self) -> int:
        return len(self._next)

    def __bool__(self) -> bool:
        return True

    def __contains__(self, task: object) -> bool:
        return task in self._next

    def __repr__(self) -> str:
        return f"<TaskGraph of {len(self._next)} nodes>"


def _triple(edge: Any) -> tuple[Any, Any, Any]:
    try:
        u, v, when = edge
    except (TypeError, ValueError):
        hint = "add_edge(a, b) adds one" if isinstance(edge, Node) else None
        raise FieldError(f"add_edges_from: expected pairs of tasks, got {edge!r}", hint=hint) from None
    return u, v, when


def _check(task: object, where: str) -> None:
    if not isinstance(task, Node):
        raise FieldError(f"{where}: expected a task or a group, got {task!r}")
