"""hook-timeout, on_retry and on_fail."""

from __future__ import annotations

from typing import Any

from words import create, ended, err, noted, notes, statuses, with_settings


def test_a_start_hook_that_takes_longer_than_the_timeout_fails_its_task_only(
    make_backend: Any, tmp_path: Any
) -> None:
    """order: per-hook timeout (setting hook-timeout)"""
    backend = with_settings(make_backend, tmp_path, 'hook-timeout = "1s"\n')
    create(
        backend,
        """
        class Slow(ProcTask):
            async def on_start(self):
                await asyncio.sleep(20)
        cattino.export(TaskGroup([small("slow", "echo ran >> notes", Slow), small("t")], group_name="g"))
        """,
    )
    assert ended(backend, "g/slow", "g/t") == ["Failed", "Done"]
    assert notes(backend) == []
    assert "on_start" in err(backend, "g/slow") and "timeout" in err(backend, "g/slow")


def test_an_end_hook_that_takes_longer_than_the_timeout_changes_no_status(
    make_backend: Any, tmp_path: Any
) -> None:
    """order: per-hook timeout; contract 1.4: an on_end … changes no status"""
    backend = with_settings(make_backend, tmp_path, 'hook-timeout = "1s"\n')
    create(
        backend,
        """
        class Slow(ProcTask):
            async def on_end(self):
                await asyncio.sleep(20)
                note("slept")
        cattino.export(chain(small("slow", "true", Slow), small("next")))
        """,
    )
    assert ended(backend, "g/slow", "g/next") == ["Done", "Done"]
    assert notes(backend) == []


ALL_HOOKS = """
class T(ProcTask):
    def on_start(self):       note("start", self.attempt)
    async def on_end(self):   note("end", self.attempt)
    async def on_retry(self): await super().on_retry(); note("retry")
    def on_fail(self):        note("fail", self.exit_code)
"""


def test_on_retry_runs_for_each_retry_and_on_fail_at_the_end_of_all(backend: Any) -> None:
    """order: plus on_retry and on_fail"""
    create(backend, ALL_HOOKS + 'cattino.export(small("t", "exit 3", T, retries=2, backoff="0s"))\n')
    assert ended(backend, "t") == "Failed"
    noted(backend, "fail 3")
    found = notes(backend)
    assert found.count("retry") == 2 and found.count("fail 3") == 1
    assert found.index("retry") < found.index("start 2")
    assert found.index("fail 3") > found.index("start 3")


def test_on_retry_is_not_for_those_that_fail_at_once(backend: Any) -> None:
    """order: plus on_retry and on_fail"""
    create(backend, ALL_HOOKS + 'cattino.export(small("t", "exit 3", T))\n')
    assert ended(backend, "t") == "Failed"
    noted(backend, "fail 3")
    assert "retry" not in notes(backend)


def test_on_fail_is_not_for_what_is_done_or_cancelled(backend: Any) -> None:
    """order: plus on_retry and on_fail"""
    create(
        backend,
        ALL_HOOKS
        + 'cattino.export(small("done", "true", T))\n'
        + 'cattino.export(small("cancelled", "echo up >> notes; exec sleep 1000", T))\n'
        + 'cattino.export(small("failed", "exit 3", T))\n',
    )
    noted(backend, "up")
    backend.meow("cancel", "cancelled")
    assert ended(backend, "done", "cancelled") == ["Done", "Cancelled"]
    noted(backend, "fail 3")
    assert len([line for line in notes(backend) if line.startswith("fail")]) == 1


def test_on_retry_of_exit_and_retry(backend: Any) -> None:
    """order: on_retry; contract 1.4: exit status 100 requeues the task"""
    create(backend, ALL_HOOKS + 'cattino.export(small("t", "test $CATTINO_ATTEMPT = 2 || exit 100", T))\n')
    assert ended(backend, "t") == "Done"
    assert notes(backend).count("retry") == 1
    assert statuses(backend) == {"t": "Done"}
