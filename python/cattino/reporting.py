"""`cattino.report`: a task says how far it is."""

from __future__ import annotations

import json
import math
import os
from typing import Any, Optional

from cattino.attempts import path_of, write_whole
from cattino.errors import FieldError


def report(step: Optional[int] = None, total: Optional[int] = None, **metrics: float) -> None:
    """Says how far this task is: shown by `meow list`, `meow show` and TaskInfo.progress.

        for step, batch in enumerate(batches, 1):
            cattino.report(step=step, total=len(batches), loss=train(batch))

    `step` and `total` are whole numbers, `metrics` any others by their names (those of NumPy and PyTorch do,
    too); what is none raises FieldError. The latest report counts. It is a small file
    beside the logs, written in some 50 µs, and never waits for the backend. Outside a task it does nothing.
    """
    told: dict[str, Any] = {}
    for name, value in (("step", step), ("total", total)):
        if value is not None:
            told[name] = _whole(name, value)
    told["metrics"] = {name: _number(name, value) for name, value in metrics.items()}
    directory = os.environ.get("CATTINO_TASK_HOME")
    if not directory:
        return
    attempt = int(os.environ.get("CATTINO_ATTEMPT", "1"))
    try:
        write_whole(path_of(directory, "progress", attempt, "json"), json.dumps(told).encode())
    except OSError:
        pass  # a full disk must not end a training


def _whole(name: str, value: Any) -> int:
    try:
        found = value.__index__()
    except AttributeError:
        raise FieldError(f"report: expected an integer, got {value!r}", field=name) from None
    return int(found)


def _number(name: str, value: Any) -> Any:
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise FieldError(f"report: expected a number, got {value!r}", field=name) from None
    return found if math.isfinite(found) else str(found)  # JSON has no NaN
