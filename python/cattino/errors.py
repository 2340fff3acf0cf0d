"""What goes wrong, with the field it is about and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Optional


class CattinoError(Exception):
    """The base of all errors of this package: what the backend refuses, too.

    `message` is what is wrong, `field` what it is about (`min_devices`), `hint` what to do, `status` that of
    the HTTP answer if it is the backend that says so; all but the first may be None. As text it is
    `field: message (hint)`.
    """

    def __init__(
        self,
        message: str,
        *,
        field: Optional[str] = None,
        hint: Optional[str] = None,
        status: Optional[int] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.hint = hint
        self.status = status  #: of an HTTP answer

    def __str__(self) -> str:
        text = f"{self.field}: {self.message}" if self.field else self.message
        return f"{text} ({self.hint})" if self.hint else text

    def _render_traceback_(self) -> list[str]:
        """IPython asks for this. The frames of this package say nothing to who made the mistake."""
        from cattino.notebook import rendered

        return rendered(self)


class FieldError(CattinoError, ValueError):
    """A value that was given is wrong. It is a ValueError, too."""


class UnknownField(FieldError, TypeError):
    """A keyword that there is not, as Python itself answers it: with a TypeError."""


class WrongType(FieldError, TypeError):
    """An object of a kind that is not taken here."""


class TaskFailed(CattinoError):
    """A task has no result: it was killed or cancelled, or ended with another exit status than 0. The text
    says how, with the last lines of its stderr.log. What its function raised is raised instead, caused by
    this."""


#: What other tools call what we have: the spelling would lead elsewhere, or nowhere.
ELSEWHERE = {
    "min_devices": ("gpu", "gpus", "num_gpus", "n_gpus", "ngpus", "gres", "accelerators", "num_devices"),
    "requires_memory_per_device": ("vram", "gpu_memory", "memory_limit"),
    "cpus": ("cores", "num_cpus", "n_cpus", "n_cores", "threads", "cpus_per_task"),
    "time_limit": ("timeout", "walltime", "max_time"),
    "task_name": ("job_name",),
    "cwd": ("chdir", "workdir", "work_dir", "working_dir", "working_directory", "directory"),
    "priority": ("nice",),
    "not_before": ("begin", "delay", "start_after", "eta"),
    "retries": ("retry", "attempts"),
    "max_parallel": ("max_workers", "concurrency", "max_concurrency", "parallelism", "n_jobs"),
    "max_workers": ("max_parallel", "concurrency", "n_jobs"),
    "group_name": ("task_name",),
    "execute_strategy": ("mode", "order"),
    "ok": ("success", "succeeded", "done", "afterok"),
    "fail": ("failure", "failed", "error", "afternotok"),
    "any": ("always", "all", "ended", "afterany"),
}


def nearest(word: str, known: Iterable[str]) -> Optional[str]:
    """The right word that `word` was probably meant to be."""
    from difflib import get_close_matches

    candidates = list(known)
    meant = [name for name in candidates if word.lower() in ELSEWHERE.get(name, ())]
    if meant:
        return meant[0]
    found = get_close_matches(word, candidates, n=1, cutoff=0.6)
    if found:
        return found[0]
    longer = [name for name in candidates if len(word) > 2 and (word in name or name in word)]
    return longer[0] if longer else None


def did_you_mean(word: str, known: Iterable[str]) -> Optional[str]:
    """A hint for an unknown word: the nearest one, or all there are."""
    candidates = list(known)
    best = nearest(word, candidates)
    if best is not None:
        return f"did you mean {best!r}?"
    return "known: " + ", ".join(candidates) if candidates else None
