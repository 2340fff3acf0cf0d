"""Whether the edges of a submission, of tasks and of groups, leave an order to run in."""

from __future__ import annotations

from cattino.errors import CattinoError
from cattino.tasks.node import Node

Edges = list[tuple[int, int, str]]


def check_acyclic(nodes: list[Node], refs: dict[Node, int], last: list[int], edges: Edges) -> None:
    """`last[ref - 1]` is the greatest ref inside a node: members follow their group directly."""
    if all(last[u - 1] < v for u, v, _ in edges):
        return  # every edge goes forward in the order of lines
    cycle = _find_cycle(_expanded(nodes, refs, edges))
    if cycle:
        names = _named(cycle, nodes)
        raise CattinoError(
            "these wait for each other in a cycle: " + " → ".join([*names, names[0]]),
            field="execute_strategy",
        )


def _expanded(nodes: list[Node], refs: dict[Node, int], edges: Edges) -> list[list[int]]:
    """A graph in which a group is two nodes: its begin (its ref) comes before all its members, and its
    end (its ref + count) after them."""
    count = len(nodes) + 1
    ends = list(range(count))
    for ref, node in enumerate(nodes, 1):
        if hasattr(node, "all_tasks"):
            ends[ref] = ref + count
    following: list[list[int]] = [[] for _ in range(2 * count)]
    for ref, node in enumerate(nodes, 1):
        parent = refs[node._group] if node._group is not None else 0
        if parent:
            following[parent].append(ref)
            following[ends[ref]].append(ends[parent])
    for u, v, _ in edges:
        following[ends[u]].append(v)
    return following


def _find_cycle(following: list[list[int]]) -> list[int]:
    missing = [0] * len(following)
    for later in following:
        for v in later:
            missing[v] += 1
    ready = [v for v, n in enumerate(missing) if n == 0]
    for u in ready:
        for v in following[u]:
            missing[v] -= 1
            if missing[v] == 0:
                ready.append(v)
    if len(ready) == len(following):
        return []
    # What is left lies on a cycle or after one: walk backwards until a node comes again.
    before: dict[int, int] = {}
    for u, later in enumerate(following):
        if missing[u] > 0:
            for v in later:
                if missing[v] > 0:
                    before.setdefault(v, u)
    at = next(iter(before))
    seen: dict[int, int] = {}
    walk: list[int] = []
    while at not in seen:
        seen[at] = len(walk)
        walk.append(at)
        at = before[at]
    return list(reversed(walk[seen[at] :]))


def _named(cycle: list[int], nodes: list[Node]) -> list[str]:
    count = len(nodes) + 1
    names: list[str] = []
    for index in cycle:
        name = nodes[index % count - 1].fullname
        if name not in names:
            names.append(name)
    start = names.index(min(names))
    return names[start:] + names[:start]
