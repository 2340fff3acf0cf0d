"""What only some tasks ask for: limits, pins, resources, retries, moments. Checked by a table, so that tasks
without wishes cost nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable, TypedDict, Union

from cattino.errors import FieldError, did_you_mean
from cattino.tasks.request import check_size, wrong
from cattino.tasks.timing import Length, Moment, check_length, check_moment, check_pause

End = Union[int, str]  # an exit code, or one of ENDS
ENDS = ("exit", "signal", "timeout", "oom", "lost")
MOST_PINS = 64
MOST_RESOURCES = 32
MOST_BYTES = 256


class Wishes(TypedDict, total=False):
    """Of any task. None is as good as nothing."""

    time_limit: Union[Length, None]
    resources: Union[dict[str, int], None]
    retries: int
    retry_on: Union[End, Iterable[End], None]
    backoff: Union[Length, None]
    longest_backoff: Union[Length, None]
    oom_growth: Union[float, None]
    not_before: Union[Moment, None]
    held: bool
    preemptible: bool
    log_limit: Union[int, str, None]
    hook_timeout: Union[Length, None]


class DeviceWishes(Wishes, total=False):
    """Of a task that can have devices."""

    max_devices: Union[int, None]
    devices: Union[int, str, Iterable[Union[int, str]], None]


Check = Callable[[str, str, object], Any]


def is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def whole(least: int, most: int) -> Check:
    def check(owner: str, field: str, value: object) -> Any:
        if not is_whole(value, least, most):
            wrong(owner, field, f"an integer ≥ {least}", value)
        return value

    return check


def check_flag(owner: str, field: str, value: object) -> bool:
    if not isinstance(value, bool):
        wrong(owner, field, "True or False", value)
    return value


def _check_factor(owner: str, field: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1 <= value <= 1000:
        wrong(owner, field, "a factor ≥ 1, such as 1.5", value)
    return value


def _items(value: object) -> list[Any]:
    if isinstance(value, (str, int)) or not hasattr(value, "__iter__"):
        return [value]
    return list(value)


def _check_ends(owner: str, field: str, value: object) -> list[End]:
    ends = _items(value)
    for end in ends:
        if is_whole(end, 1, 255) or (isinstance(end, str) and end in ENDS):
            continue
        known = ", ".join(map(repr, ENDS))
        raise FieldError(
            f"{owner}: expected exit codes from 1 to 255, or {known}, got {end!r}",
            field=field,
            hint=did_you_mean(end, ENDS) if isinstance(end, str) else None,
        )
    return list(dict.fromkeys(ends))


def _check_pins(owner: str, field: str, value: object) -> list[str]:
    pins: dict[str, None] = {}
    for item in _items(value):
        for word in item.split(",") if isinstance(item, str) else [item]:
            pin = word.strip() if isinstance(word, str) else str(word)
            fits = is_whole(word, 0, 65535) or isinstance(word, str)
            if not fits or not pin or "\0" in pin or len(pin.encode("utf-8", "replace")) > MOST_BYTES:
                wrong(owner, field, "names, indices, UUIDs or models of devices", word)
            pins[pin] = None
    if not 0 < len(pins) <= MOST_PINS:
        wrong(owner, field, f"1 to {MOST_PINS} devices", value)
    return list(pins)


def _check_resources(owner: str, field: str, value: object) -> dict[str, int]:
    if not hasattr(value, "items"):
        wrong(owner, field, "a dictionary of names and integers", value)
    wanted = dict(value.items())
    if len(wanted) > MOST_RESOURCES:
        wrong(owner, field, f"at most {MOST_RESOURCES} of them", len(wanted))
    for name, amount in wanted.items():
        if not isinstance(name, str) or not name or any(c <= " " or c in ",=\x7f" for c in name):
            wrong(owner, field, "names without spaces, commas and '='", name)
        if not is_whole(amount, 1, 2**62):
            wrong(owner, f"{field}[{name!r}]", "an integer ≥ 1", amount)
    return wanted


CHECKS: dict[str, Check] = {
    "time_limit": check_length,
    "resources": _check_resources,
    "retries": whole(0, 1_000_000),
    "retry_on": _check_ends,
    "backoff": check_pause,
    "longest_backoff": check_pause,
    "oom_growth": _check_factor,
    "not_before": check_moment,
    "held": check_flag,
    "preemptible": check_flag,
    "log_limit": check_size,
    "hook_timeout": check_pause,
}
DEVICE_CHECKS: dict[str, Check] = {**CHECKS, "max_devices": whole(0, 65535), "devices": _check_pins}

# Part of the request on the wire; the others are beside it.
IN_REQUEST = ("max_devices", "time_limit", "devices", "resources")
