"""What is measured does not depend on who measures it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

MEASURED = Path(__file__).parents[2] / "bench" / "measured.py"


def test_a_measured_backend_has_no_settings_of_who_runs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.spec_from_file_location("measured", MEASURED)
    assert spec is not None and spec.loader is not None
    measured = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(measured)
    monkeypatch.setattr(measured, "OUT", tmp_path)
    monkeypatch.setattr(measured.Backend, "meow", lambda self, *arguments, check=True: "")
    monkeypatch.setenv("CATTINO_SETTINGS", "/theirs/settings.toml")
    backend = measured.Backend("x")
    assert "CATTINO_SETTINGS" not in backend.environment
    assert Path(backend.environment["XDG_CONFIG_HOME"]).parent == backend.home
