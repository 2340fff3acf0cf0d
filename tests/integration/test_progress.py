"""What a wait shows at a terminal, and nowhere else."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from typing import Optional

import pytest
from conftest import HEAD, PATIENCE_S, Backend, gate, in_python, open_gate, python

WAIT = """
if {hidden}:
    sys.modules["tqdm"] = sys.modules["tqdm.auto"] = None
group = TaskGroup([quick("first"), quick("second", {gate!r})], group_name="pair")
cattino.export(group)
print({expression}, flush=True)
"""


class AtTerminal:
    """A script whose stderr is a terminal."""

    def __init__(self, backend: Backend, script: str) -> None:
        backend.write("task.py", HEAD + script)
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 100, 0, 0))  # else it has no width
        self.process = subprocess.Popen(
            [sys.executable, "task.py"], stdout=subprocess.PIPE, stderr=theirs, **in_python(backend)
        )
        os.close(theirs)
        self._terminal = ours
        self.seen = ""

    def sees(self, text: str) -> None:
        while text not in self.seen:
            ready, _, _ = select.select([self._terminal], [], [], PATIENCE_S)
            assert ready and self._read(), f"{text!r} never came: {self.seen!r}"

    def end(self) -> str:
        """What it printed."""
        while self._read():
            pass
        os.close(self._terminal)
        assert self.process.stdout is not None
        printed = self.process.stdout.read()
        assert self.process.wait() == 0, self.seen
        return str(printed)

    def _read(self) -> Optional[bytes]:
        try:
            data = os.read(self._terminal, 4096)
        except OSError:  # nobody has it open any more
            return None
        self.seen += data.decode()
        return data


@pytest.mark.parametrize("hidden", [True, False])
@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("group.wait()", ("pair: 1 of 2 tasks have ended (0:0", "| 1/2 [")),
        ("group.tasks[1].wait()", ("pair/second: Running (0:0", "pair/second: Running 00:0")),
        ("group.tasks[1].wait(timeout=50)", ("pair/second: Running (0:0", "pair/second: Running 00:0")),
    ],
)
def test_a_wait_at_a_terminal_shows_how_it_goes_on(
    backend: Backend, expression: str, shown: tuple[str, str], hidden: bool
) -> None:
    if not hidden:
        pytest.importorskip("tqdm")
    script = WAIT.format(gate=gate(backend, "gate"), expression=expression, hidden=hidden)
    terminal = AtTerminal(backend, script)
    terminal.sees(shown[0] if hidden else shown[1])
    open_gate(backend, "gate")
    assert terminal.end() == "Done\n"


@pytest.mark.parametrize(
    ("command", "expression"), [("sleep 1.5", "group.wait(progress=False)"), ("true", "group.wait()")]
)
def test_a_wait_shows_nothing_if_it_is_short_or_told_so(
    backend: Backend, command: str, expression: str
) -> None:
    terminal = AtTerminal(backend, WAIT.format(gate=command, expression=expression, hidden=True))
    assert terminal.end() == "Done\n"
    assert terminal.seen.startswith("created 2 tasks") and terminal.seen.count("\n") == 1


def test_a_wait_shows_nothing_where_there_is_no_terminal(backend: Backend) -> None:
    backend.write("task.py", HEAD + WAIT.format(gate="sleep 1.5", expression="group.wait()", hidden=False))
    done = python(backend, "task.py")
    assert done.stdout == "Done\n" and done.stderr.count("\n") == 1
