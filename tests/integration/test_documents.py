"""What README.md and the guide tell people to write runs as it is written."""

from __future__ import annotations

import ast
import re
import subprocess
from typing import Any

import pytest
from conftest import PATIENCE_S, ROOT, Backend, in_python, python, statuses

import cattino
from cattino import tasks
from cattino.tasks import ProcTask

DOCUMENTS = ("README.md", "docs/guide.md")
# What the scripts run; it takes any arguments.
FILES = {"train.py": "print('trained')", "eval.py": "print('evaluated')"}
FIELDS = {
    "ProcTask": set(ProcTask._known),
    "Executor": {*ProcTask._known, "name", "max_workers"},
    "with_options": set(ProcTask._known),
    "TaskGroup": {"tasks", "execute_strategy", "group_name", "max_parallel", "hook_timeout"},
}


def blocks(language: str) -> list[Any]:
    """Each with the place where it is."""
    found = []
    for name in DOCUMENTS:
        text = (ROOT / name).read_text(encoding="utf-8")
        for match in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            found.append(pytest.param(match[1], id=f"{name}:{text.count(chr(10), 0, match.start()) + 2}"))
    return found


def scripts() -> list[Any]:
    """Those that are complete: they import what they use, and export."""
    return [
        each
        for each in blocks("python")
        if re.search(r"^import cattino$", each.values[0], re.MULTILINE) and "export(" in each.values[0]
    ]


def sessions() -> list[Any]:
    """Of commands of meow, without what they print."""
    return [
        each for each in blocks("console") if all(line[:7] == "$ meow " for line in lines(each.values[0]))
    ]


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.fixture
def prepared(backend: Backend) -> Backend:
    for name, text in FILES.items():
        backend.write(name, text)
    return backend


@pytest.mark.parametrize("text", scripts())
def test_a_script_runs(prepared: Backend, text: str) -> None:
    prepared.write("task.py", text)
    prepared.meow("create", "task.py")
    prepared.meow("wait")
    assert set(statuses(prepared).values()) == {"Done"}
    python(prepared, "task.py")
    prepared.meow("wait")
    assert set(statuses(prepared).values()) == {"Done"}


@pytest.mark.parametrize("text", sessions())
def test_a_session_runs(prepared: Backend, text: str) -> None:
    if "pipeline/" in text:
        prepared.write("task.py", blocks("python")[0].values[0])  # that of the README
    for line in lines(text):
        done = subprocess.run(
            ["bash", "-c", line[2:]],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE_S,
            check=False,
            **in_python(prepared),
        )
        assert done.returncode == 0, (line, done.stderr)


@pytest.mark.parametrize("text", blocks("python"))
def test_a_fragment_uses_words_that_there_are(text: str) -> None:
    tree = compile(text, "fragment", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "cattino"
        ):
            assert hasattr(cattino, node.attr), node.attr
        elif isinstance(node, ast.ImportFrom) and node.module == "cattino.tasks":
            assert {each.name for each in node.names} <= set(tasks.__all__)
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given = {each.arg for each in node.keywords if each.arg is not None}
            assert given <= FIELDS.get(name, given), name


def test_there_are_scripts_and_sessions() -> None:
    assert len(scripts()) >= 2 and len(sessions()) >= 4
