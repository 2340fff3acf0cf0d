"""`cattino.settings`: the settings file, as the daemon reads it, and what a project or a script says."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from cattino.errors import CattinoError, FieldError, did_you_mean
from cattino.project import TABLE, WORDS, Defaults, defaults_of, find_table, parse

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
    """What holds for submissions of this process: `settings["grace"]`, `settings.override_exist_tasks`.

    The values are those of `path`, the settings file of the backend (written by hand or by `meow set`).
    Over them come four that concern submissions only:

    - `override-exist-tasks`, `cascade-cancel-on-failure`, `log-limit` and `hook-timeout` in the table
      `[tool.cattino]` of the nearest pyproject.toml that has one, from the working directory upwards. It is
      looked for once, when a setting is first needed, and never written;
    - the same four set here: `settings.override_exist_tasks = "rename"`, or
      `settings["override-exist-tasks"] = "rename"`, for what this process submits from then on (`meow create`
      submits when the script has ended).

    Tasks and groups that say otherwise (`cascade`, `log_limit`, `hook_timeout`) are left alone. A wrong value
    is a FieldError, an unknown word an AttributeError or a KeyError. All other settings are the backend's:
    they cannot be set here.
    """

    def __init__(self, path: Optional[str] = None) -> None:
        self._path = path
        self._values: Optional[dict[str, Any]] = None
        self._project: Optional[dict[str, Any]] = None
        self._own: dict[str, Any] = {}  # set by this process

    @property
    def path(self) -> str:
        """`$CATTINO_SETTINGS`, else `${XDG_CONFIG_HOME:-~/.config}/cattino/settings.toml`."""
        if self._path is not None:
            return self._path
        config = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
        return os.environ.get("CATTINO_SETTINGS") or os.path.join(config, "cattino", "settings.toml")

    def reload(self) -> None:
        """Reads the files again at the next use. What was set here stays."""
        self._values = None
        self._project = None

    def _all(self) -> dict[str, Any]:
        if self._values is None:
            values = {**DEFAULTS, **_read(self.path)}
            if os.environ.get("CATTINO_DEVICES"):
                values["devices"] = os.environ["CATTINO_DEVICES"]
            self._values = {**values, **self._of_project(), **self._own}
        return self._values

    def _of_project(self) -> dict[str, Any]:
        if self._project is None:
            try:
                directory = os.getcwd()
            except OSError:  # it was deleted: a submission says so
                return {}
            path, table = find_table(directory)
            for key in table:
                if key not in WORDS:
                    raise CattinoError(
                        f"{path}: {'no setting of a project' if key in DEFAULTS else 'unknown setting'}",
                        field=f"{TABLE}.{key}",
                        hint=self._elsewhere(key) if key in DEFAULTS else did_you_mean(key, WORDS),
                    )
            defaults_of(path, table, TABLE)
            self._project = table
        return self._project

    def _elsewhere(self, key: str) -> str:
        return f"{key} is a setting of the backend: put it into {self.path}"

    def _for_submissions(self) -> Defaults:
        """What the project and this process say. The settings file is for the backend to read."""
        return defaults_of("cattino.settings", {**self._of_project(), **self._own})

    # ---- as a mapping, and by attributes ---------------------------------------------------------

    def __getitem__(self, key: str) -> Any:
        try:
            return self._all()[key.replace("_", "-")]
        except KeyError:
            raise KeyError(_unknown(key)) from None

    def __setitem__(self, key: str, value: Any) -> None:
        self._set(key.replace("_", "-"), value, KeyError, key)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            super().__setattr__(name, value)
        else:
            self._set(name.replace("_", "-"), value, AttributeError, name)

    def _set(self, key: str, value: Any, error: type[Exception], written: str) -> None:
        if key not in DEFAULTS:
            raise error(_unknown(written))
        if key not in WORDS:
            raise FieldError("it cannot be set by a script", field=key, hint=self._elsewhere(key))
        defaults_of("cattino.settings", {key: value})
        self._own[key] = value
        if self._values is not None:
            self._values[key] = value

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return f"<settings of {self.path}>"


def _unknown(name: str) -> str:
    hint = did_you_mean(name.replace("_", "-"), DEFAULTS)
    return f"there is no setting {name!r} ({hint})"


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CattinoError(f"{path}: {error.strerror}") from None
    found = parse(path, content.decode("utf-8", "replace"))
    for key in found:
        if key not in DEFAULTS:
            raise CattinoError(f"{path}: unknown setting", field=key, hint=did_you_mean(key, DEFAULTS))
    return found


settings = Settings()
