"""Gives every node of a submission its name: default names become unique, given ones must be."""

from __future__ import annotations

from cattino.errors import CattinoError
from cattino.tasks.node import Node


def assign_names(nodes: list[Node], taken: set[str]) -> set[str]:
    """Sets the default names; returns all fullnames. `nodes` are in order, groups before members."""
    siblings: dict[object, list[Node]] = {}
    for node in nodes:
        siblings.setdefault(node._group, []).append(node)
    seen: dict[str, Node] = {}
    prefixes: dict[object, str] = {None: ""}
    for parent, members in siblings.items():
        prefix = prefixes[parent]
        for node in members:
            if node._name is not None:
                _claim(seen, prefix + node._name, node)
        counters: dict[str, int] = {}
        for node in members:
            if node._name is None:
                _make_unique(node, prefix, seen, taken, counters)
        for node in members:
            if node in siblings:
                prefixes[node] = f"{prefix}{node.name}/"
    return set(seen)


def _claim(seen: dict[str, Node], fullname: str, node: Node) -> None:
    holder = seen.setdefault(fullname, node)
    if holder is not node:
        raise CattinoError(
            f"two tasks are named {fullname!r}: {_kind(holder)} and {_kind(node)}",
            field="task_name",
            hint="give one of them another name",
        )


def _kind(node: Node) -> str:
    work = getattr(node, "_command", None) or getattr(node, "_argv", None)
    return f"{type(node).__name__}({work!r})" if work else f"a {type(node).__name__}"


def _make_unique(
    node: Node, prefix: str, seen: dict[str, Node], taken: set[str], counters: dict[str, int]
) -> None:
    base = node._default_name()
    count = counters.get(base, 0)
    name = base if count == 0 else f"{base}_{count}"
    while prefix + name in seen or prefix + name in taken:
        count += 1
        name = f"{base}_{count}"
    counters[base] = count + 1
    node._unique = name
    seen[prefix + name] = node
