"""How far a task says it is."""

from __future__ import annotations

import pytest
from conftest import Backend, events, submit, wait_until


def test_what_a_task_reports_is_listed_while_it_runs_and_told_after_its_end(backend: Backend) -> None:
    submit(
        backend,
        """
        def work():
            cattino.report(step=3, total=17, loss=0.625, nan=float("nan"))
            open("events", "w").write("up")
            while not os.path.exists("go"):
                time.sleep(0.01)
            cattino.report(total=17, step=17)
        import time
        cattino.export(ProcTask(work, task_name="t", min_devices=0))
        """,
    )
    wait_until(lambda: events(backend), "it has reported")
    assert "18 % (3/17), loss 0.625" in backend.meow("list").stdout
    assert backend.task("t")["task"]["progress"] == {"step": 3, "total": 17, "metrics": {"loss": 0.625}}
    backend.write("go", "")
    backend.meow("wait", "t")
    assert "progress" not in backend.json("list")["tasks"][0]
    assert backend.task("t")["task"]["progress"] == {"step": 17, "total": 17, "metrics": {}}


@pytest.mark.parametrize("stream", ["1", "2"])
def test_the_bar_of_a_task_that_reports_nothing_is_read(backend: Backend, stream: str) -> None:
    bar = r"\r  5%|5    | 1/20 [00:01<00:19]\r 45%|####  | 9/20 [00:09<00:11,  1.00it/s]"
    backend.meow("create", f"printf '%b' '{bar}' >&{stream}; touch up; sleep 1000", "-n", "t", "-c", "0")
    wait_until((backend.work / "up").exists, "it has drawn")
    assert "45 % (9/20)" in backend.meow("list").stdout


def test_every_attempt_reports_anew(backend: Backend) -> None:
    submit(
        backend,
        """
        def work():
            attempt = int(os.environ["CATTINO_ATTEMPT"])
            if attempt == 1:
                cattino.report(step=1)
                sys.exit(1)
        cattino.export(ProcTask(work, task_name="t", min_devices=0, retries=1, backoff=0))
        """,
    )
    backend.meow("wait", "t")
    assert "progress" not in backend.task("t")["task"]
