"""What a project says about its submissions: `[tool.cattino]` of its pyproject.toml, which is only read."""

from __future__ import annotations

import os
import re
import sys
from typing import Any, BinaryIO, Callable, NamedTuple, Optional, Union

from cattino.errors import CattinoError, FieldError, did_you_mean
from cattino.tasks.request import check_size, wrong
from cattino.tasks.timing import check_pause

TABLE = "tool.cattino"
CONFLICTS = ("forbid", "allow", "rename")


class Defaults(NamedTuple):
    """As a submission has them; None is for the backend to decide."""

    on_conflict: Optional[str] = None
    cascade: Optional[bool] = None
    log_limit: Union[int, str, None] = None
    hook_timeout: Optional[int] = None  # ms; 0: for ever


def _check_conflict(owner: str, field: str, value: object) -> str:
    if value not in CONFLICTS:
        hint = did_you_mean(value, CONFLICTS) if isinstance(value, str) else None
        expected = "'forbid', 'allow' or 'rename'"
        raise FieldError(f"{owner}: expected {expected}, got {value!r}", field=field, hint=hint)
    return str(value)


def _check_flag(owner: str, field: str, value: object) -> bool:
    if not isinstance(value, bool):
        expected = "true or false" if owner.endswith(".toml") else "True or False"
        wrong(owner, field, expected, value)
    return value


_amount = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*([kmgt](ib|b)?|b)?\s*", re.IGNORECASE)


def _check_amount(owner: str, field: str, value: object) -> Union[int, str]:
    if value == "":
        return 0
    if isinstance(value, str) and not _amount.fullmatch(value):
        wrong(owner, field, "MiB as an integer ≥ 0 or text such as '64GiB'", value)
    return check_size(owner, field, value)


#: By the words of settings.toml: the field of Defaults, and what makes it of a value.
WORDS: dict[str, tuple[str, Callable[[str, str, object], Any]]] = {
    "override-exist-tasks": ("on_conflict", _check_conflict),
    "cascade-cancel-on-failure": ("cascade", _check_flag),
    "log-limit": ("log_limit", _check_amount),
    "hook-timeout": ("hook_timeout", check_pause),
}


def defaults_of(owner: str, values: dict[str, Any], table: str = "") -> Defaults:
    """Checks `values`; errors name `owner`, where they come from."""
    found = {}
    for word, value in values.items():
        field, check = WORDS[word]
        found[field] = check(owner, f"{table}.{word}" if table else word, value)
    return Defaults(**found)


def find_table(directory: str) -> tuple[str, dict[str, Any]]:
    """The nearest pyproject.toml with the table, from `directory` upwards, and the table; else "" and {}.
    Only what this user or root owns counts."""
    while True:
        path = os.path.join(directory, "pyproject.toml")
        table = _table_of(path)
        if table is not None:
            return path, table
        above = os.path.dirname(directory)
        if above == directory:
            return "", {}
        directory = above


def _table_of(path: str) -> Optional[dict[str, Any]]:
    """None if it has none, or cannot be read, or is another user's."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            owner = _owner_of(file)
            text = (file.read() or b"").decode("utf-8", "replace")  # None: an empty pipe
    except OSError:
        return None
    if "cattino" not in text:  # nearly always; and before Python 3.11 a parser may be missing
        return None
    if owner not in (0, os.geteuid()):
        _refuse(path, owner)
        return None
    try:
        found = parse(path, text).get("tool")
    except CattinoError:
        if f"[{TABLE}]" in text:
            raise
        return None
    table = found.get("cattino") if isinstance(found, dict) else None
    if table is not None and not isinstance(table, dict):
        wrong(path, TABLE, "a table", table)
    return table


def _open_at_once(path: str, flags: int) -> int:
    """A pipe of that name must not hold us up."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _owner_of(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_uid


_refused: set[str] = set()


def _refuse(path: str, owner: int) -> None:
    """Anybody can leave a file in /tmp, or above where others work; said once."""
    if path in _refused:
        return
    _refused.add(path)
    print(
        f"cattino: {path} belongs to another user (uid {owner}): what its [{TABLE}] says is left out. "
        "Put the table into a pyproject.toml of your own, or set it in the script by cattino.settings",
        file=sys.stderr,
    )


def parse(path: str, text: str) -> dict[str, Any]:
    """The TOML in `text`. Errors name the file, the line and the column."""
    if sys.version_info >= (3, 11):
        import tomllib as toml
    else:
        try:
            import tomli as toml
        except ImportError:
            raise CattinoError(f"{path}: reading it takes the package tomli before Python 3.11") from None
    try:
        return dict(toml.loads(text))
    except toml.TOMLDecodeError as error:
        raise CattinoError(f"{path}: {error}") from None
