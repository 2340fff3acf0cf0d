"""The Hydra launcher: a sweep's jobs are tasks; outputs lie where Hydra puts them, results come back."""

from __future__ import annotations

import subprocess
import sys

from conftest import ROOT, Backend, python, tasks

APP = """
import os
import hydra
from hydra.core.utils import JobReturn

value = JobReturn.return_value
JobReturn.return_value = property(
    lambda job: print("returned", job._return_value) or value.fget(job), value.fset
)

@hydra.main(version_base=None, config_path=".", config_name="config")
def main(cfg):
    print("devices", os.environ["CUDA_VISIBLE_DEVICES"])
    if cfg.lr == 0.9:
        raise ValueError("too much")
    with open("model.txt", "w") as file:
        file.write(str(cfg.lr))
    return cfg.lr * 2

main()
"""
CONFIG = """
lr: 0.1
hydra:
  job: {chdir: true}
"""


def hydra(backend: Backend, *words: str) -> subprocess.CompletedProcess[str]:
    (backend.work / "app.py").write_text(APP)
    (backend.work / "config.yaml").write_text(CONFIG)
    return python(backend, "app.py", *words, check=None)


def test_a_sweep_is_one_submission_whose_jobs_run_side_by_side(backend: Backend) -> None:
    done = hydra(
        backend,
        "--multirun",
        "lr=0.1,0.2,0.3",
        "hydra/launcher=cattino",
        "hydra.launcher.name=sweep",
        "hydra.sweep.dir=out",
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if "[HYDRA]" not in line] == [
        f"returned {2 * lr}" for lr in (0.1, 0.2, 0.3)
    ]
    found = tasks(backend)
    assert set(found) == {"sweep/0:lr=0.1", "sweep/1:lr=0.2", "sweep/2:lr=0.3"}
    assert {task["status"] for task in found.values()} == {"Done"}
    assert len({task["submission"] for task in found.values()}) == 1
    assert len({task["devices"][0] for task in found.values()}) == 3, "each on a device of its own"
    for number, lr in enumerate((0.1, 0.2, 0.3)):
        assert (backend.work / "out" / str(number) / "model.txt").read_text() == str(lr)
        assert f"- lr={lr}" in (backend.work / "out" / str(number) / ".hydra" / "overrides.yaml").read_text()


def test_what_a_job_raises_is_raised_and_its_task_has_failed(backend: Backend) -> None:
    done = hydra(
        backend, "--multirun", "lr=0.1,0.9", "hydra/launcher=cattino", "hydra.launcher.min_devices=2"
    )
    assert done.returncode == 1 and "ValueError: too much" in done.stderr
    found = sorted(tasks(backend).values(), key=lambda task: task["id"])
    assert [task["status"] for task in found] == ["Done", "Failed"]
    assert [len(task["devices"]) for task in found] == [2, 2]


def test_a_request_that_cannot_be_is_said(backend: Backend) -> None:
    done = hydra(backend, "--multirun", "lr=1,2", "hydra/launcher=cattino", "hydra.launcher.min_devices=99")
    assert done.returncode == 1 and "min_devices" in done.stderr and tasks(backend) == {}


def test_a_run_puts_its_outputs_beside_its_logs(backend: Backend) -> None:
    hydra(backend, "--help")  # writes the files
    backend.meow(
        "create", f"{sys.executable} app.py", "-n", "one", "--", "hydra.run.dir=${run_dir}/${task_name}"
    )
    backend.meow("wait", "one")
    task = backend.task("one")["task"]
    assert (ROOT / task["directory"] / "model.txt").read_text() == "0.1"
    assert (ROOT / task["directory"] / ".hydra" / "config.yaml").exists()
