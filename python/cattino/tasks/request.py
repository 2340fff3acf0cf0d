"""Checks of what a task asks for. Each returns the value as it goes over the wire."""

from __future__ import annotations

import math
from typing import NoReturn, Union

from cattino.errors import FieldError

Memory = Union[int, float, str, None]


def wrong(owner: str, field: str, expected: str, value: object) -> NoReturn:
    raise FieldError(f"{owner}: expected {expected}, got {value!r}", field=field)


def check_devices(owner: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 65535:
        wrong(owner, "min_devices", "an integer ≥ 0", value)
    return value


def check_memory(owner: str, value: object) -> Memory:
    """MiB (an integer), a share of the device's total, or text; None is the whole device."""
    field = "requires_memory_per_device"
    if isinstance(value, str):
        return value or None
    if isinstance(value, float):
        if value == 0:
            return None
        if value == 1:
            return "100%"
        if not 0 < value < 1:
            hint = f"; {int(value)} is MiB" if math.isfinite(value) and value > 1 else ""
            wrong(owner, field, f"a share in (0, 1]{hint}", value)
        return value
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        wrong(owner, field, "MiB as an integer ≥ 0, a share in (0, 1] or text such as '20GiB'", value)
    return value or None


def check_cpus(owner: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        wrong(owner, "cpus", "a number ≥ 0", value)
    return value


def check_ram(owner: str, value: object) -> Union[int, str]:
    return check_size(owner, "ram", value)


def check_size(owner: str, field: str, value: object) -> Union[int, str]:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        wrong(owner, field, "MiB as an integer ≥ 0 or text such as '64GiB'", value)
    return value


def check_priority(owner: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
        wrong(owner, "priority", "an integer", value)
    return value


def check_env(owner: str, value: object) -> dict[str, str]:
    if not hasattr(value, "items"):
        hint = "a name is given by task_name=…" if isinstance(value, str) else None
        raise FieldError(f"{owner}: expected a dictionary of texts, got {value!r}", field="env", hint=hint)
    checked = {}
    for key, content in value.items():
        if not isinstance(key, str) or not key or "=" in key or "\0" in key:
            wrong(owner, "env", "names of variables without '='", key)
        text = str(int(content)) if isinstance(content, bool) else str(content)
        if "\0" in text:
            wrong(owner, f"env[{key!r}]", "text without a null character", content)
        checked[key] = text
    return checked
