"""Everything that users may name says what it is, in its docstring and in the guide."""

from __future__ import annotations

import inspect
import pydoc
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cattino
from cattino import TaskStatus, errors, executor, info, logs, preferences, tasks
from cattino.events import Events
from cattino.following import LogLines
from cattino.host.deadlines import HookTimeout
from cattino.pytest_plugin import cattino_backend
from cattino.tasks import ProcTask

GUIDE = Path(__file__).parents[2] / "docs" / "guide.md"

PUBLIC: dict[str, Any] = {
    **{f"cattino.{name}": getattr(cattino, name) for name in cattino.__all__ if name != "__version__"},
    **{f"cattino.tasks.{name}": getattr(tasks, name) for name in tasks.__all__},
    # What the former return, take or raise.
    "UnknownField": errors.UnknownField,
    "WrongType": errors.WrongType,
    "HookTimeout": HookTimeout,
    "Future": executor.Future,
    "TaskInfo": info.TaskInfo,
    "DeviceInfo": info.DeviceInfo,
    "Event": info.Event,
    "Events": Events,
    "LogLines": LogLines,
    "LogPaths": logs.LogPaths,
    "Settings": preferences.Settings,
    "cattino_backend": cattino_backend,
}
# These are given to users, who do not make them.
GIVEN = (TaskStatus, errors.CattinoError, HookTimeout, info.TaskInfo, info.DeviceInfo, info.Event, LogLines)


def members_of(kind: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties that this package gives it."""
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] == "cattino":
            for name, member in vars(base).items():
                plain = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
                if not name.startswith("_") and (callable(plain) or isinstance(plain, property)):
                    yield name, plain


def documented() -> Iterator[tuple[str, Any]]:
    for name, found in PUBLIC.items():
        yield name, found
        if isinstance(found, type):
            yield from ((f"{name}.{inner}", member) for inner, member in members_of(found))


@pytest.mark.parametrize("name", sorted(dict(documented())))
def test_a_public_name_has_a_docstring(name: str) -> None:
    found = dict(documented())[name]
    if name.rpartition(".")[0] in PUBLIC:  # that of the base class does, too
        found = getattr(PUBLIC[name.rpartition(".")[0]], name.rpartition(".")[2])
    assert inspect.getdoc(found)


def parameters() -> Iterator[tuple[str, str]]:
    """Each with what is to mention it."""
    for name, found in PUBLIC.items():
        if not isinstance(found, type):
            if inspect.isfunction(found) and name != "cattino_backend":
                yield from _of(found, name, "")
            continue
        made = inspect.getattr_static(found, "__init__")
        about = f"{inspect.getdoc(found)} {made.__doc__ if '__init__' in vars(found) else ''}"
        if made is not object.__init__ and not issubclass(found, GIVEN):
            yield from _of(made, name, about)
        for inner, member in members_of(found):
            if inspect.isfunction(member):
                yield from _of(getattr(found, inner), f"{name}.{inner}", about)


def _of(function: Any, name: str, about: str) -> Iterator[tuple[str, str]]:
    text = f"{about} {inspect.getdoc(function)}"
    for parameter in inspect.signature(function).parameters.values():
        if (
            parameter.name != "self"
            and parameter.kind is not parameter.VAR_KEYWORD
            and parameter.name[0] != "_"
        ):
            yield f"{name}({parameter.name})", text


@pytest.mark.parametrize("name", sorted(dict(parameters())))
def test_a_parameter_is_mentioned_where_it_is_taken(name: str) -> None:
    word = name.partition("(")[2].rstrip(")")
    assert re.search(rf"\b{word}\b", dict(parameters())[name])


def test_every_field_of_a_task_is_explained() -> None:
    text = inspect.getdoc(ProcTask) or ""
    missing = [field for field in ProcTask._known if not re.search(rf"^ +{field}\b", text, re.MULTILINE)]
    assert not missing


def test_the_guide_names_every_public_name() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    names = text.partition("## All names in Python")[2].partition("\n## ")[0]
    words = {name.rpartition(".")[2] for name, _ in documented()} - {"cattino_backend"}
    assert "`cattino_backend`" in text
    assert not [word for word in words if not re.search(rf"`{word}\b", names)]


def test_the_guide_explains_every_field_of_a_task() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert not [field for field in ProcTask._known if not re.search(rf"\b{field}\b", text)]


def test_help_shows_what_is_public() -> None:
    for kind in (ProcTask, tasks.TaskGroup, cattino.Executor):
        text = pydoc.plain(pydoc.render_doc(kind))
        shown = set(re.findall(r"^ \|  (?:async )?(\w+)(?=\(|$)", text, re.MULTILINE))
        assert {name for name in vars(kind) if name[0] != "_"} <= shown
        assert not [name for name in shown if re.match(r"_[a-z]", name)]
