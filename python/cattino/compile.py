"""Turns exported objects into the lines of a submission.

Its cost is linear in what is exported: a request that is shared by many tasks is written once, the
environment is sent once, and the garbage collector is held off meanwhile.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from json.encoder import encode_basestring as quoted
from typing import Any, NamedTuple, Optional

from cattino.cycles import check_acyclic
from cattino.errors import CattinoError, FieldError
from cattino.exporting import Export
from cattino.head import submission_head
from cattino.names import assign_names
from cattino.preferences import settings
from cattino.project import Defaults
from cattino.tasks.base import Task
from cattino.tasks.graph import TaskGraph
from cattino.tasks.group import TaskGroup
from cattino.tasks.node import HOOK_METHODS, HOOKS, Node
from cattino.tasks.wishes import IN_REQUEST

CHUNK_BYTES = 256 * 1024
EDGES_EACH = 8192  # in a piece


class Pieces:
    """The bytes of a submission, made while the backend reads those before; may be iterated again."""

    def __init__(self, lines: list[str], edges: list[tuple[int, int, str]]) -> None:
        self._lines = lines
        self._edges = edges

    def __iter__(self) -> Iterator[bytes]:
        yield from _chunks(self._lines)
        for at in range(0, len(self._edges), EDGES_EACH):
            yield "".join(
                [
                    f'{{"edge":[{u},{v}]}}\n' if when == "ok" else f'{{"edge":[{u},{v},"{when}"]}}\n'
                    for u, v, when in self._edges[at : at + EDGES_EACH]
                ]
            ).encode("ascii")
        yield b'{"end":{"edges":%d}}\n' % len(self._edges)


class Work(NamedTuple):
    """What is sent. `nodes[i]` has the ref i+1 and is line `first_line` + i. `on_conflict` is None where the
    backend's setting decides."""

    nodes: list[Node]
    fullnames: set[str]
    first_line: int
    chunks: Pieces
    on_conflict: Optional[str]


class _Tree:
    """The exported nodes in order (groups before their members), their parents, and the edges."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.refs: dict[Node, int] = {}
        self.last: list[int] = []  # of node i: the greatest ref inside it
        self.edges: list[tuple[int, int, str]] = []
        self.empty: set[Node] = set()

    def add(self, node: Node) -> None:
        ref = len(self.nodes) + 1
        self.nodes.append(node)
        self.refs[node] = ref
        self.last.append(ref)
        if isinstance(node, TaskGroup):
            for member in node.tasks:
                if isinstance(member, TaskGroup) and not member.all_tasks:
                    self.empty.add(member)
                else:
                    self.add(member)
            self.last[ref - 1] = len(self.nodes)

    def order_of(self, group: TaskGroup) -> None:
        """The edges that the group's strategy asks for."""
        strategy = group.execute_strategy
        if isinstance(strategy, TaskGraph):
            self.edges_of(strategy, group.fullname)
        elif strategy == "sequential":
            refs = [self.refs[member] for member in group.tasks if member in self.refs]
            self.edges.extend((u, v, "ok") for u, v in zip(refs, refs[1:]))

    def edges_of(self, graph: TaskGraph, where: str) -> None:
        refs = self.refs
        try:
            self.edges.extend(
                (refs[u], refs[v], when)
                for u, following in graph._next.items()
                if following
                for v, when in following.items()
            )
        except KeyError as error:
            raise self._not_here(error.args[0], where) from None

    def _not_here(self, node: Node, where: str) -> CattinoError:
        if node in self.empty:
            return CattinoError(f"{where}: {node!r} has an edge but no tasks")
        return CattinoError(
            f"{where}: {node!r} has an edge but is not exported",
            hint="export the outermost group that it belongs to in the same script",
        )


