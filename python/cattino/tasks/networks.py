"""Task graphs from and to graphs of networkx, which is imported only for the latter."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from cattino.errors import CattinoError, FieldError, WrongType
from cattino.tasks.node import Node

if TYPE_CHECKING:
    from cattino.tasks.graph import TaskGraph


def from_networkx(made: TaskGraph, graph: Any) -> TaskGraph:
    """Fills `made`."""
    if not all(hasattr(graph, name) for name in ("nodes", "edges", "is_directed")):
        raise WrongType(f"from_networkx: expected a graph of networkx, got {graph!r}")
    if not graph.is_directed():
        raise FieldError("from_networkx: the graph is not directed", hint="make it a networkx.DiGraph")
    nodes = {key: _node(key, attributes) for key, attributes in graph.nodes(data=True)}
    for node in nodes.values():
        made.add_task(node)
    for u, v, attributes in graph.edges(data=True):
        made.add_edge(nodes[u], nodes[v], attributes.get("when", "ok"))
    return made


def _node(key: Any, attributes: dict[str, Any]) -> Node:
    found = attributes.get("task", key)
    if not isinstance(found, Node):
        raise FieldError(
            f"from_networkx: the node {key!r} is no task or group",
            hint="give it one: graph.add_node(…, task=ProcTask(…))",
        )
    return found


def to_networkx(graph: TaskGraph) -> Any:
    try:
        import networkx
    except ImportError:
        raise CattinoError(
            "to_networkx takes the package networkx", hint=f"{sys.executable} -m pip install networkx"
        ) from None
    made = networkx.DiGraph()
    made.add_nodes_from(graph.nodes)
    made.add_edges_from((u, v, {"when": when}) for u, v, when in graph.edges)
    return made
