"""Private backends, as the integration tests have them."""

from __future__ import annotations

import os

import pytest
from words import Backend, backend, make_backend

__all__ = ["backend", "here", "make_backend"]


@pytest.fixture
def here(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """A backend that this very process talks to, from the work directory."""
    for name in list(os.environ):
        if name.startswith(("CATTINO_", "CUDA_")):
            monkeypatch.delenv(name)
    for name, value in backend.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(backend.work)
    return backend