def compile_exports(exports: list[Export], source: str, taken: set[str]) -> Work:
    """Checks and compiles. Names in `taken` are avoided by default names."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return _compile(exports, source, taken)
    finally:
        if was_enabled:
            gc.enable()


def _compile(exports: list[Export], source: str, taken: set[str]) -> Work:
    tree = _collect(exports)
    fullnames = assign_names(tree.nodes, taken)
    for export in exports:
        if isinstance(export.exported, TaskGraph):
            tree.edges_of(export.exported, "TaskGraph")
    groups = [node for node in tree.nodes if isinstance(node, TaskGroup)]
    for group in groups:
        tree.order_of(group)
    check_acyclic(tree.nodes, tree.refs, tree.last, tree.edges)
    defaults = settings._for_submissions()
    writer = _Writer(tree, defaults)
    body = [writer.group(node) if isinstance(node, TaskGroup) else writer.task(node) for node in tree.nodes]
    head = submission_head(len(groups), len(tree.nodes) - len(groups), source)
    if defaults.on_conflict is not None:
        head["on_conflict"] = defaults.on_conflict
    lines = [json.dumps({"submission": head}, ensure_ascii=False)]
    if writer.objects:
        lines.append(f'{{"objects":"{_pickled(writer.objects, defaults)}"}}')
    first_line = len(lines) + 1
    lines += body
    return Work(tree.nodes, fullnames, first_line, Pieces(lines, tree.edges), defaults.on_conflict)


def _collect(exports: list[Export]) -> _Tree:
    roots: dict[Node, str] = {}
    for exported, place in exports:
        found = exported.nodes if isinstance(exported, TaskGraph) else [exported]
        for node in found:
            roots.setdefault(node, place)
    tree = _Tree()
    for node, place in roots.items():
        if node._group is None or not _is_inside(node, roots, place):
            if isinstance(node, TaskGroup) and not node.all_tasks:
                tree.empty.add(node)
            else:
                tree.add(node)
    if not tree.nodes:
        raise CattinoError("there is nothing to submit: what was exported has no tasks")
    return tree


def _is_inside(node: Node, roots: dict[Node, str], place: str) -> bool:
    """Whether it comes along with a group that is exported too."""
    at = node._group
    if at is None:
        return False
    while at is not None:
        if at in roots:
            return True
        at = at._group
    group = node._group.fullname if node._group else ""
    raise CattinoError(
        f"{place}: {node!r} belongs to the group {group}, which is not exported",
        hint="export the outermost group instead",
    )


class _Writer:
    """Writes the lines of nodes, and gathers the objects that must be pickled."""

    def __init__(self, tree: _Tree, defaults: Defaults) -> None:
        self._refs = tree.refs
        self._defaults = defaults  # looked at once for each different request, not for each task
        self._rest: dict[Any, str] = {}  # of requests
        self._hooks: dict[type, list[str]] = {}
        self.objects: list[Node] = []

    def group(self, node: TaskGroup) -> str:
        line = f'{{"group":{{"ref":{self._refs[node]},"name":{quoted(node.name)}'
        if node._group is not None:
            line += f',"parent":{self._refs[node._group]}'
        if node._max_parallel is not None:
            line += f',"max_parallel":{node._max_parallel}'
        return line + self._called(node, self._overridden(node), False) + "}}"

    def task(self, node: Any) -> str:
        line = f'{{"task":{{"ref":{self._refs[node]},"name":{quoted(node._name or node.name)}'
        if node._group is not None:
            line += f',"group":{self._refs[node._group]}'
        command = node._command
        if command is not None:
            if "${" in command:
                command = _filled(node, command, "cmd")
            line += f',"command":{quoted(command)}'
        elif node._argv is not None:
            words = [_filled(node, word, "cmd") if "${" in word else word for word in node._argv]
            line += f',"argv":[{",".join(map(quoted, words))}]'
        else:
            line += f',"function":{quoted(node._label() or node.name)}'
        line += self._request(node)
        if node._env:
            env = {k: _filled(node, v, "env") if "${" in v else v for k, v in node._env.items()}
            line += f',"env":{json.dumps(env, ensure_ascii=False)}'
        if node._cwd is not None:
            line += f',"cwd":{quoted(_filled(node, node._cwd, "cwd"))}'
        hooks = self._overridden(node)
        is_function = command is None and node._argv is None
        return line + (self._called(node, hooks, is_function) if hooks or is_function else "") + "}}"

    def _request(self, node: Task) -> str:
        key = (
            node._min_devices,
            node._memory,
            type(node._memory),
            node._cpus,
            node._ram,
            node._priority,
            node._cascade,
            None if node._wishes is None else json.dumps(node._wishes),
        )
        text = self._rest.get(key)
        if text is None:
            asked: dict[str, Any] = {
                "min_devices": node._min_devices,
                "memory": node._memory,
                "cpus": node._cpus,
                "ram": node._ram,
            }
            wishes = dict(node._wishes or {})
            if self._defaults.log_limit is not None:
                wishes.setdefault("log_limit", self._defaults.log_limit)
            for word in IN_REQUEST:
                asked[word] = wishes.pop(word, None)
            request = {name: value for name, value in asked.items() if value is not None}
            if request.get("min_devices") == 1:
                del request["min_devices"]
            text = f',"request":{json.dumps(request)}' if request else ""
            if node._priority:
                text += f',"priority":{node._priority}'
            cascade = self._defaults.cascade if node._cascade is None else node._cascade
            if cascade is not None:
                text += f',"cascade":{json.dumps(cascade)}'
            for word, value in wishes.items():
                text += f',"{word}":{json.dumps(value)}'
            self._rest[key] = text
        return text

    def _overridden(self, node: Node) -> list[str]:
        kind = type(node)
        found = self._hooks.get(kind)
        if found is None:
            found = self._hooks[kind] = kind._class_hooks()
        if not HOOK_METHODS.isdisjoint(node.__dict__):
            found = [hook for hook in HOOKS if hook in found or hook in node._own_hooks()]
        return found

    def _called(self, node: Node, hooks: list[str], is_function: bool) -> str:
        """The part about the object, if Python must be called for this node."""
        if not hooks and not is_function:
            return ""
        self.objects.append(node)
        text = f',"hooks":{json.dumps(hooks)}' if hooks else ""
        return f'{text},"object":{len(self.objects) - 1}'


def _filled(node: Node, text: str, field: str) -> str:
    if "${" not in text:
        return text
    from cattino.magics import Magics

    try:
        return Magics.fill(text, task_name=node.name, fullname=node.fullname)
    except CattinoError as error:
        raise FieldError(f"{node!r}: {error.message}", field=field, hint=error.hint) from error.__cause__


def _pickled(objects: list[Node], defaults: Defaults) -> str:
    """With what their host goes by, where an object does not say otherwise, as the last of them."""
    from base64 import b64encode

    from cattino.pickling import pickle_objects

    sent: list[Any] = [*objects]
    if defaults.hook_timeout is not None:
        sent.append({"hook_timeout": defaults.hook_timeout})
    return b64encode(pickle_objects(sent)).decode("ascii")


def _chunks(lines: list[str]) -> Iterator[bytes]:
    at = 0
    while at < len(lines):
        size, start = 0, at
        while at < len(lines) and size < CHUNK_BYTES:
            size += len(lines[at])
            at += 1
        text = "\n".join(lines[start:at])
        try:
            yield (text + "\n").encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise CattinoError(
                f"text that cannot be sent: {text[error.start - 20 : error.end + 20]!r}"
            ) from None
