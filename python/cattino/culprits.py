"""What inside an object keeps it from being pickled, in words."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any, Callable, Optional

from cattino.tasks.node import Node

DEPTH_MAX = 12
LOOKS_MAX = 2000  # at parts; each may take as long as pickling it does

LIBRARY: frozenset[str] = getattr(
    sys, "stdlib_module_names", frozenset({"asyncio", "concurrent", "queue", "subprocess", "threading"})
) - {"__main__", "builtins"}

Dump = Callable[[Any], object]
Part = tuple[str, Any]  # its place in the whole, in words, and itself


class Search:
    """For the innermost part of `value` that cannot be pickled. `dump` raises for what cannot be."""

    def __init__(self, dump: Dump) -> None:
        self._dump = dump
        self._seen: set[int] = set()
        self._looks = 0

    def describe(self, value: Any, error: Exception) -> str:
        """`global variable 'lock' (a _thread.lock) cannot be pickled`; `error` is that of `value`."""
        place = ""
        shown: Any = value  # the innermost part that its user knows of
        found = value
        for _ in range(DEPTH_MAX):
            part = self._guilty(found)
            if part is None:
                break
            word, inner, error = part
            if shown is found and not (word[0] == "." and _is_of_python(found)):
                place += word if not place or word[0] in ".[" else f": {word}"
                shown = inner
            found = inner
        subject = f"{place} ({_kind(shown)})" if place else _kind(shown)
        reason = str(error).strip()
        if not reason or reason.startswith(("cannot pickle '", "can't pickle ")):
            reason = "" if shown is found else f"it holds {_kind(found)}"
        return f"{subject} cannot be pickled" + (f": {reason}" if reason else "")

    def _guilty(self, value: Any) -> Optional[tuple[str, Any, Exception]]:
        """The first part of it that cannot be pickled alone, and why."""
        self._seen.add(id(value))
        for word, part in parts_of(value):
            if id(part) in self._seen or self._looks >= LOOKS_MAX:
                continue
            self._looks += 1
            try:
                self._dump(part)
            except Exception as error:
                return word, part, error
        return None


def parts_of(value: Any) -> Iterator[Part]:
    """What is pickled along with it."""
    if isinstance(value, Node):
        yield from _parts_of_node(value)
    elif isinstance(value, FunctionType):
        yield from _parts_of_function(value)
    elif isinstance(value, MethodType):
        yield "its object", value.__self__
        yield "its function", value.__func__
    elif isinstance(value, partial):
        yield "its function", value.func
        yield from _items("its args", dict(enumerate(value.args)))
        yield from _items("its kwargs", value.keywords)
    elif isinstance(value, Mapping):
        yield from _items("", value)
        yield from (("a key", key) for key in value)
    elif isinstance(value, (list, tuple)):
        yield from _items("", dict(enumerate(value)))
    elif isinstance(value, (set, frozenset)):
        yield from (("an element", element) for element in value)
    elif isinstance(value, type):
        yield from ((f"attribute {name!r}", _plain(part)) for name, part in vars(value).items())
    else:
        yield from ((f".{name}", part) for name, part in _attributes(value).items())
        yield "its class", type(value)


def _parts_of_node(node: Node) -> Iterator[Part]:
    own = vars(node)
    if "_func" in own:
        yield "its function", own["_func"]
    yield from _items("its args", dict(enumerate(own.get("_args", ()))))
    yield from _items("its kwargs", own.get("_kwargs", {}))
    yield from ((f"its attribute {name!r}", part) for name, part in own.items() if name[0] != "_")
    yield "its class", type(node)
    if node._group is not None:
        yield "its group", node._group


def _items(before: str, items: Mapping[Any, Any]) -> Iterator[Part]:
    for key, part in items.items():
        yield f"{before}[{key!r}]", part


def _parts_of_function(function: FunctionType) -> Iterator[Part]:
    code = function.__code__
    defaults = function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount][code.co_argcount - len(defaults) :]
    for name, part in (*zip(names, defaults), *(function.__kwdefaults__ or {}).items()):
        yield f"default of {name!r}", part
    for name, cell in zip(code.co_freevars, function.__closure__ or ()):
        try:
            yield f"variable {name!r} around it", cell.cell_contents
        except ValueError:  # it has no value yet
            continue
    for name in sorted(_global_names(code)):
        if name in function.__globals__:
            yield f"global variable {name!r}", function.__globals__[name]
    yield from ((f".{name}", part) for name, part in vars(function).items())


def _global_names(code: CodeType) -> set[str]:
    """That it, and functions inside it, may use."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _global_names(constant)
    return found


def _plain(member: Any) -> Any:
    """The function in a descriptor of a class."""
    if isinstance(member, (staticmethod, classmethod)):
        return member.__func__
    return member.fget if isinstance(member, property) else member


def _attributes(value: Any) -> dict[str, Any]:
    try:
        return dict(vars(value))
    except TypeError:  # it has slots, or is of C
        return {}


def _is_of_python(value: Any) -> bool:
    """Whether its attributes are Python's own business: those of a Thread, a Queue, a Popen."""
    module = type(value).__module__.partition(".")[0]
    return module in LIBRARY and module not in ("types", "argparse", "collections", "functools")


def _kind(value: Any) -> str:
    """`a _thread.lock`"""
    kind = type(value)
    name = ("" if kind.__module__ == "builtins" else f"{kind.__module__}.") + kind.__qualname__
    return f"{_article(name)} {name}"


def _article(noun: str) -> str:
    return "an" if noun.lstrip("_")[0] in "aeiouAEIOU" else "a"
