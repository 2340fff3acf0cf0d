"""What a project's pyproject.toml and a script say about submissions."""

from __future__ import annotations

import base64
import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

from cattino import CattinoError, FieldError
from cattino.compile import compile_exports
from cattino.exporting import Export
from cattino.preferences import Settings
from cattino.tasks import ProcTask

pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")

ALL = """
[project]
name = "p"

[tool.cattino]
override-exist-tasks = "rename"
cascade-cancel-on-failure = false
log-limit = "10MiB"
hook-timeout = "5m"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with settings that are read anew."""
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    return tmp_path


def settings_of(file: Path, text: str) -> Settings:
    file.write_text(text)
    return Settings()


class Hooked(ProcTask):
    def on_end(self) -> None:
        pass


def lines_of(monkeypatch: pytest.MonkeyPatch, settings: Settings, *exported: Any) -> list[Any]:
    monkeypatch.setattr("cattino.compile.settings", settings)
    work = compile_exports([Export(found, "x") for found in exported], "task.py", set())
    return [json.loads(line) for line in b"".join(work.chunks).splitlines()]


def test_the_nearest_table_upwards_lies_over_the_settings_file(project: Path) -> None:
    (project / "a" / "pyproject.toml").write_text("[tool.other]\nx = 'cattino'\n")
    (project / "a" / "b" / "pyproject.toml").write_text("[tool.cattino-like\n")
    settings = settings_of(project / "pyproject.toml", ALL)
    assert settings.override_exist_tasks == "rename" and settings["log-limit"] == "10MiB"
    assert settings.cascade_cancel_on_failure is False and settings.grace == "30s"
    assert settings.path.endswith("/cattino/settings.toml")
    (project / "a" / "pyproject.toml").write_text("tool.cattino.hook-timeout = '1s'\n")
    assert settings.hook_timeout == "5m", "it is read once"
    settings.reload()
    assert settings.hook_timeout == "1s" and settings.override_exist_tasks == "forbid"


def test_a_submission_takes_what_nobody_said_from_the_project(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cloudpickle")
    settings = settings_of(project / "pyproject.toml", ALL)
    hooked, own = Hooked("x", task_name="hooked"), Hooked("x", task_name="own", hook_timeout=7)
    says = ProcTask("x", task_name="says", cascade=True, log_limit=0)
    head, objects, *lines = lines_of(
        monkeypatch, settings, ProcTask("x", task_name="plain"), says, hooked, own
    )
    tasks = {line["task"]["name"]: line["task"] for line in lines if "task" in line}
    assert head["submission"]["on_conflict"] == "rename"
    assert (tasks["plain"]["cascade"], tasks["plain"]["log_limit"]) == (False, "10MiB")
    assert (tasks["says"]["cascade"], tasks["says"]["log_limit"]) == (True, 0)
    *sent, defaults = pickle.loads(base64.b64decode(objects["objects"]))
    assert [each._hook_timeout for each in sent] == [None, 7000] and defaults == {"hook_timeout": 300_000}
    assert hooked._hook_timeout is None, "the object is the user's"


def test_without_a_table_the_backend_decides(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head, line, _ = lines_of(monkeypatch, Settings(), ProcTask("x"))
    assert "on_conflict" not in head["submission"]
    assert "cascade" not in line["task"] and "log_limit" not in line["task"]


def test_a_table_of_another_user_is_left_out_and_that_is_said_once(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file = project / "a" / "pyproject.toml"
    file.write_text("tool.cattino.override-exist-tasks = 'allow'\n")
    (project / "a" / "b" / "pyproject.toml").write_text("[project]\nname = 'b'\n")
    owners = {str(file): 12345}
    monkeypatch.setattr("cattino.project._owner_of", lambda opened: owners.get(opened.name, os.geteuid()))
    settings = settings_of(project / "pyproject.toml", ALL)
    assert settings.override_exist_tasks == "rename"
    settings.reload()
    assert settings.override_exist_tasks == "rename"
    said = capfd.readouterr().err
    assert said.count("\n") == 1 and f"{file} belongs to another user (uid 12345)" in said
    assert "pyproject.toml of your own" in said
    owners[str(file)] = 0  # root's
    settings.reload()
    assert settings.override_exist_tasks == "allow" and capfd.readouterr().err == ""


def test_a_pipe_of_that_name_holds_nobody_up(project: Path) -> None:
    os.mkfifo(project / "a" / "b" / "pyproject.toml")
    assert settings_of(project / "pyproject.toml", ALL).override_exist_tasks == "rename"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("overide-exist-tasks = 'allow'", "tool.cattino.overide-exist-tasks: .*'override-exist-tasks'"),
        ("grace = '1s'", "tool.cattino.grace: .*pyproject.toml: no setting of a project .*settings.toml"),
        ("override-exist-tasks = 'renam'", "'forbid', 'allow' or 'rename', got 'renam' .*'rename'"),
        ("cascade-cancel-on-failure = 'no'", "cascade-cancel-on-failure: .*expected true or false, got 'no'"),
        ("log-limit = 'much'", "log-limit: .*expected MiB as an integer"),
        ("log-limit = -1", "log-limit: .*expected MiB"),
        ("hook-timeout = 'long'", "hook-timeout: .*expected a length of time"),
        ("hook-timeout = = 1", r"pyproject.toml: .*line 2"),
    ],
)
def test_what_is_wrong_in_the_table_is_told_with_the_file(project: Path, text: str, said: str) -> None:
    settings = settings_of(project / "pyproject.toml", f"[tool.cattino]\n{text}\n")
    with pytest.raises(CattinoError, match=said) as caught:
        settings._for_submissions()
    assert str(project / "pyproject.toml") in str(caught.value)
    (project / "pyproject.toml").write_text("[tool]\ncattino = 3\n")
    with pytest.raises(CattinoError, match="expected a table, got 3"):
        dict(settings)


def test_a_script_sets_what_concerns_its_submissions(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(project / "pyproject.toml", ALL)
    settings.override_exist_tasks = "allow"
    settings["cascade-cancel-on-failure"] = True
    assert settings.override_exist_tasks == "allow"
    settings.log_limit = 5
    settings.reload()
    assert (settings["log-limit"], settings.hook_timeout) == (5, "5m")
    head, line, _ = lines_of(monkeypatch, settings, ProcTask("x"))
    assert head["submission"]["on_conflict"] == "allow"
    assert (line["task"]["cascade"], line["task"]["log_limit"]) == (True, 5)


def test_a_script_cannot_set_what_is_wrong_or_the_backends(project: Path) -> None:
    settings = Settings()
    with pytest.raises(AttributeError, match="did you mean 'override-exist-tasks'"):
        settings.override_exist_task = "allow"
    with pytest.raises(KeyError, match="did you mean 'log-limit'"):
        settings["log_limits"] = 3
    for name, value, said in (
        ("override_exist_tasks", "renam", "did you mean 'rename'"),
        ("cascade_cancel_on_failure", "perhaps", "expected True or False"),
        ("hook_timeout", "soon", "expected a length of time"),
        ("log_limit", None, "expected MiB"),
        ("grace", "1s", r"put it into .*settings\.toml"),
    ):
        with pytest.raises(FieldError, match=said):
            setattr(settings, name, value)
    assert settings._for_submissions() == (None, None, None, None)
