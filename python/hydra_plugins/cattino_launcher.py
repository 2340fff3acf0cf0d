"""Hydra's jobs as tasks of the backend: `python app.py --multirun lr=0.1,0.2 hydra/launcher=cattino`.

Requests are the launcher's fields: `hydra.launcher.min_devices=2`.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from hydra.core.config_store import ConfigStore
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

import cattino
from cattino.executor import Future
from cattino.tasks import ProcTask

log = logging.getLogger(__name__)

NAME_MAX = 200  # bytes of a name; a path component may have 255


@dataclass
class CattinoLauncherConf:
    """The fields of ProcTask, for each job; None: as there."""

    _target_: str = "hydra_plugins.cattino_launcher.CattinoLauncher"
    name: Optional[str] = None  # of the group of tasks
    max_workers: Optional[int] = None  # at most so many jobs at once
    min_devices: int = 1
    requires_memory_per_device: Any = None  # MiB, a share, or text
    cpus: Optional[float] = None
    ram: Any = None
    priority: int = 0
    time_limit: Any = None
    retries: Optional[int] = None


ConfigStore.instance().store(
    group="hydra/launcher", name="cattino", node=CattinoLauncherConf, provider="cattino"
)


class CattinoLauncher(Launcher):
    """Sends all jobs of a sweep as one submission, and waits for what they return."""

    def __init__(
        self, name: Optional[str] = None, max_workers: Optional[int] = None, **requests: Any
    ) -> None:
        self._executor = cattino.Executor(name=name, max_workers=max_workers)
        self._requests = requests

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self._context = hydra_context
        self._function = task_function
        self._config = config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        setup_globals()
        hydra = self._config.hydra
        configure_log(hydra.hydra_logging, hydra.verbose)
        Path(str(hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        jobs = list(enumerate(job_overrides, initial_job_idx))
        log.info(f"Launching {len(jobs)} jobs as tasks")
        tasks = [self._task(number, list(overrides)) for number, overrides in jobs]
        results = []
        for future, (number, overrides) in zip(self._executor.submit_tasks(tasks), jobs):
            log.info(f"\t#{number} : {' '.join(filter_overrides(overrides))}")
            results.append((future, overrides))
        return [_collected(future, overrides) for future, overrides in results]

    def _task(self, number: int, overrides: list[str]) -> ProcTask:
        arguments = (self._context, self._function, self._config, number, overrides, Singleton.get_state())
        name = _name(",".join(filter_overrides(overrides)), number)
        return ProcTask(_run, args=arguments, task_name=name, **self._requests)


def _name(text: str, number: int) -> str:
    name = re.sub(r"[/\x00-\x1f\x7f]+", "_", text).encode()[:NAME_MAX].decode(errors="ignore")
    return f"{number}:{name}" if name else str(number)


def _run(
    context: HydraContext,
    function: TaskFunction,
    config: DictConfig,
    number: int,
    overrides: list[str],
    singletons: dict[Any, Any],
) -> JobReturn:
    """One job, in its task's process."""
    setup_globals()
    Singleton.set_state(singletons)
    job = context.config_loader.load_sweep_config(config, overrides)
    with open_dict(job):
        job.hydra.job.id = number
        job.hydra.job.num = number
    returned = run_job(
        hydra_context=context,
        task_function=function,
        config=job,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
    _ = returned.return_value  # raises what the job raised, so that its task has failed, too
    return returned


def _collected(future: Future, overrides: Sequence[str]) -> JobReturn:
    """What Hydra wants to know of a job; what it raised is raised when that is asked for."""
    error = future.exception()
    if error is None:
        returned: JobReturn = future.result()
        return returned
    failed = JobReturn(overrides=overrides, status=JobStatus.FAILED)
    failed.return_value = error
    return failed
