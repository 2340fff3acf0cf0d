"""What cannot be pickled is named, and where it is."""

from __future__ import annotations

import contextlib
import functools
import os
import queue
import socket
import sqlite3
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable

import pytest
from fakes import environment_without_cattino

import cattino
from cattino import CattinoError
from cattino.pickling import pickle_objects
from cattino.tasks import ProcTask, TaskGroup

pytest.importorskip("cloudpickle")

LOCK = r"\(a _thread\.lock\) cannot be pickled \(keep open"


class Hooked(ProcTask):
    def on_end(self) -> None:
        pass


class Holder:
    def __init__(self, **parts: Any) -> None:
        self.__dict__.update(parts)

    def method(self) -> None:
        pass


def closure() -> Callable[[], Any]:
    guard = threading.Lock()
    return lambda: guard


def deep_closure() -> Callable[[], Any]:
    inner = closure()
    return lambda: [inner() for _ in "12"]


def with_default() -> Callable[[], Any]:
    def work(a: int = 1, guard: Any = threading.Lock(), *, other: int = 2) -> None:  # noqa: B008
        pass

    return work


def hooked(**attributes: Any) -> Hooked:
    made = Hooked("x", task_name="h")
    made.__dict__.update(attributes)
    return made


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: ProcTask(closure(), task_name="f"), "its function: variable 'guard' around it"),
        (
            lambda: ProcTask(deep_closure()),
            "its function: variable 'inner' around it: variable 'guard' around it",
        ),
        (lambda: ProcTask(with_default()), "its function: default of 'guard'"),
        (lambda: ProcTask(print, args=(1, threading.Lock())), r"its args\[1\]"),
        (lambda: ProcTask(dict, kwargs={"lock": threading.Lock()}), r"its kwargs\['lock'\]"),
        (lambda: ProcTask(print, args=({"a": [0, threading.Lock()]},)), r"its args\[0\]\['a'\]\[1\]"),
        (lambda: ProcTask(functools.partial(print, threading.Lock())), r"its function: its args\[0\]"),
        (lambda: ProcTask(Holder(lock=threading.Lock()).method), r"its function: its object\.lock"),
        (lambda: hooked(handle=threading.Lock()), "its attribute 'handle'"),
        (lambda: ProcTask(print, args=(Holder(_own=threading.Lock()),)), r"its args\[0\]\._own"),
        (lambda: hooked(opts={"a": Holder(b=threading.Lock())}), r"its attribute 'opts'\['a'\]\.b"),
    ],
)
def test_the_innermost_part_is_named(made: Callable[[], Any], said: str) -> None:
    task = made()
    with pytest.raises(CattinoError, match=f"{task!r} cannot be sent .*: {said} {LOCK}"):
        pickle_objects([Hooked("x"), task])


def test_what_a_group_holds_is_found_by_its_member() -> None:
    class Group(TaskGroup):
        def on_start(self) -> None:
            pass

    member = ProcTask(print)
    group = Group([member], group_name="g")
    group.handle = threading.Lock()  # type: ignore[attr-defined]
    with pytest.raises(CattinoError, match=r"its group: its attribute 'handle' \(a _thread.lock\)"):
        pickle_objects([member])


@pytest.mark.parametrize(
    ("make", "kind", "holds"),
    [
        (threading.Thread, "a threading.Thread", "a _thread."),  # what, differs between versions
        (threading.Event, "a threading.Event", "a _thread.lock"),
        (queue.Queue, "a queue.Queue", "a _thread.lock"),
        (
            lambda: ThreadPoolExecutor(1),
            "a concurrent.futures.thread.ThreadPoolExecutor",
            "a _queue.SimpleQueue",
        ),
    ],
)
def test_what_is_inside_objects_of_python_is_no_place(make: Callable[[], Any], kind: str, holds: str) -> None:
    with pytest.raises(CattinoError) as caught:
        pickle_objects([ProcTask(print, args=(Holder(own=make()),))])
    assert f": its args[0].own ({kind}) cannot be pickled: it holds {holds}" in str(caught.value)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: (number for number in range(3)), "a generator"),
        (lambda: socket.socket(socket.AF_UNIX), "a socket.socket"),
        (lambda: sqlite3.connect(":memory:"), "a sqlite3.Connection"),
        (lambda: open(os.devnull, "rb"), "an _io.BufferedReader"),  # noqa: SIM115
    ],
)
def test_what_a_lambda_uses_is_named_with_its_kind(make: Callable[[], Any], kind: str) -> None:
    held = make()
    with contextlib.closing(held), pytest.raises(CattinoError) as caught:
        pickle_objects([ProcTask(lambda: held)])
    assert f": its function: variable 'held' around it ({kind}) cannot be pickled (keep" in str(caught.value)


def test_the_cause_is_kept_where_it_is_the_users_own() -> None:
    class Unwilling:
        def __reduce__(self) -> Any:
            raise RuntimeError("not me")

    with pytest.raises(CattinoError, match="cannot be pickled: not me") as caught:
        pickle_objects([ProcTask(print, args=(Unwilling(),))])
    assert isinstance(caught.value.__cause__, RuntimeError)
    trace = caught.value.__cause__.__traceback__
    assert trace is not None and trace.tb_next is None and trace.tb_frame.f_code.co_name == "__reduce__"
    with pytest.raises(CattinoError) as caught:
        pickle_objects([ProcTask(print, args=(threading.Lock(),))])
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_a_reason_that_says_more_is_told() -> None:
    with (
        open(os.devnull, "w") as file,
        pytest.raises(CattinoError, match=r"'file' \(an _io.TextIO.* not opened"),
    ):
        pickle_objects([hooked(file=file)])


def test_what_holds_itself_ends() -> None:
    loop: list[Any] = [threading.Lock()]
    loop.insert(0, loop)
    with pytest.raises(CattinoError, match=rf"its args\[0\]\[1\] {LOCK}"):
        pickle_objects([ProcTask(print, args=(loop,))])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "def work(): return [lock for _ in '1']\ntask = ProcTask(work)",
            "its function: global variable 'lock'",
        ),
        (
            "def helper(): return lock\ndef work(): return helper()\ntask = ProcTask(work)",
            "its function: global variable 'helper': global variable 'lock'",
        ),
        (
            "class T(ProcTask):\n    def on_start(self): return lock\ntask = T('x')",
            "its class: attribute 'on_start': global variable 'lock'",
        ),
        (
            "class T(ProcTask):\n    guard = lock\n    def on_start(self): pass\ntask = T('x')",
            "its class: attribute 'guard'",
        ),
    ],
)
def test_what_a_script_defines_is_looked_into(tmp_path: Path, body: str, said: str) -> None:
    head = (
        "import threading\nfrom cattino.tasks import ProcTask\nfrom cattino.pickling import pickle_objects\n"
    )
    script = f"{head}lock = threading.Lock()\n{textwrap.dedent(body)}\npickle_objects([task])\n"
    (tmp_path / "task.py").write_text(script)
    package = str(Path(cattino.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "task.py"],
        cwd=tmp_path,
        env={**environment_without_cattino(), "PYTHONPATH": package},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f": {said} (a _thread.lock) cannot be pickled" in done.stderr
