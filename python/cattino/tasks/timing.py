"""Lengths of time and moments, as users may write them → milliseconds."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from fractions import Fraction
from math import inf, isnan
from time import time
from typing import Optional, Union

from cattino.tasks.request import wrong

Length = Union[str, int, float, timedelta]
Moment = Union[str, int, float, datetime]

_UNITS_MS = {
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "min": 60_000,
    "m": 60_000,
    "sec": 1000,
    "s": 1000,
    "ms": 1,
}
_LONGEST_MS = 36500 * _UNITS_MS["d"]
_LAST_MS = 253_402_300_799_999  # of the year 9999
_part = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)\s*", re.IGNORECASE)

LENGTH = "a length of time such as '2h', '90s', '1h30m', or seconds"
MOMENT = "a datetime, seconds since 1970, or text such as '2026-12-01T08:00' or '+2h'"


def check_length(owner: str, field: str, value: object) -> int:
    """A length of time, longer than nothing."""
    return _length(owner, field, value, 1)


def check_pause(owner: str, field: str, value: object) -> int:
    """A length of time, or nothing."""
    return _length(owner, field, value, 0)


def check_seconds(owner: str, field: str, value: object) -> Optional[float]:
    """As Python itself has them, for a wait: None is for ever."""
    if value is None:
        return None
    if isinstance(value, (str, bytes, bool)) or not hasattr(value, "__float__") or isnan(value):
        wrong(owner, field, "seconds, as a number", value)
    return None if value == inf else float(value)


def _length(owner: str, field: str, value: object, least: int) -> int:
    found = None
    if isinstance(value, str):
        found = _parse(value)
    elif isinstance(value, timedelta):
        found = Fraction(value // timedelta(microseconds=1), 1000)
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12:
        found = Fraction(value) * 1000
    ms = None if found is None else int(found + Fraction(1, 1000))  # 0.3 is a hair less than that
    if ms is None or found is None or found < 0 or not least <= ms <= _LONGEST_MS:
        wrong(owner, field, LENGTH, value)
    return ms


def _parse(text: str) -> Union[Fraction, None]:
    """As the command line reads it: larger units first; a number alone is seconds."""
    total = Fraction(0)
    before = None
    at = 0
    while at < len(text) or before is None:
        part = _part.match(text, at)
        if part is None:
            return None
        at = part.end()
        word = part[2].lower()
        alone = not word and before is None and at == len(text)
        unit = _UNITS_MS["s"] if alone else _UNITS_MS.get(word)
        if unit is None or (before is not None and unit >= before):
            return None
        total += Fraction(part[1].rstrip(".")) * unit
        before = unit
    return total


def check_moment(owner: str, field: str, value: object) -> int:
    """When it starts at the earliest. Without a zone it is local time."""
    seconds = None
    if isinstance(value, str):
        seconds = _moment_of(owner, field, value)
    elif isinstance(value, datetime):
        seconds = value.timestamp()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = value
    if seconds is None or not 0 <= seconds * 1000 <= _LAST_MS:
        wrong(owner, field, MOMENT, value)
    return round(seconds * 1000)


def _moment_of(owner: str, field: str, text: str) -> Union[float, None]:
    text = text.strip()
    if text.startswith("+"):
        return time() + check_pause(owner, field, text[1:]) / 1000
    if text[-1:] in ("Z", "z"):  # not understood before Python 3.11
        text = text[:-1] + "+00:00"
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None
