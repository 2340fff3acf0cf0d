"""Bytes that are no text on their way between the daemon and a host."""

from __future__ import annotations

import os

import pytest
from test_host import World, world

pytest.importorskip("cloudpickle")
__all__ = ["world"]


def test_the_words_of_an_exception_may_be_no_text(world: World) -> None:
    world.start(
        """
        class My(ProcTask):
            def on_start(self):
                raise ValueError(os.fsdecode(b"no-\\xff"))
            def on_end(self):
                raise ValueError("\\ud800")
        objects = [My("x")]
        """
    )
    world.hook("one")
    assert world.daemon.receive()["error"] == "ValueError: no-\udcff"
    world.hook("two", "on_end")
    assert world.daemon.receive()["error"] == "ValueError: ?"
    assert world.leave() == 0


def test_a_function_gets_bytes_that_are_no_text(world: World) -> None:
    world.start(
        """
        def work():
            return os.getcwdb(), os.environb[b"ADDED"]
        objects = [ProcTask(work)]
        """
    )
    directory = os.fsencode(world.path) + b"/d\xff"
    os.mkdir(directory)
    world.run(cwd=os.fsdecode(directory), environment={"ADDED": "a\udcfe", "CATTINO_ATTEMPT": "1"})
    assert world.supervisor.status_of(41 << 16 | 1) == (1, 0)
    assert world.result() == (directory, b"a\xfe")
    assert world.leave() == 0
