"""`cattino.settings`: the settings file, as the daemon reads it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from cattino.errors import CattinoError, did_you_mean

DEFAULTS: dict[str, Any] = {
    "devices": "",
    "cpus": None,
    "override-exist-tasks": "forbid",
    "cascade-cancel-on-failure": True,
    "shutdown-after-idle": "1h",
    "shutdown-on-complete": False,
    "shell": "",
    "log-limit": "",
    "enforce": "nothing",
    "grace": "30s",
    "hook-timeout": "1h",
    "resources": {},
    "reserve-after": "10m",
    "reservations": 1,
    "aging": "0s",
    "history-age": "90d",
    "history-size": 1000000,
}


class Settings(Mapping[str, Any]):
    """Read-only: `settings["grace"]`, `settings.override_exist_tasks`. Change them with `meow set`."""

    def __init__(self, path: Optional[str] = None) -> None:
        self._path = path
        self._values: Optional[dict[str, Any]] = None

    @property
    def path(self) -> str:
        """`$CATTINO_SETTINGS`, else `${XDG_CONFIG_HOME:-~/.config}/cattino/settings.toml`."""
        if self._path is not None:
            return self._path
        config = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
        return os.environ.get("CATTINO_SETTINGS") or os.path.join(config, "cattino", "settings.toml")

    def reload(self) -> None:
        """Reads the file again at the next use."""
        self._values = None

    def _all(self) -> dict[str, Any]:
        if self._values is None:
            values = {**DEFAULTS, **_read(self.path)}
            if os.environ.get("CATTINO_DEVICES"):
                values["devices"] = os.environ["CATTINO_DEVICES"]
            self._values = values
        return self._values

    def __getitem__(self, key: str) -> Any:
        return self._all()[key.replace("_", "-")]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            hint = did_you_mean(name.replace("_", "-"), self._all())
            raise AttributeError(f"there is no setting {name!r} ({hint})") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return f"<settings of {self.path}>"


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CattinoError(f"{path}: {error.strerror}") from None
    found = _parse(path, content.decode("utf-8", "replace"))
    for key in found:
        if key not in DEFAULTS:
            raise CattinoError(f"{path}: unknown setting", field=key, hint=did_you_mean(key, DEFAULTS))
    return found


def _parse(path: str, text: str) -> dict[str, Any]:
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


settings = Settings()
