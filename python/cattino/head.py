"""The first line of a submission: what this process hands on to its tasks."""

from __future__ import annotations

import os
import sys
from typing import Any

from cattino.errors import CattinoError

LIMITS = (
    *("cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock"),
    *("as", "sigpending", "msgqueue", "nice", "rtprio", "rttime"),
)


def submission_head(groups: int, tasks: int, source: str) -> dict[str, Any]:
    try:
        cwd = os.getcwd()
    except OSError as error:
        raise CattinoError(f"the working directory cannot be told: {error.strerror}") from None
    head: dict[str, Any] = {
        "groups": groups,
        "tasks": tasks,
        "cwd": cwd,
        "environment": handed_on(),
        "umask": _umask(),
        "limits": _limits(),
        "interpreter": os.path.abspath(sys.executable) if sys.executable else None,
        "python_path": _python_path(),
        "source": source,
        "date_format": os.environ.get("CATTINO_DIR_FORMAT") or None,
        "key": os.urandom(16).hex(),
    }
    return {name: value for name, value in head.items() if value is not None}


def handed_on() -> dict[str, str]:
    """Our environment, less what only concerns the way from `meow create` to here."""
    environment = dict(os.environ)
    lent = environment.pop("CATTINO_LENT", None)  # where the package is lent from, by PYTHONPATH
    if lent is not None:  # it was put behind what the user has there
        path = environment.pop("PYTHONPATH", "")
        if path != lent and path.endswith(os.pathsep + lent):
            environment["PYTHONPATH"] = path[: -len(os.pathsep + lent)]
    environment.pop("CATTINO_MEOW", None)
    return environment


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _limits() -> dict[str, list[int]]:
    import resource

    found = {}
    for name in LIMITS:
        number = getattr(resource, f"RLIMIT_{name.upper()}", None)
        if number is not None:
            found[name] = list(resource.getrlimit(number))
    return found


def _python_path() -> list[str]:
    """Where modules were found, absolute and each once, and where this package is."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    entries = [os.path.abspath(entry or ".") for entry in sys.path]
    return list(dict.fromkeys([*entries, package]))
