from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from fakes import FakeDaemon


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A private directory whose path is short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="cattino-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, short_path: Path) -> None:
    """No test finds the user's own backend or settings."""
    for name in list(os.environ):
        if name.startswith("CATTINO_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CATTINO_HOME", str(short_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(short_path / "config"))
    monkeypatch.setenv("CATTINO_MEOW", str(short_path / "no-meow"))
    from cattino import submit

    submit._taken.clear()
    submit.Last.run_dir = None


@pytest.fixture
def daemon(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDaemon]:
    fake = FakeDaemon(short_path / "meow.sock")
    monkeypatch.setenv("CATTINO_SOCKET", fake.path)
    yield fake
    fake.close()
