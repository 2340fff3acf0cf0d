"""A private backend for a test, as a fixture of pytest."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from conftest import Backend, MakeBackend, alive, python

HEAD = """
import os, pytest, cattino
from cattino.tasks import ProcTask

def small(command, **more):
    return ProcTask(command, min_devices=0, cpus=0, **more)
"""


def run(backend: Backend, text: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    backend.write("test_it.py", HEAD + text)
    options = ("-q", "-p", "cattino.pytest_plugin", "-p", "no:cacheprovider")
    return python(backend, "-m", "pytest", *options, "test_it.py", check=None, timeout=timeout)


def passes(backend: Backend, text: str, timeout: float = 60) -> None:
    """All tests in it do."""
    done = run(backend, text, timeout)
    assert done.returncode == 0, done.stdout


def test_a_private_backend_for_a_test_is_a_fixture(backend: Backend) -> None:
    passes(
        backend,
        """
@pytest.mark.cattino(devices="2x16GiB", cpus=3)
def test_it(cattino_backend):
    (info,) = cattino_backend.submit(ProcTask(lambda: 42, task_name="t", min_devices=2))
    assert cattino_backend.result("t") == 42
    assert [device.total for device in cattino_backend.devices()] == [16384, 16384]
    open("home", "w").write(os.environ["CATTINO_HOME"])
""",
    )
    assert not Path((backend.work / "home").read_text()).exists()


def test_only_what_is_cattinos_is_set_aside(make_backend: MakeBackend) -> None:
    passes(
        make_backend(CUDA_VISIBLE_DEVICES="5", CUDA_HOME="/cuda", CATTINO_CGROUPS="off"),
        """
def test_it(cattino_backend):
    assert (os.environ["CUDA_VISIBLE_DEVICES"], os.environ["CUDA_HOME"]) == ("5", "/cuda")
    assert "CATTINO_CGROUPS" not in os.environ
""",
    )


def test_settings_and_names_are_those_of_the_test(backend: Backend) -> None:
    backend.write("config.toml", 'grace = "7s"\n')
    backend.write("project/pyproject.toml", "[tool.cattino]\noverride-exist-tasks = 'rename'\n")
    backend.environment["CATTINO_SETTINGS"] = str(backend.work / "config.toml")
    passes(
        backend,
        """
from cattino import settings

settings.log_limit = "1MiB"
OUTSIDE = ("7s", "forbid", "1MiB")

def told():
    return settings.grace, settings.override_exist_tasks, settings.log_limit

def test_before():
    assert told() == OUTSIDE

@pytest.mark.parametrize("time", range(2))
def test_inside(cattino_backend, monkeypatch, time):
    monkeypatch.chdir("project")
    assert told() == ("30s", "rename", "1MiB")
    settings.log_limit = "2MiB"
    task = small("true")
    cattino.export(task)
    assert task.fullname == "true" and cattino.where() == cattino.where(task).run_dir

def test_after():
    assert told() == OUTSIDE and "CATTINO_HOME" in os.environ
""",
    )


def test_what_runs_at_the_end_of_a_test_is_killed_at_once(backend: Backend) -> None:
    """It would have 30 s."""
    passes(
        backend,
        """
def test_it(cattino_backend):
    os.mkfifo("up")
    cattino_backend.submit(small("trap '' TERM; echo > up; while true; do sleep 1; done"))
    open("up").read()
""",
        timeout=25,
    )


@pytest.mark.parametrize(
    "change",
    [
        "monkeypatch.undo()",
        "os.environ['CATTINO_HOME'] = OUTSIDE",
        "os.environ.update(CATTINO_MEOW='/nowhere', PATH='')",
    ],
)
def test_the_end_of_a_test_ends_its_own_backend_whatever_it_did_to_the_environment(
    backend: Backend, change: str
) -> None:
    backend.meow("_start")
    theirs = backend.health()["pid"]
    passes(
        backend,
        f"""
OUTSIDE = os.environ["CATTINO_HOME"]

def test_it(cattino_backend, monkeypatch):
    cattino_backend.submit(small("sleep 1000"))
    open("home", "w").write(os.environ["CATTINO_HOME"])
    open("pid", "w").write(str(cattino.backend.ask("GET", "/v1/health")["pid"]))
    {change}
""",
    )
    assert not alive(int((backend.work / "pid").read_text()))
    assert not Path((backend.work / "home").read_text()).exists()
    assert alive(theirs) and backend.health()["pid"] == theirs


def test_a_backend_that_does_not_end_is_said_and_its_home_is_removed(
    make_backend: MakeBackend, tmp_path: Path
) -> None:
    meow = tmp_path / "meow"
    meow.write_text("#!/bin/sh\nexec sleep 1000\n")
    meow.chmod(0o755)
    backend = make_backend(CATTINO_MEOW=str(meow))
    backend.write("conftest.py", "import cattino.pytest_plugin\ncattino.pytest_plugin.EXIT_S = 0.1\n")
    done = run(
        backend,
        """
def test_it(cattino_backend):
    open("home", "w").write(os.environ["CATTINO_HOME"])
""",
    )
    assert done.returncode == 1 and "exit', '-y']' timed out" in done.stdout, done.stdout
    assert not Path((backend.work / "home").read_text()).exists()
