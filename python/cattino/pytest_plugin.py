"""For pytest: a private backend for a test. Loaded by itself where cattino is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cattino.clients import Client

DEVICES = "4x24GiB"
CPUS = "8"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", f"cattino(devices='{DEVICES}', cpus={CPUS}): what the backend of cattino_backend has"
    )


@pytest.fixture
def cattino_backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The cattino.Client of a backend of this test alone, on declared devices (4 of 24 GiB, 8 cores, or as
    `@pytest.mark.cattino(devices="2x16GiB", cpus=4)` says). What the test exports goes there. It ends with
    the test, and so do its tasks."""
    import cattino
    from cattino.backend import find_meow

    marker = request.node.get_closest_marker("cattino")
    wanted = {"devices": DEVICES, "cpus": CPUS, **(marker.kwargs if marker else {})}
    for name in [name for name in os.environ if name.startswith(("CATTINO_", "CUDA_"))]:
        if name not in ("CATTINO_MEOW", "CATTINO_BIN", "CATTINO_PACKAGE"):
            monkeypatch.delenv(name)
    home = tempfile.mkdtemp(prefix="cattino-")
    monkeypatch.setenv("CATTINO_HOME", home)
    monkeypatch.setenv("CATTINO_SETTINGS", os.devnull)
    monkeypatch.setenv("CATTINO_DEVICES", str(wanted["devices"]))
    monkeypatch.setenv("CATTINO_CPUS", str(wanted["cpus"]))
    try:
        yield cattino.Client()
    finally:
        meow = find_meow()
        if meow is not None:
            subprocess.run([meow, "exit"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        shutil.rmtree(home, ignore_errors=True)
