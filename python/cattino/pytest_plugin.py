"""For pytest: a private backend for a test. Loaded by itself where cattino is installed."""

from __future__ import annotations

import contextlib
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
EXIT_S = 60.0  # a backend that does not end in that time is left alone, and the test says so
KEPT = ("CATTINO_MEOW", "CATTINO_BIN", "CATTINO_PACKAGE")  # where the programs are


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", f"cattino(devices='{DEVICES}', cpus={CPUS}): what the backend of cattino_backend has"
    )


@pytest.fixture
def cattino_backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The cattino.Client of a backend of this test alone, on declared devices (4 of 24 GiB, 8 cores, or as
    `@pytest.mark.cattino(devices="2x16GiB", cpus=4)` says). What the test exports goes there. Its settings
    are the defaults, and what the test sets in `cattino.settings` holds for the test. It ends with the test,
    and so do its tasks, which are killed at once."""
    import cattino

    marker = request.node.get_closest_marker("cattino")
    wanted = {"devices": DEVICES, "cpus": CPUS, **(marker.kwargs if marker else {})}
    home = tempfile.mkdtemp(prefix="cattino-")
    try:
        settings = os.path.join(home, "settings.toml")
        with open(settings, "w"):
            pass  # none
        _isolate(monkeypatch)
        monkeypatch.setenv("CATTINO_HOME", home)
        monkeypatch.setenv("CATTINO_SETTINGS", settings)
        monkeypatch.setenv("CATTINO_DEVICES", str(wanted["devices"]))
        monkeypatch.setenv("CATTINO_CPUS", str(wanted["cpus"]))
        ends = _Ends(settings)
        try:
            yield cattino.Client()
        finally:
            ends()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _isolate(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process knows of another backend is set aside for the test."""
    from cattino import backend, submit
    from cattino.preferences import settings

    for name in [name for name in os.environ if name.startswith("CATTINO_") and name not in KEPT]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(backend, "known_socket", "")
    monkeypatch.setattr(submit, "_taken", set())
    monkeypatch.setattr(submit.Last, "run_dir", None)
    monkeypatch.setattr(settings, "_values", None)
    monkeypatch.setattr(settings, "_project", None)
    monkeypatch.setattr(settings, "_own", dict(settings._own))


class _Ends:
    """Ends the backend that this process has when it is made. What the environment says later, when the test
    has changed it or undone what was set for it, may be the user's own."""

    def __init__(self, settings: str) -> None:
        from cattino.backend import find_meow

        self._settings = settings
        self._environment = dict(os.environ)
        meow = find_meow()
        self._meow = os.path.abspath(meow) if meow is not None and os.sep in meow else meow

    def __call__(self) -> None:
        """The daemon that stops what runs is another one: it reads what is in the settings now."""
        with contextlib.suppress(subprocess.TimeoutExpired):  # the other one may be heard
            self._exit("--keep-tasks")
        with open(self._settings, "w") as file:
            file.write('grace = "1ms"\n')
        self._exit("-y")

    def _exit(self, option: str) -> None:
        if self._meow is not None:
            subprocess.run(
                [self._meow, "exit", option],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=EXIT_S,
                check=False,
            )
